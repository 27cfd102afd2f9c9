import shutil
from datetime import date

import pytest

from cities import ENGINES, ROOT


@pytest.mark.parametrize("engine", ENGINES)
def test_the_card_of_the_published_run(sample_cities, tmp_path, engine):
    city = sample_cities[engine]
    file = tmp_path / "card.md"
    result = city.la_pipes("report", "--card", "--to", file)
    assert result.exit_code == 0, result.output
    run = city.value("select max(run_id) from powerbi.pipe_risk")
    text = file.read_text()
    assert f"# Model card: {run}" in text
    assert f"the card of {run}" in result.output
    # What it learned from, as the warehouse has it.
    (final,) = city.rows(
        f"select train_from, trained_until, row_count, break_count from ml.model_runs "
        f"where run_id = '{run}' order by trained_until desc limit 1"
    )
    days = f"{final['train_from']} to {final['trained_until']}"
    assert f"| scores | {days} | {final['row_count']:,} | {final['break_count']:,} |" in text
    assert isinstance(final["trained_until"], date)
    assert "rows of pipes.csv" in text
    # How it was judged, with intervals.
    (caught,) = city.rows(
        f"select value, lower_95, upper_95 from ml.model_metrics where run_id = '{run}' "
        "and metric = 'capture_at_10pct_length' and segment = 'all' and model_name = "
        f"(select max(model_name) from ml.model_runs where run_id = '{run}')"
    )
    low, high = 100 * caught["lower_95"], 100 * caught["upper_95"]
    cell = f"{100 * caught['value']:.0f} % ({low:.0f} to {high:.0f} %)"
    assert f"| breaks in the riskiest 10 % of length | {cell} |" in text
    assert "## Not to be used for" in text


def test_a_card_of_no_run_says_so(sample_cities, tmp_path):
    result = sample_cities["duckdb"].la_pipes(
        "report", "--card", "--run-id", "pipe-nothing", "--to", tmp_path / "card.md"
    )
    assert result.exit_code == 2
    assert "There is no pipe run 'pipe-nothing'; the newest is " in result.output
    assert not (tmp_path / "card.md").exists()


def test_training_writes_the_card_of_its_run(sample_cities, copy_city, tmp_path):
    city = copy_city(sample_cities["duckdb"])
    # A project of its own, so that no card of another test is found.
    for name in ("dbt_project.yml", "models", "schemas"):
        (tmp_path / name).symlink_to(ROOT / name)
    city.environment["LA_PIPES_PROJECT_DIR"] = str(tmp_path)
    run = city.value("select max(run_id) from powerbi.pipe_risk")
    cards = tmp_path / "artifacts" / "model_cards"
    card = cards / f"{run}.md"
    # The run is there and its card is not; then both are.
    for _ in range(2):
        result = city.la_pipes("train", "--grain", "pipe")
        assert result.exit_code == 0, result.output
        assert f"run {run} is there already; its card is {card}" in result.output
    again = tmp_path / "again.md"
    assert city.la_pipes("report", "--card", "--run-id", run, "--to", again).exit_code == 0
    assert card.read_text() == again.read_text()
    trained = city.la_pipes("train", "--grain", "pipe", "--as-of", "2022-01-01")
    assert trained.exit_code == 0, trained.output
    (new,) = set(cards.iterdir()) - {card}
    assert f"run {new.stem} learned from " in trained.output
    assert f"; its card is {new}" in trained.output
    assert f"# Model card: {new.stem}" in new.read_text()
    # A folder that cannot be written to is told in a sentence; run and cards stay.
    before = new.read_text()
    shutil.rmtree(cards)
    cards.write_text("in the way")
    refused = city.la_pipes("train", "--grain", "pipe")
    assert refused.exit_code == 2
    assert f"Cannot write {card}" in refused.output
    cards.unlink()
    assert city.la_pipes("train", "--grain", "pipe", "--as-of", "2022-01-01").exit_code == 0
    assert new.read_text() == before

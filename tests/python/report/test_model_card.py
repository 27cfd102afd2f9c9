from datetime import date

import pytest

from cities import ENGINES


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
    cell = f"{caught['value']:.3f} ({caught['lower_95']:.3f} to {caught['upper_95']:.3f})"
    assert f"| breaks in the riskiest 10 % of length | {cell} |" in text
    assert "## Not to be used for" in text


def test_a_card_of_no_run_says_so(sample_cities, tmp_path):
    result = sample_cities["duckdb"].la_pipes(
        "report", "--card", "--run-id", "pipe-nothing", "--to", tmp_path / "card.md"
    )
    assert result.exit_code == 2
    assert "There is no pipe run 'pipe-nothing'; the newest is " in result.output
    assert not (tmp_path / "card.md").exists()

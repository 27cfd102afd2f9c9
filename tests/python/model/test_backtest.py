from datetime import date

import numpy as np
import pandas as pd
import pytest

from cities import DATA, ROOT, needs_real_data
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.backtest import backtest
from la_pipeline_failure_predict.model.backtest_config import (
    CONFIG_FILE,
    BacktestConfig,
    read_config,
)
from la_pipeline_failure_predict.model.champion import read_champion
from la_pipeline_failure_predict.model.data import AREA_MONTHS, PIPES, add_months
from la_pipeline_failure_predict.model.features import read_features
from la_pipeline_failure_predict.model.folds import make_folds
from la_pipeline_failure_predict.model.grains import AREAS, GRAINS, MAINS
from la_pipeline_failure_predict.model.train import train
from la_pipeline_failure_predict.report.backtest_report import write_backtest_report
from la_pipeline_failure_predict.tables import Column, Table
from la_pipeline_failure_predict.warehouse.base import create_statement

PIPE_FEATURES = read_features(ROOT, MAINS)
MART = "features.fct_pipe_features"
QUICK = {
    "models": ["poisson_glm", "empirical_bayes"],
    "least_training_months": 36,
    "held_back_origins": 2,
    "resamples": 50,
}


@pytest.fixture
def pipes(warehouse, marts, make_pipes):
    marts.fill(warehouse, "fct_pipe_features", make_pipes(pipes=800))
    return warehouse


def run(warehouse, marts, grain="pipe", final=False, **changes):
    config = BacktestConfig.model_validate(QUICK | changes)
    features = read_features(ROOT, GRAINS[grain])
    return backtest(warehouse, features, config, final=final, progress=marts.count)


def figures(result, split="rolling_pooled"):
    return {
        (item.model_name, item.segment, item.metric): item.estimate for item in result.split(split)
    }


def written(warehouse, backtest_id):
    return warehouse.query(
        "select split_name, as_of_date, model_name, segment, metric, value, lower_95, upper_95, "
        f"row_count, break_count from ml.model_metrics where run_id = '{backtest_id}' "
        "order by 1, 2, 3, 4, 5"
    ).to_pylist()


def test_origins_learn_only_from_labels_that_had_ended():
    days = [date(year, 1, 1) for year in range(2008, 2022)]
    config = BacktestConfig.model_validate({"models": ["poisson_glm"], "gap_months": 12})
    folds = make_folds(PIPES, days, config)
    assert [fold.origin.year for fold in folds.development] == [2013, 2014, *range(2015, 2020)]
    assert [fold.origin.year for fold in folds.held_back] == [2020, 2021]
    for fold in (*folds.development, *folds.held_back):
        # A year of gap: the label of two years before is the last that had ended by then.
        assert max(fold.train).year == fold.origin.year - 2
        assert fold.test == (fold.origin,)


def test_origins_of_months_predict_half_a_year():
    days = [add_months(date(2010, 1, 1), month) for month in range(42)]
    config = BacktestConfig.model_validate(
        {
            "models": ["poisson_glm"],
            "least_training_months": 18,
            "origin_every_months": 6,
            "test_months": 6,
        }
    )
    folds = make_folds(AREA_MONTHS, days, config)
    (first, second) = folds.development
    assert (first.origin, second.origin) == (date(2011, 7, 1), date(2012, 1, 1))
    assert (first.train[-1], len(first.test)) == (date(2011, 6, 1), 6)
    assert folds.held_back[-1].test[-1] == date(2013, 6, 1)


def test_a_record_that_is_too_short_says_so():
    config = BacktestConfig.model_validate({"models": ["poisson_glm"]})
    days = [date(year, 1, 1) for year in range(2015, 2021)]
    with pytest.raises(UserError, match=r"too short: 6 periods .* give 2 origins from 2019-01-01"):
        make_folds(PIPES, days, config)


def test_judges_models_and_rules_and_writes_what_it_found(pipes, marts):
    result = run(pipes, marts, baselines=["cohort_rate", "register_glm", "weibull"])
    assert [fold.origin.year for fold in result.folds.development] == [2015, 2016, 2017]
    found = figures(result)
    names = {key[0] for key in found}
    assert names >= {"poisson_glm", "empirical_bayes", "cohort_rate", "register_glm", "weibull"}
    assert names >= {"past_breaks_per_km", "age", "length", "random"}
    for name in names:
        caught = [
            found[name, "all", f"capture_at_{share}_length"].value for share in ("1pct", "20pct")
        ]
        assert 0 <= caught[0] < caught[1] < 1
    model = found["empirical_bayes", "all", "capture_at_20pct_length"]
    assert model.lower < model.value < model.upper
    assert model.value > found["random", "all", "capture_at_20pct_length"].value + 0.1
    gain = found["empirical_bayes", "all", f"capture_gain_over_{result.rule}_at_20pct_length"]
    rule = found[result.rule, "all", "capture_at_20pct_length"]
    assert gain.value == pytest.approx(model.value - rule.value)
    # Paired: the gain is known better than either capture.
    assert gain.upper - gain.lower < (model.upper - model.lower) + (rule.upper - rule.lower)
    assert ("empirical_bayes", "material_group=cast_iron", "observed_over_expected") in found
    tenths = [
        found["empirical_bayes", f"risk_tenth={n:02d}", "expected_breaks"].value for n in (1, 10)
    ]
    assert tenths[0] == pytest.approx(tenths[1], rel=0.15)
    # Each origin, all together; the origins' breaks add up.
    listed = written(pipes, result.backtest_id)
    assert len(listed) == sum(len(items) for _, _, items in result.splits)
    breaks = {
        (row["split_name"], row["as_of_date"]): row["break_count"]
        for row in listed
        if row["segment"] == "all"
    }
    pooled = breaks.pop(("rolling_pooled", date(2015, 1, 1)))
    assert pooled == sum(breaks.values())


def test_the_same_seed_gives_the_same_figures_and_replaces_itself(pipes, marts):
    first = run(pipes, marts, max_training_rows=2000)
    before = written(pipes, first.backtest_id)
    again = run(pipes, marts, max_training_rows=2000)
    assert again.backtest_id == first.backtest_id
    assert written(pipes, first.backtest_id) == before
    assert pipes.scalar("select count(*) from ml.backtests") == 1
    assert run(pipes, marts, max_training_rows=2000, seed=2).backtest_id != first.backtest_id


def test_an_origin_is_blind_to_everything_after_it(pipes, marts):
    """Turning the labels after an origin upside down leaves what it predicted as it was."""
    before = run(pipes, marts)
    pipes.execute(
        f"update {MART} set breaks_next_12m = 3 - breaks_next_12m "
        "where as_of_date > date '2016-01-01'"
    )
    after = run(pipes, marts)
    assert before.backtest_id != after.backtest_id
    for one, other in zip(before.splits, after.splits, strict=True):
        if one[0] == "rolling_origin" and one[1] <= date(2016, 1, 1):
            # The strongest rule, which gains are over, is chosen on all origins.
            assert [item for item in one[2] if "gain" not in item.metric] == [
                item for item in other[2] if "gain" not in item.metric
            ]


def test_held_back_origins_are_not_looked_at(pipes, marts):
    before = run(pipes, marts)
    pipes.execute(
        f"update {MART} set breaks_next_12m = 3 - breaks_next_12m, breaks_ever = 9 "
        "where as_of_date >= date '2018-01-01'"
    )
    after = run(pipes, marts)
    assert before.backtest_id == after.backtest_id
    assert before.splits == after.splits
    assert not after.split("held_back_pooled")


def test_looking_at_the_held_back_origins_is_recorded(pipes, marts):
    development = run(pipes, marts)
    first = run(pipes, marts, final=True)
    assert first.held_back_uses == 1
    assert first.champion == development.champion
    assert figures(first) == figures(development)
    assert [split[1].year for split in first.splits if split[0] == "held_back_origin"] == [
        2018,
        2019,
    ]
    # The same configuration again replaces itself, and is the second look all the same.
    assert run(pipes, marts, final=True).held_back_uses == 2
    assert run(pipes, marts, final=True, seed=2).held_back_uses == 3
    row = pipes.query(
        "select is_final, held_back_from, held_back_uses from ml.backtests "
        "order by held_back_uses desc limit 1"
    ).to_pylist()[0]
    assert row == {"is_final": True, "held_back_from": date(2018, 1, 1), "held_back_uses": 3}


def test_shuffled_labels_cannot_be_predicted(warehouse, marts, make_pipes):
    rows = make_pipes(pipes=8000, years=range(2012, 2019), shuffled=True)
    # Length stays out of it: it is the exposure, and so a predictor whatever the labels.
    rows["length_m"] = [100.0] * len(rows["length_m"])
    marts.fill(warehouse, "fct_pipe_features", rows)
    found = figures(run(warehouse, marts, held_back_origins=0, models=["empirical_bayes"]))
    assert found["empirical_bayes", "all", "auc"].value == pytest.approx(0.5, abs=0.025)


def test_the_champion_is_what_training_trains(pipes, marts):
    assert "no backtest has been run" in read_champion(pipes, MAINS).reason
    result = run(pipes, marts, models={"poisson_glm": {"penalty": 30.0}})
    trained = train(pipes, PIPE_FEATURES, progress=marts.progress)
    assert trained.model_name == "poisson_glm"
    parameters = pipes.scalar(
        f"select parameters from ml.model_runs where run_id = '{trained.run_id}'"
    )
    assert f"champion of {result.backtest_id}: the only candidate" in str(parameters)
    # With the parameters that it was judged with, not with the defaults.
    assert "30.0" in str(parameters)
    asked = train(pipes, PIPE_FEATURES, model="empirical_bayes", progress=marts.progress)
    assert asked.run_id.startswith("pipe-empirical-bayes-")
    with pytest.raises(UserError, match="no pipe model 'oracle'; there are poisson_glm"):
        train(pipes, PIPE_FEATURES, model="oracle", progress=marts.progress)


def test_blocks_are_predicted_by_fits_that_never_saw_them(pipes, marts):
    spatial = {"block_m": 100, "folds": 2, "origins": 1}
    assert "no location" in run(pipes, marts, spatial=spatial).spatial_note
    ids = [
        row["pipe_id"] for row in pipes.query(f"select distinct pipe_id from {MART}").to_pylist()
    ]
    place = {name: number for number, name in enumerate(sorted(ids))}
    columns = (("pipe_id", "text"), ("x_m", "double precision"), ("y_m", "double precision"))
    table = Table("dim_pipes", "core", "core", "", tuple(Column(n, t, "") for n, t in columns))
    pipes.execute("create schema if not exists core")
    pipes.execute(create_statement(table))
    import pyarrow as pa

    grid = {
        "pipe_id": list(place),
        "x_m": [50.0 * (number % 20) for number in place.values()],
        "y_m": [50.0 * (number // 20) for number in place.values()],
    }
    pipes.append(table, pa.table(grid).to_reader())
    result = run(pipes, marts, spatial=spatial)
    found = figures(result, "spatial_blocks")
    assert "200 blocks of 100 m in 2 folds" in result.spatial_note
    assert found["poisson_glm", "all", "auc"].value > 0.6
    assert 0.5 < found["poisson_glm", "all", "observed_over_expected"].value < 2


def test_postgres_finds_what_duckdb_finds(pipes, postgres, marts, make_pipes):
    marts.fill(postgres, "fct_pipe_features", make_pipes(pipes=800))
    here, there = run(pipes, marts), run(postgres, marts)
    assert here.backtest_id == there.backtest_id
    assert here.champion.name == there.champion.name
    one, other = written(pipes, here.backtest_id), written(postgres, there.backtest_id)
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        for name in ("value", "lower_95", "upper_95"):
            one_value, other_value = left.pop(name), right.pop(name)
            if one_value is None:
                assert other_value is None
            else:
                assert one_value == pytest.approx(other_value, rel=1e-6, abs=1e-9)
        assert left == right


def test_areas_are_judged_by_deviance_over_whole_months(warehouse, marts, make_areas):
    marts.fill(warehouse, "fct_area_month_features", make_areas())
    result = run(
        warehouse,
        marts,
        "area_month",
        models=["poisson_glm"],
        least_training_months=18,
        origin_every_months=6,
        test_months=6,
    )
    found = figures(result)
    assert result.rule in ("same_month_mean", "last_12_months_rate")
    for rule in ("same_month_mean", "last_12_months_rate"):
        gain = found["poisson_glm", "all", f"deviance_gain_over_{rule}"]
        assert gain.lower < gain.value < gain.upper
        difference = (
            found[rule, "all", "poisson_deviance"].value
            - found["poisson_glm", "all", "poisson_deviance"].value
        )
        assert gain.value == pytest.approx(difference)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pipe: [1", "is not YAML"),
        ("area_month: {models: [poisson_glm]}", "has no section 'pipe': add one"),
        ("pipe: {modells: [poisson_glm]}", "there is no key 'modells' .did you mean models"),
        ("pipe: {models: [poisson_glm], gap: 3}", "pipe: there is no key 'gap'"),
        ("pipe: {models: []}", "name at least one model"),
        ("pipe: {models: [poisson_glm], decision_shares: [0.3]}", "choose among 0.005, 0.01"),
        ("pipe: {models: [poisson_glm], gap_months: -1}", "greater than or equal to 0"),
        (
            "pipe: {models: [poisson_glm], first_origin: soon}",
            "pipe.first_origin: must be a day that exists",
        ),
    ],
)
def test_says_what_is_wrong_with_a_configuration(tmp_path, text, message):
    file = tmp_path / "backtest.yml"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        read_config(ROOT, MAINS, file)
    with pytest.raises(UserError, match=r"No configuration .*nowhere.yml: check the path"):
        read_config(ROOT, MAINS, tmp_path / "nowhere.yml")


def test_only_what_can_be_trained_is_a_candidate_and_only_mains_lie_in_blocks(tmp_path):
    file = tmp_path / "backtest.yml"
    file.write_text("pipe: {models: [weibull]}\narea_month: {models: [poisson_glm], spatial: {}}")
    with pytest.raises(UserError, match="weibull is a baseline"):
        read_config(ROOT, MAINS, file).make(PIPE_FEATURES)
    with pytest.raises(UserError, match=r"area_month\.spatial: only mains have blocks"):
        read_config(ROOT, AREAS, file)


def test_a_candidate_is_held_to_the_bounds_of_the_warning(pipes, marts, tmp_path):
    """A utility that changes the seed's bounds changes what may become champion."""
    file = tmp_path / "seeds" / "plausibility_bounds.csv"
    with pytest.raises(UserError, match=r"There is no .*plausibility_bounds.csv"):
        read_config(tmp_path, MAINS, ROOT / CONFIG_FILE)
    file.parent.mkdir()
    file.write_text(
        "figure,severity,lower_bound,upper_bound\n"
        "observed_over_expected,warning,5,6\nobserved_over_expected,error,,7\nother,error,1,2\n"
    )
    band = read_config(tmp_path, MAINS, ROOT / CONFIG_FILE).ratio_band
    assert band == (5, 6)
    reason = run(pipes, marts, ratio_band=band).champion.reason
    assert "empirical_bayes is out of calibration (observed/expected" in reason


def test_the_projects_own_configuration_names_every_candidate():
    config = read_config(ROOT, MAINS)
    models, baselines = config.make(PIPE_FEATURES)
    assert [model.name for model in models] == [*list(QUICK["models"]), "gradient_boosting"]
    assert [model.name for model in baselines] == ["cohort_rate", "register_glm", "weibull"]
    assert config.held_back_origins == 2
    assert read_config(ROOT, AREAS).make(read_features(ROOT, AREAS))[0][0].name == "poisson_glm"


def test_progress_counts_every_fit(pipes, marts):
    result = run(pipes, marts)
    fits = len(result.folds.development) * len((*result.models, *result.baselines))
    counted = [done for done, total in marts.counted if total == fits]
    assert counted[:fits] == list(range(fits))


def test_the_report_can_be_read_alone(pipes, marts, tmp_path):
    result = run(pipes, marts)
    file = write_backtest_report(result, tmp_path / "reports")
    text = file.read_text()
    assert f"**Champion: {result.champion.name}**" in text
    assert "Held back and not looked at: 2018-01-01, 2019-01-01" in text
    caught = figures(result)["empirical_bayes", "all", "capture_at_10pct_length"].value
    assert f"{caught:.3f} (" in text
    for name in ("capture_curve.png", "calibration.png"):
        assert f"({name})" in text
        assert (file.parent / name).stat().st_size > 5000
    assert not list(file.parent.glob("*.part"))


def test_backtest_from_the_command_line(sample_cities, copy_city, tmp_path):
    city = copy_city(sample_cities["duckdb"])
    config = tmp_path / "quick.yml"
    config.write_text("pipe: {models: [poisson_glm, empirical_bayes], resamples: 50}")
    arguments = ("backtest", "--grain", "pipe", "--config", config, "--to", tmp_path / "out")
    result = city.la_pipes(*arguments)
    assert result.exit_code == 0, result.output
    assert "backtest pipe: " in result.output
    assert "Champion: " in result.output
    assert (tmp_path / "out" / "pipe.md").is_file()
    backtests = city.rows("select * from ml.backtests where grain = 'pipe'")
    assert [row["is_final"] for row in backtests] == [False]
    refused = city.la_pipes("backtest", "--config", tmp_path / "none.yml")
    assert refused.exit_code == 2
    assert "check the path given to --config" in refused.output


@needs_real_data
def test_kitcheners_mains_are_ranked_better_than_by_past_breaks(kitchener_cities, copy_city, marts):
    with copy_city(kitchener_cities["duckdb"]).connect() as warehouse:
        result = run(warehouse, marts, least_training_months=48, resamples=200)
    found = figures(result)
    assert [fold.origin.year for fold in result.folds.held_back] == [2020, 2021]
    gain = found["empirical_bayes", "all", "capture_gain_over_past_breaks_per_km_at_10pct_length"]
    assert gain.lower > 0.02
    for share in ("0_5pct", "1pct", "5pct", "20pct"):
        name = f"capture_gain_over_past_breaks_per_km_at_{share}_length"
        assert found["empirical_bayes", "all", name].upper > 0
    assert 0.85 < found["empirical_bayes", "all", "observed_over_expected"].value < 1.15
    assert 0.9 < found["empirical_bayes", "all", "calibration_slope"].value < 1.1
    assert DATA.is_dir()


def test_no_origin_without_breaks_before_it(pipes, marts):
    pipes.execute(f"update {MART} set breaks_next_12m = 0 where as_of_date < date '2015-01-01'")
    with pytest.raises(UserError, match="no breaks before the origin 2015-01-01"):
        run(pipes, marts)


def test_an_origin_without_breaks_after_it_has_no_capture_but_a_ratio(pipes, marts):
    pipes.execute(f"update {MART} set breaks_next_12m = 0 where as_of_date = date '2016-01-01'")
    result = run(pipes, marts)
    (quiet,) = [
        split for split in result.splits if split[:2] == ("rolling_origin", date(2016, 1, 1))
    ]
    found = {(item.model_name, item.segment, item.metric): item.estimate for item in quiet[2]}
    assert found["poisson_glm", "all", "capture_at_10pct_length"].value is None
    assert found["poisson_glm", "all", "auc"].value is None
    assert found["poisson_glm", "all", "observed_over_expected"].value == 0
    assert np.isfinite(figures(result)["poisson_glm", "all", "capture_at_10pct_length"].value)


def test_share_of_what_the_true_hazard_catches(sample_cities, copy_city, sample_files, tmp_path):
    city = copy_city(sample_cities["duckdb"])
    config = tmp_path / "quick.yml"
    config.write_text("pipe: {models: [poisson_glm], resamples: 50}")
    truth = sample_files.parent / "true_hazard.parquet"
    arguments = ("backtest", "--grain", "pipe", "--config", config, "--to", tmp_path / "out")
    plain = city.la_pipes(*arguments)
    (without,) = city.rows("select * from ml.backtests order by ran_at desc limit 1")
    result = city.la_pipes(*arguments, "--truth", truth)
    assert result.exit_code == 0, result.output
    (row,) = city.rows("select * from ml.backtests order by ran_at desc limit 1")
    # The truth has no say in who wins, and no model sees it.
    assert row["backtest_id"] != without["backtest_id"]
    assert row["champion"] == without["champion"]
    sql = (
        "select model_name, metric, value, lower_95, upper_95 from ml.model_metrics where run_id = "
        "'{}' and split_name = 'rolling_pooled' and segment = 'all'"
    )
    with_truth, before = (
        {(item["model_name"], item["metric"]): item for item in city.rows(sql.format(name))}
        for name in (row["backtest_id"], without["backtest_id"])
    )
    assert {key: with_truth[key] for key in before} == before
    # By hand, from the file, the features and the breaks: what the ranking catches.
    assert with_truth["true_hazard", "capture_at_10pct_length"]["value"] == pytest.approx(
        caught_by_the_truth(city, truth, row, 0.1)
    )
    for share in ("0_5pct", "1pct", "5pct", "10pct", "20pct"):
        for name in ("poisson_glm", "past_breaks_per_km", "random"):
            found = with_truth[name, f"oracle_share_at_{share}_length"]
            captures = [
                with_truth[which, f"capture_at_{share}_length"]["value"]
                for which in (name, "true_hazard")
            ]
            assert found["value"] == pytest.approx(captures[0] / captures[1])
            assert found["lower_95"] <= found["value"] <= found["upper_95"]
    share = {
        name: with_truth[name, "oracle_share_at_20pct_length"]["value"]
        for name in ("poisson_glm", "random")
    }
    assert share["poisson_glm"] > 0.7 > share["random"]
    assert "of what ranking by the true hazard" in result.output
    assert "true hazard" not in plain.output
    text = (tmp_path / "out" / "pipe.md").read_text()
    assert f"{share['poisson_glm']:.3f} (" in text


def caught_by_the_truth(city, truth, backtest, share):
    """Return the capture of ranking the mains of each origin by true hazard per meter."""
    hazard = pd.read_parquet(truth)
    rows = pd.DataFrame(
        city.rows(
            "select pipe_id, cast(extract(year from as_of_date) as integer) as year, length_m, "
            "breaks_next_12m from features.fct_pipe_features where as_of_date between date "
            f"'{backtest['first_origin']}' and date '{backtest['last_origin']}'"
        )
    )
    rows = rows.merge(hazard, how="left", on=["pipe_id", "year"]).fillna({"expected_breaks": 0})
    rows["rate"] = rows["expected_breaks"] / rows["length_m"]
    caught = 0.0
    for _, year in rows.sort_values("rate", ascending=False).groupby("year", sort=False):
        end = year["length_m"].cumsum()
        part = (share * year["length_m"].sum() - end + year["length_m"]) / year["length_m"]
        caught += float(part.clip(0, 1) @ year["breaks_next_12m"])
    return caught / rows["breaks_next_12m"].sum()


def test_a_true_hazard_that_does_not_fit_is_told_in_a_sentence(
    sample_cities, sample_files, tmp_path
):
    city = sample_cities["duckdb"]
    before = city.value("select count(*) from ml.backtests")
    hazard = pd.read_parquet(sample_files.parent / "true_hazard.parquet")
    text = tmp_path / "text.parquet"
    text.write_text("pipe_id,year")
    cases = {
        tmp_path / "none.parquet": "No file",
        text: "cannot be read as a true hazard",
        written_as(tmp_path / "a.parquet", hazard.drop(columns="year")): "has no column year",
        written_as(tmp_path / "b.parquet", hazard.assign(pipe_id="X" + hazard["pipe_id"])): (
            "has the hazard in "
        ),
        written_as(tmp_path / "c.parquet", hazard[hazard["year"] < 2012]): " of 0 of ",
        written_as(tmp_path / "d.parquet", pd.concat([hazard, hazard[:1]])): (
            "lists a main and year twice"
        ),
        written_as(tmp_path / "e.parquet", hazard.assign(expected_breaks=-1.0)): (
            "has expected breaks that are not numbers of 0 or more"
        ),
    }
    for file, sentence in cases.items():
        result = city.la_pipes("backtest", "--grain", "pipe", "--truth", file)
        assert result.exit_code == 2, file
        assert sentence in result.output, result.output
        assert "la-pipes sample wrote" in result.output
    refused = city.la_pipes("backtest", "--grain", "area_month", "--truth", text)
    assert (refused.exit_code, "is the hazard of mains" in refused.output) == (2, True)
    assert city.value("select count(*) from ml.backtests") == before


def written_as(file, rows):
    """Write rows to a Parquet file."""
    rows.to_parquet(file)
    return file

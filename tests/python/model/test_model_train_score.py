from datetime import date
from pathlib import Path

import numpy as np
import pytest

from cities import ROOT
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model import registry
from la_pipeline_failure_predict.model.features import read_features
from la_pipeline_failure_predict.model.grains import GRAINS
from la_pipeline_failure_predict.model.score import score
from la_pipeline_failure_predict.model.train import train

PIPES, AREAS = "fct_pipe_features", "fct_area_month_features"
PACKAGE = Path(registry.__file__).parent


def rows_of(warehouse, sql):
    return warehouse.query(sql).to_pylist()


def run(function, warehouse, marts, grain, **options):
    of = read_features(ROOT, GRAINS[grain]) if function is train else GRAINS[grain]
    return function(warehouse, of, progress=marts.progress, **options)


def score_sql(warehouse, marts, run_id, trained_until, mart, exposure, unit):
    """Return the SQL that the terms' table in `model.design` describes."""
    forms = {
        "linear": "{x}",
        "log": "ln(case when {x} > 0 then {x} end)",
        "log1p": "ln(case when {x} > -1 then 1 + {x} end)",
    }
    parts, shape, power, breaks, years = [], "0", "0", ["0"], ["0"]
    for row in rows_of(
        warehouse,
        f"select * from ml.model_coefficients where run_id = '{run_id}' "
        f"and trained_until = date '{trained_until}'",
    ):
        feature, coefficient = row["feature"] or "", repr(row["coefficient"])
        x = f"cast({feature} as double precision)"
        if "/" in feature:
            above, below = feature.split("/")
            x = f"(case when {below} > 0 then cast({above} as double precision) / {below} end)"
        if row["transform"].startswith("eb_"):
            known = f"cast(coalesce({feature or 0}, 0) as double precision) / {row['scale']!r}"
            if row["transform"] == "eb_shape":
                shape = coefficient
            elif row["transform"] == "eb_shape_power":
                power = coefficient
            elif row["transform"] == "eb_breaks":
                breaks.append(f"{coefficient} * {known}")
            elif row["transform"] == "eb_years":
                years.append(f"{coefficient} * {known}")
            else:
                years.append(f"{coefficient} * least({known}, 1)")
            continue
        if row["transform"] == "intercept":
            value = "1"
        elif row["transform"] == "indicator":
            text = " || '*' || ".join(f"cast({part} as text)" for part in feature.split("*"))
            value = f"(case when {text} = '{row['level']}' then 1 else 0 end)"
        elif row["transform"] == "missing":
            value = f"(case when {x} is null then 1 else 0 end)"
        else:
            moved = f"({forms[row['transform']].format(x=x)} - ({row['center']!r}))"
            value = f"coalesce({moved} / {row['scale']!r}, 0)"
        parts.append(f"cast({coefficient} as double precision) * {value}")
    mean = f"exp({' + '.join(parts)}) * ({exposure} / {unit})"
    record, observed = f"({' + '.join(breaks)})", f"({' + '.join(years)})"
    # Without a factor of history the shape is 0, and so is what it is added to.
    factor = "1"
    if shape != "0":
        shape = f"{shape} * power({mean}, {power})"
        factor = f"({shape} + {record}) / ({shape} + {mean} * {observed})"
    return f"select *, {mean} * {factor} as by_sql from {mart}"


@pytest.fixture
def pipes(warehouse, marts, make_pipes):
    marts.fill(warehouse, PIPES, make_pipes())
    return warehouse


@pytest.fixture
def areas(warehouse, marts, make_areas):
    marts.fill(warehouse, AREAS, make_areas())
    return warehouse


def test_trains_two_fits_and_judges_the_first(pipes, marts):
    trained = run(train, pipes, marts, "pipe")
    assert trained.run_id.startswith("pipe-empirical-bayes-20200101-")
    assert (trained.rows, trained.test_from, trained.skipped) == (12_000, date(2019, 1, 1), False)
    runs = rows_of(pipes, "select * from ml.model_runs order by trained_until")
    assert [row["trained_until"] for row in runs] == [date(2019, 1, 1), date(2020, 1, 1)]
    assert [row["row_count"] for row in runs] == [10_500, 12_000]
    assert [item.metric for item in trained.headline] == [
        "capture_at_1pct_length",
        "capture_at_10pct_length",
        "capture_gain_over_past_breaks_per_km_at_10pct_length",
        "auc",
        "observed_over_expected",
    ]
    figures = {
        (item.model_name, item.segment, item.metric): item.estimate for item in trained.metrics
    }
    assert len(figures) == len(trained.metrics)
    model = figures["empirical_bayes", "all", "capture_at_20pct_length"]
    assert model.lower < model.value < model.upper
    assert model.value > figures["random", "all", "capture_at_20pct_length"].value
    assert figures["empirical_bayes", "all", "observed_over_expected"].value == pytest.approx(
        1, abs=0.3
    )
    assert ("empirical_bayes", "no_history", "capture_at_10pct_length") in figures


def test_finds_the_effects_the_breaks_came_from(warehouse, marts, make_pipes):
    marts.fill(warehouse, PIPES, make_pipes(pipes=6000))
    trained = run(train, warehouse, marts, "pipe", model="poisson_glm")
    rows = rows_of(
        warehouse,
        f"select term, coefficient / scale as effect from ml.model_coefficients "
        f"where run_id = '{trained.run_id}' and trained_until = date '2020-01-01'",
    )
    effects = {row["term"]: row["effect"] for row in rows}
    assert effects["log(length_m)"] == pytest.approx(-0.3, abs=0.1)
    # The reference has no term, and an era's own deviation adds to its material's.
    iron, ductile = (
        effects.get(f"material_group={name}", 0)
        + effects.get(f"material_group*install_era={name}*before_1931", 0)
        for name in ("cast_iron", "ductile_iron")
    )
    assert iron - ductile == pytest.approx(np.log(5), abs=0.3)


def test_shuffled_labels_cannot_be_predicted(warehouse, marts, make_pipes):
    rows = make_pipes(pipes=20_000, years=range(2015, 2020), shuffled=True)
    # Length stays out of it: it is the exposure, and so a predictor whatever the labels.
    rows["length_m"] = [100.0] * len(rows["length_m"])
    marts.fill(warehouse, PIPES, rows)
    trained = run(train, warehouse, marts, "pipe")
    auc = next(item for item in trained.headline if item.metric == "auc")
    assert auc.estimate.value == pytest.approx(0.5, abs=0.02)


def test_training_again_does_nothing(pipes, marts):
    first = run(train, pipes, marts, "pipe")
    before = rows_of(pipes, "select * from ml.model_runs")
    again = run(train, pipes, marts, "pipe")
    assert again.skipped
    assert (again.run_id, again.rows, again.breaks) == (first.run_id, first.rows, first.breaks)
    assert again.headline == first.headline
    assert again.test_from == first.test_from
    assert rows_of(pipes, "select * from ml.model_runs") == before


def test_another_break_or_another_seed_is_another_run(pipes, marts):
    first = run(train, pipes, marts, "pipe").run_id
    assert run(train, pipes, marts, "pipe", seed=2).run_id != first
    pipes.execute(
        f"update features.{PIPES} set breaks_next_12m = breaks_next_12m + 1 "
        "where pipe_id = 'P00007' and as_of_date = date '2015-01-01'"
    )
    assert run(train, pipes, marts, "pipe").run_id != first


def test_the_order_of_rows_is_not_another_run(warehouse, marts, make_pipes, tmp_path):
    rows = make_pipes(pipes=300)
    marts.fill(warehouse, PIPES, rows)
    first = run(train, warehouse, marts, "pipe").run_id
    warehouse.execute(
        f"create or replace table features.{PIPES} as "
        f"select * from features.{PIPES} order by length_m, as_of_date"
    )
    assert run(train, warehouse, marts, "pipe").run_id == first


def test_no_fit_sees_labels_after_its_day(pipes, marts):
    """Turning every later label upside down leaves the evaluation fit as it was."""
    coefficients = (
        "select term, coefficient from ml.model_coefficients "
        "where run_id = '{}' and trained_until = date '2019-01-01' order by term"
    )
    first = run(train, pipes, marts, "pipe").run_id
    pipes.execute(
        f"update features.{PIPES} set breaks_next_12m = 3 - breaks_next_12m "
        "where as_of_date >= date '2019-01-01'"
    )
    second = run(train, pipes, marts, "pipe").run_id
    assert first != second
    assert rows_of(pipes, coefficients.format(first)) == rows_of(pipes, coefficients.format(second))


def test_as_of_leaves_later_labels_out(pipes, marts):
    trained = run(train, pipes, marts, "pipe", as_of=date(2018, 6, 30))
    assert trained.trained_until == date(2018, 1, 1)
    assert trained.test_from == date(2017, 1, 1)
    last = pipes.scalar(f"select max(as_of_date) from features.{PIPES}")
    pipes.execute(f"delete from features.{PIPES} where as_of_date > date '2017-01-01'")
    assert run(train, pipes, marts, "pipe").run_id == trained.run_id
    assert last == date(2020, 1, 1)


def test_scores_are_the_coefficients_table_written_as_sql(pipes, marts):
    trained = run(train, pipes, marts, "pipe")
    scored = run(score, pipes, marts, "pipe")
    assert (scored.first_day, scored.rows) == (date(2020, 1, 1), 1500)
    assert scored.trained_until == (date(2020, 1, 1),)
    sql = score_sql(
        pipes, marts, trained.run_id, "2020-01-01", f"features.{PIPES}", "length_m", 1000
    )
    compared = rows_of(
        pipes,
        f"select s.expected_breaks, s.break_probability, s.horizon_months, f.by_sql "
        f"from ml.pipe_scores as s join ({sql}) as f "
        "on f.pipe_id = s.pipe_id and f.as_of_date = s.as_of_date",
    )
    assert len(compared) == 1500
    for row in compared:
        assert row["expected_breaks"] == pytest.approx(row["by_sql"], rel=1e-12)
        assert row["break_probability"] == pytest.approx(1 - np.exp(-row["by_sql"]), abs=1e-12)
        assert row["horizon_months"] == 12


def test_scoring_twice_leaves_the_same_rows(pipes, marts):
    kept = "select run_id, pipe_id, as_of_date, expected_breaks from ml.pipe_scores order by 2, 3"
    run(train, pipes, marts, "pipe")
    run(score, pipes, marts, "pipe")
    run(score, pipes, marts, "pipe", as_of=date(2019, 1, 1))
    once = rows_of(pipes, kept)
    run(score, pipes, marts, "pipe", batch_rows=500)
    assert rows_of(pipes, kept) == once
    assert len(once) == 3000


def test_a_day_is_scored_by_the_newest_fit_that_had_not_seen_beyond_it(pipes, marts):
    run(train, pipes, marts, "pipe")
    run(score, pipes, marts, "pipe", as_of=date(2019, 1, 1))
    run(score, pipes, marts, "pipe")
    used = rows_of(
        pipes, "select distinct as_of_date, trained_until from ml.pipe_scores order by as_of_date"
    )
    assert [tuple(row.values()) for row in used] == [
        (date(2019, 1, 1), date(2019, 1, 1)),
        (date(2020, 1, 1), date(2020, 1, 1)),
    ]
    with pytest.raises(UserError, match=r"train --grain pipe --as-of 2018-01-01"):
        run(score, pipes, marts, "pipe", as_of=date(2018, 1, 1))
    run(train, pipes, marts, "pipe", as_of=date(2018, 1, 1))
    assert run(score, pipes, marts, "pipe", as_of=date(2018, 1, 1)).rows == 1500


def test_a_level_that_training_never_saw_scores_as_the_reference(pipes, marts):
    run(train, pipes, marts, "pipe")
    twin = (
        f"insert into features.{PIPES} select * replace ({{}} as pipe_id, {{}} as material_group) "
        f"from features.{PIPES} where pipe_id = 'P00001' and as_of_date = date '2020-01-01'"
    )
    known = {
        row["level"]
        for row in rows_of(
            pipes,
            "select distinct level from ml.model_coefficients where feature = 'material_group'",
        )
    }
    reference = ({"cast_iron", "ductile_iron", "plastic"} - known).pop()
    pipes.execute(twin.format("'X1'", "'bamboo'"))
    pipes.execute(twin.format("'X2'", f"'{reference}'"))
    pipes.execute(
        f"update features.{PIPES} set install_era = 'unheard of' where pipe_id in ('X1', 'X2')"
    )
    run(score, pipes, marts, "pipe")
    expected = rows_of(
        pipes, "select expected_breaks from ml.pipe_scores where pipe_id in ('X1', 'X2')"
    )
    assert expected[0] == expected[1]


def test_soil_that_nobody_knows_is_left_out_and_a_null_scores_as_the_mean(pipes, marts):
    run(train, pipes, marts, "pipe")
    features = {
        row["feature"] for row in rows_of(pipes, "select feature from ml.model_coefficients")
    }
    assert not {name for name in features if name and name.startswith("soil")}
    assert not {name for name in features if name and name.startswith("installation")}
    assert "diameter_mm" in features
    run(score, pipes, marts, "pipe")
    assert pipes.scalar("select count(*) from ml.pipe_scores where expected_breaks > 0") == 1500


@pytest.mark.parametrize("failing", registry.MODEL_TABLES)
def test_a_run_is_written_whole_or_not_at_all(pipes, marts, monkeypatch, failing):
    append = pipes.append

    def fail(table, rows):
        if table.name == failing:
            raise OSError("disk full")
        append(table, rows)

    monkeypatch.setattr(pipes, "append", fail)
    with pytest.raises(OSError, match="disk full"):
        run(train, pipes, marts, "pipe")
    for name in registry.MODEL_TABLES:
        assert pipes.scalar(f"select count(*) from ml.{name}") == 0


def test_a_failed_scoring_leaves_the_scores_that_were_there(pipes, marts, monkeypatch):
    run(train, pipes, marts, "pipe")
    run(score, pipes, marts, "pipe")

    def fail(table, rows):
        raise OSError("disk full")

    monkeypatch.setattr(pipes, "append", fail)
    with pytest.raises(OSError, match="disk full"):
        run(score, pipes, marts, "pipe")
    assert pipes.scalar("select count(*) from ml.pipe_scores") == 1500


def test_sampled_rows_keep_the_rate_and_every_row_is_judged(pipes, marts):
    whole = run(train, pipes, marts, "pipe")
    thinned = run(train, pipes, marts, "pipe", max_rows=6000)
    assert thinned.breaks == whole.breaks
    assert thinned.rows == pytest.approx(6000, rel=0.05)
    assert thinned.metrics[0].rows == whole.metrics[0].rows == 1500
    exposures = rows_of(
        pipes,
        "select run_id, max(exposure) as exposure from ml.model_runs group by run_id",
    )
    one, other = (row["exposure"] for row in exposures)
    assert one == pytest.approx(other, rel=0.03)
    again = run(score, pipes, marts, "pipe", run_id=thinned.run_id)
    first = run(score, pipes, marts, "pipe", run_id=whole.run_id)
    assert again.expected_breaks == pytest.approx(first.expected_breaks, rel=0.05)


def test_single_precision_agrees_with_double(pipes, marts, monkeypatch):
    run(train, pipes, marts, "pipe")
    exact = run(score, pipes, marts, "pipe").expected_breaks
    pipes.execute("delete from ml.model_runs")
    pipes.execute("delete from ml.model_coefficients")
    monkeypatch.setattr(
        "la_pipeline_failure_predict.model.candidates.empirical_bayes.DOUBLE_PRECISION_ROWS", 0
    )
    run(train, pipes, marts, "pipe")
    assert run(score, pipes, marts, "pipe").expected_breaks == pytest.approx(exact, rel=1e-3)


def test_one_snapshot_trains_without_an_evaluation(warehouse, marts, make_pipes):
    marts.fill(warehouse, PIPES, make_pipes(years=range(2019, 2021)))
    trained = run(train, warehouse, marts, "pipe")
    assert trained.test_from is None
    assert trained.metrics == ()
    assert trained.headline == ()
    assert any("no evaluation" in message for message in marts.messages)
    assert warehouse.scalar("select count(*) from ml.model_metrics") == 0
    assert run(score, warehouse, marts, "pipe").rows == 1500


def test_a_test_year_without_breaks_has_no_capture(pipes, marts):
    pipes.execute(
        f"update features.{PIPES} set breaks_next_12m = 0 where as_of_date = date '2019-01-01'"
    )
    trained = run(train, pipes, marts, "pipe")
    figures = {item.metric: item.estimate.value for item in trained.headline}
    assert figures["capture_at_1pct_length"] is None
    assert figures["auc"] is None
    assert figures["observed_over_expected"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("drop table features.{}", "There is no features.fct_pipe_features: load pipes"),
        ("delete from features.{}", "no rows with complete labels: load pipes and breaks, then"),
        ("update features.{} set is_label_complete = false", "no rows with complete labels"),
        ("update features.{} set breaks_next_12m = 0", "no breaks in them: load pipes and breaks"),
    ],
)
def test_says_how_to_mend_a_mart_that_cannot_be_trained_on(pipes, marts, change, message):
    pipes.execute(change.format(PIPES))
    with pytest.raises(UserError, match=message):
        run(train, pipes, marts, "pipe")


def test_says_how_to_mend_a_score_that_cannot_be_made(pipes, marts):
    with pytest.raises(UserError, match="run la-pipes train --grain pipe"):
        run(score, pipes, marts, "pipe")
    with pytest.raises(UserError, match="first ends on 2013-01-01"):
        run(train, pipes, marts, "pipe", as_of=date(2012, 6, 1))
    trained = run(train, pipes, marts, "pipe")
    with pytest.raises(UserError, match=f"the newest is {trained.run_id}"):
        run(score, pipes, marts, "pipe", run_id="pipe-nothing")
    with pytest.raises(UserError, match="no rows for 2020-03-01"):
        run(score, pipes, marts, "pipe", as_of=date(2020, 3, 1))


@pytest.mark.parametrize("model", ["poisson_glm", "empirical_bayes"])
def test_a_single_main_can_be_trained_and_scored(warehouse, marts, make_pipes, model):
    marts.fill(warehouse, PIPES, make_pipes(pipes=1))
    warehouse.execute(
        f"update features.{PIPES} set breaks_next_12m = 1 where as_of_date = date '2014-01-01'"
    )
    trained = run(train, warehouse, marts, "pipe", model=model)
    assert (trained.rows, trained.breaks > 0) == (8, True)
    assert 0 < run(score, warehouse, marts, "pipe").expected_breaks < 3


def test_mains_that_all_break_every_year_have_a_rate_and_no_auc(pipes, marts):
    pipes.execute(f"update features.{PIPES} set breaks_next_12m = 1 where is_label_complete")
    trained = run(train, pipes, marts, "pipe")
    figures = {item.metric: item.estimate.value for item in trained.headline}
    assert figures["auc"] is None
    assert figures["observed_over_expected"] == pytest.approx(1, abs=0.1)
    assert run(score, pipes, marts, "pipe").expected_breaks == pytest.approx(1500, rel=0.1)


def test_areas_are_judged_on_the_last_twelve_months(areas, marts):
    trained = run(train, areas, marts, "area_month")
    assert trained.run_id.startswith("area-month-poisson-glm-20140101-")
    assert trained.test_from == date(2013, 1, 1)
    figures = {(item.model_name, item.metric): item.estimate for item in trained.metrics}
    model = figures["poisson_glm", "poisson_deviance"].value
    for rule in ("same_month_mean", "last_12_months_rate"):
        gain = figures["poisson_glm", f"deviance_gain_over_{rule}"]
        assert gain.value == pytest.approx(figures[rule, "poisson_deviance"].value - model)
        assert gain.lower > 0
    assert len(trained.headline) == 4


def test_areas_score_the_last_year_with_one_fit_and_the_next_month_with_the_other(areas, marts):
    trained = run(train, areas, marts, "area_month")
    scored = run(score, areas, marts, "area_month")
    assert (scored.first_day, scored.last_day) == (date(2013, 1, 1), date(2014, 1, 1))
    assert scored.rows == 13 * 30
    used = rows_of(
        areas,
        "select trained_until, count(*) as months from ml.area_month_scores "
        "where area_id = 'A000' group by trained_until order by trained_until",
    )
    assert [tuple(row.values()) for row in used] == [(date(2013, 1, 1), 12), (date(2014, 1, 1), 1)]
    sql = score_sql(
        areas, marts, trained.run_id, "2014-01-01", f"features.{AREAS}", "exposure", 1.0
    )
    compared = rows_of(
        areas,
        f"select s.expected_breaks, f.by_sql from ml.area_month_scores as s join ({sql}) as f "
        "on f.area_id = s.area_id and f.month_on = s.month_on "
        "where s.month_on = date '2014-01-01'",
    )
    assert len(compared) == 30
    for row in compared:
        assert row["expected_breaks"] == pytest.approx(row["by_sql"], rel=1e-12)
    again = run(score, areas, marts, "area_month", as_of=date(2013, 6, 1))
    assert again.rows == 30
    assert areas.scalar("select count(*) from ml.area_month_scores") == 13 * 30


def test_one_area_without_climate_can_be_trained(warehouse, marts, make_areas):
    rows = make_areas(areas=1)
    rows["temperature_min_lag1_c"] = [None] * len(rows["area_id"])
    rows["exposure"] = [100.0] * len(rows["area_id"])
    marts.fill(warehouse, AREAS, rows)
    run(train, warehouse, marts, "area_month")
    assert run(score, warehouse, marts, "area_month").rows == 13


def test_a_short_record_of_areas_scores_the_next_month_only(warehouse, marts, make_areas):
    marts.fill(warehouse, AREAS, make_areas(months=9))
    assert run(train, warehouse, marts, "area_month").test_from is None
    scored = run(score, warehouse, marts, "area_month")
    assert (scored.first_day, scored.rows) == (date(2010, 9, 1), 30)


def test_postgres_gives_the_scores_that_duckdb_gives(
    warehouse, postgres, marts, make_pipes, make_areas
):
    marts.fill(warehouse, PIPES, make_pipes(pipes=400))
    marts.fill(warehouse, AREAS, make_areas())
    marts.fill(postgres, PIPES, make_pipes(pipes=400))
    marts.fill(postgres, AREAS, make_areas())
    for grain, key, table in (
        ("pipe", "pipe_id", "pipe_scores"),
        ("area_month", "area_id, month_on", "area_month_scores"),
    ):
        kept = f"select {key}, trained_until, expected_breaks from ml.{table} order by {key}"
        here = run(train, warehouse, marts, grain)
        there = run(train, postgres, marts, grain)
        assert here.run_id == there.run_id
        assert run(train, postgres, marts, grain).skipped
        for opened in (warehouse, postgres):
            run(score, opened, marts, grain)
            run(score, opened, marts, grain)
        one, other = rows_of(warehouse, kept), rows_of(postgres, kept)
        assert len(one) == len(other) > 0
        for left, right in zip(one, other, strict=True):
            assert left.pop("expected_breaks") == pytest.approx(
                right.pop("expected_breaks"), rel=1e-9
            )
            assert left == right


def test_postgres_computes_the_same_scores_from_the_coefficients(postgres, marts, make_pipes):
    marts.fill(postgres, PIPES, make_pipes(pipes=400))
    trained = run(train, postgres, marts, "pipe")
    run(score, postgres, marts, "pipe")
    sql = score_sql(
        postgres, marts, trained.run_id, "2020-01-01", f"features.{PIPES}", "length_m", 1000
    )
    compared = rows_of(
        postgres,
        f"select s.expected_breaks, f.by_sql from ml.pipe_scores as s join ({sql}) as f "
        "on f.pipe_id = s.pipe_id and f.as_of_date = s.as_of_date",
    )
    assert len(compared) == 400
    for row in compared:
        assert row["expected_breaks"] == pytest.approx(row["by_sql"], rel=1e-9)


def test_a_failure_on_postgres_leaves_nothing(postgres, marts, make_pipes, monkeypatch):
    marts.fill(postgres, PIPES, make_pipes(pipes=400))
    append = postgres.append

    def fail(table, rows):
        if table.name == "model_coefficients":
            raise OSError("disk full")
        append(table, rows)

    monkeypatch.setattr(postgres, "append", fail)
    with pytest.raises(OSError, match="disk full"):
        run(train, postgres, marts, "pipe")
    for name in registry.MODEL_TABLES:
        assert postgres.scalar(f"select count(*) from ml.{name}") == 0


def test_no_module_of_the_model_step_pickles_or_names_an_engine():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text().lower()
        for word in ("pickle", "joblib", "duckdb"):
            assert word not in text, f"{path.name}: {word}"

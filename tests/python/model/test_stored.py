"""Rows of `ml` that someone else has changed: each is told in a sentence, and no score is wrong."""

import pytest

from cities import ROOT
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.champion import read_champion
from la_pipeline_failure_predict.model.features import read_features
from la_pipeline_failure_predict.model.grains import MAINS
from la_pipeline_failure_predict.model.score import score
from la_pipeline_failure_predict.model.train import train
from la_pipeline_failure_predict.report.model_card import model_card

TERMS = "update ml.model_coefficients set"
RUNS = "update ml.model_runs set"
LOG = "where transform = 'log1p'"
TRAIN_AGAIN = "delete from ml.model_runs where run_id = 'pipe-.*, then run la-pipes train"
TAMPERED = (
    (f"{RUNS} run_id = null", r"run_id: .*: delete from ml.model_runs where run_id is null"),
    (f"{RUNS} trained_until = null", "trained_until"),
    (f"{TERMS} transform = 'cube' {LOG}", f"'cube' is none of intercept, .*: {TRAIN_AGAIN}"),
    (f"{TERMS} transform = null {LOG}", "transform: None is none of"),
    (f"{TERMS} feature = null {LOG}", "feature None does not go with log1p"),
    (f"{TERMS} feature = 'nowhere' {LOG}", "reads 'nowhere', which the features do not have"),
    (f"{TERMS} feature = 'x\"; drop table raw.pipes; --' {LOG}", "which the features do not have"),
    (f"{TERMS} scale = 0", "scale must not be 0"),
    (f"{TERMS} center = null", "center"),
    (f"{TERMS} coefficient = 'nan'", "coefficient: .* finite number"),
    (f"{TERMS} coefficient = 1e300", "coefficient"),
    ("delete from ml.model_coefficients", f"has no coefficients for .*: {TRAIN_AGAIN}"),
)
OF_A_CARD = (
    ("parameters = '{'", "parameters"),
    ("parameters = null", "parameters"),
    ("parameters = '[1]'", "parameters"),
    ("parameters = repeat('[', 100000)", "parameters"),
    ("library_versions = '{\"numpy\": [1]}'", "library_versions.numpy"),
)


@pytest.fixture(params=["warehouse", "postgres"])
def trained(request, marts, make_pipes):
    """A warehouse with a trained run, whose columns let anything in."""
    warehouse = request.getfixturevalue(request.param)
    marts.fill(warehouse, "fct_pipe_features", make_pipes(pipes=400))
    features = read_features(ROOT, MAINS)
    run = train(warehouse, features, model="poisson_glm", progress=marts.progress)
    for name in ("model_runs", "model_coefficients", "backtests"):
        for column in warehouse.table(name).columns:
            if column.required:
                warehouse.execute(f"alter table ml.{name} alter column {column.name} drop not null")
        warehouse.execute(f"create table ml.kept_{name} as select * from ml.{name}")
    return warehouse, run


def restore(warehouse):
    for name in ("model_runs", "model_coefficients"):
        warehouse.execute(f"delete from ml.{name}")
        warehouse.execute(f"insert into ml.{name} select * from ml.kept_{name}")


def test_a_changed_fit_scores_nothing(trained, marts):
    warehouse, _ = trained
    for statement, message in TAMPERED:
        warehouse.execute(statement)
        with pytest.raises(UserError, match=message):
            score(warehouse, MAINS, progress=marts.progress)
        restore(warehouse)
    assert warehouse.scalar("select count(*) from ml.pipe_scores") == 0
    assert score(warehouse, MAINS, progress=marts.progress).rows == 400


def test_a_changed_run_gets_no_card(trained):
    warehouse, run = trained
    for change, place in OF_A_CARD:
        warehouse.execute(f"{RUNS} {change}")
        with pytest.raises(UserError, match=f"{place}: .*: {TRAIN_AGAIN}"):
            model_card(warehouse, MAINS, run.run_id)
        restore(warehouse)
    assert model_card(warehouse, MAINS, run.run_id)


def test_the_advice_helps(trained, marts):
    """What is left of a deleted run is not added to the one that is trained again."""
    warehouse, run = trained
    before = score(warehouse, MAINS, progress=marts.progress).expected_breaks
    warehouse.execute(f"delete from ml.model_runs where run_id = '{run.run_id}'")
    again = train(
        warehouse, read_features(ROOT, MAINS), model="poisson_glm", progress=marts.progress
    )
    assert (again.run_id, again.skipped) == (run.run_id, False)
    after = score(warehouse, MAINS, progress=marts.progress).expected_breaks
    assert after == pytest.approx(before)


def test_a_changed_backtest_names_no_champion(trained):
    warehouse, _ = trained
    for champion, parameters, place in (
        ("poisson_glm", "{", "parameters"),
        ("poisson_glm", '{"config": {"models": [1]}}', "parameters.config.models"),
        ("x", '{"config": {"models": {}}}', "names the champion 'x', which is none of"),
    ):
        warehouse.execute("delete from ml.backtests")
        warehouse.execute(
            "insert into ml.backtests (backtest_id, grain, champion, champion_reason, parameters) "
            f"values ('b', 'pipe', '{champion}', 'r', '{parameters}')"
        )
        with pytest.raises(UserError, match=f"{place}.*then run la-pipes backtest"):
            read_champion(warehouse, MAINS)


def test_nothing_delivered_is_markup_in_a_card(trained):
    warehouse, run = trained
    warehouse.execute(
        "insert into raw.loads (load_id, source_name, table_name, source_file, file_sha256, "
        "rows_in_file, rows_loaded, rows_quarantined, loaded_at) values ('x', 'pipes', 'pipes', "
        "'<script>alert(1)</script>[a](javascript:b)|`c`.csv', 'x', 1, 1, 0, '2024-01-01')"
    )
    _, card = model_card(warehouse, MAINS, run.run_id)
    assert "<script>" not in card
    assert r"&lt;script&gt;alert(1)&lt;/script&gt;\[a\](javascript:b)\|\`c\`.csv" in card

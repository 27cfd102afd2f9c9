"""The notebooks run on what a warehouse holds, say so where it holds nothing, and stay tidy."""

import re
from collections.abc import Callable
from pathlib import Path

import matplotlib
import nbformat
import pandas as pd
import pytest
import yaml
from matplotlib import pyplot

from cities import ENGINES, ROOT, City
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.report.notebook import TABLE, project_settings, read
from la_pipeline_failure_predict.report.run_notebooks import (
    FOLDER,
    NotebookFailed,
    find_notebooks,
    run_notebooks,
)

COMMITTED = sorted((ROOT / FOLDER).glob("*.ipynb"))
NAMES = [file.stem for file in COMMITTED]
SCHEMAS = {"core", "features", "intermediate", "ml", "risk", "powerbi"}
FROM_SCORES = ["04_training", "05_evaluation", "06_risk_scoring"]
ABSOLUTE_PATH = re.compile(r"(?:^|[\s\"'(=])(?:/(?:home|root|tmp|usr|work|var|Users)/|[A-Z]:\\)")


def code_cells(file: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]


def texts(file: Path) -> list[str]:
    """Everything a notebook shows as text, charts left out."""
    return [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for cell in code_cells(file)
        for output in cell.outputs
        if "image/png" not in output.get("data", {})
    ]


def charts_in(file: Path) -> list[str]:
    return [
        output.data["image/png"]
        for cell in code_cells(file)
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]


@pytest.fixture(scope="module")
def outputs(
    sample_cities: dict[str, City], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Every notebook, run on each engine as a user would; returns the folders."""
    before = {file: file.read_bytes() for file in COMMITTED}
    folders = {engine: tmp_path_factory.mktemp(f"notebooks-{engine}") for engine in ENGINES}
    for engine, folder in folders.items():
        result = sample_cities[engine].la_pipes("notebooks", "--to", folder)
        assert result.exit_code == 0, result.output
        assert f"Wrote {len(NAMES)} of {len(NAMES)} notebooks" in result.output
    assert {file: file.read_bytes() for file in COMMITTED} == before
    return folders


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", NAMES)
def test_each_runs_to_its_end_on_each_engine(
    outputs: dict[str, Path], name: str, engine: str
) -> None:
    file = outputs[engine] / f"{name}.ipynb"
    kinds = [output.output_type for cell in code_cells(file) for output in cell.outputs]
    assert "error" not in kinds
    assert charts_in(file), "a notebook shows at least one chart"
    assert all(cell.outputs for cell in code_cells(file))


@pytest.mark.parametrize("name", NAMES)
def test_both_engines_show_the_same(outputs: dict[str, Path], name: str) -> None:
    one, other = (outputs[engine] / f"{name}.ipynb" for engine in ENGINES)
    assert texts(one) == texts(other)


def test_the_checks_within_the_notebooks_hold(outputs: dict[str, Path]) -> None:
    shown = "\n".join(text for name in NAMES for text in texts(outputs["duckdb"] / f"{name}.ipynb"))
    assert "features equal the count by hand: True" in shown
    assert "equal to those in ml.model_coefficients: True" in shown


def run_here(city: City, name: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run a notebook's cells in this process, which spares a kernel; returns the tables shown."""
    for variable, value in city.environment.items():
        monkeypatch.setenv(variable, value)
    shown: list[str] = []
    names = {"display": lambda table: shown.append(str(table))}
    # Charts and tables are set up by the cells, for themselves alone.
    with matplotlib.rc_context({"backend": "agg"}), pd.option_context("display.max_colwidth", None):
        for cell in code_cells(ROOT / FOLDER / f"{name}.ipynb"):
            exec(cell.source, names)
            pyplot.close("all")
    return shown


def test_without_scores_a_sentence_says_what_to_do(
    sample_cities: dict[str, City],
    copy_city: Callable[[City], City],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    city = copy_city(sample_cities["duckdb"])
    with city.connect() as warehouse:
        for table in (
            "ml.pipe_scores",
            "risk.fct_pipe_risk",
            "risk.fct_plan_scenarios",
            "powerbi.pipe_risk",
            "quality.fct_plausibility",
        ):
            warehouse.execute(f"delete from {table}")
    for name in FROM_SCORES:
        with pytest.raises(UserError, match=r"^No .*: run `la-pipes run`\.$"):
            run_here(city, name, monkeypatch)
    run_here(city, "03_features", monkeypatch)
    assert "No main is scored yet" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_warehouse_is_told_in_a_sentence(
    duckdb_city: City, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert duckdb_city.la_pipes("init").exit_code == 0
    with pytest.raises(UserError, match=r"run `?la-pipes (run|build)`?\.$"):
        run_here(duckdb_city, name, monkeypatch)


def test_the_command_ends_2_and_writes_nothing_where_nothing_can_be_shown(
    duckdb_city: City, tmp_path: Path
) -> None:
    assert duckdb_city.la_pipes("init").exit_code == 0
    result = duckdb_city.la_pipes("notebooks", "02_exploration", "--to", tmp_path)
    assert result.exit_code == 2
    assert "02_exploration: There are no breaks yet: load mains and breaks" in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_backtest_is_shown_beside_the_year_held_out(
    sample_cities: dict[str, City],
    copy_city: Callable[[City], City],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    city = copy_city(sample_cities["duckdb"])
    with city.connect() as warehouse:
        warehouse.execute(
            "insert into ml.backtests (backtest_id, grain, first_origin, last_origin, origin_count,"
            " is_final, held_back_uses, strongest_rule, champion, champion_reason, parameters,"
            " library_versions, ran_at) values ('bt', 'pipe', date '2015-01-01',"
            " date '2019-01-01', 5, false, 0, 'past_breaks_per_km', 'poisson_glm',"
            " 'none beats it', '{}', '{}', timestamp '2020-01-01 00:00:00')"
        )
        warehouse.execute(
            "insert into ml.model_metrics (run_id, split_name, as_of_date, model_name, segment,"
            " metric, value, lower_95, upper_95, row_count, break_count, computed_at) values ('bt',"
            " 'rolling_pooled', date '2015-01-01', 'poisson_glm', 'all', 'auc', .876, .8, .9, 10,"
            " 5, timestamp '2020-01-01 00:00:00')"
        )
    tables = run_here(city, "05_evaluation", monkeypatch)
    assert "0.88 (0.80 to 0.90)" in tables[-1]
    printed = capsys.readouterr().out
    assert (
        "5 origins from 2015-01-01 to 2019-01-01; champion: poisson_glm, none beats it" in printed
    )


def test_they_run_from_any_folder(
    sample_cities: dict[str, City], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = sample_cities["duckdb"].la_pipes("notebooks", "02_exploration", "--to", "out")
    assert result.exit_code == 0, result.output
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_a_name_that_is_none_is_refused(duckdb_city: City) -> None:
    result = duckdb_city.la_pipes("notebooks", "07_forecast")
    assert result.exit_code == 2
    assert "no notebook '07_forecast' in docs/03_notebooks; there are 01_baseline" in result.output


def test_notebooks_do_not_lean_on_each_other_and_a_failed_one_keeps_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LA_PIPES_PROJECT_DIR", str(ROOT))
    sources = {
        "1_sets": "shared = 1\nprint(shared)",
        "2_stops": "from la_pipeline_failure_predict.errors import UserError\n"
        "raise UserError('Nothing yet: run `la-pipes run`.')",
        "3_leans": "print(shared)",
    }
    files = []
    for name, source in sources.items():
        files.append(tmp_path / f"{name}.ipynb")
        cells = [nbformat.v4.new_code_cell(source)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), files[-1])
    kept = tmp_path / "out" / "3_leans.ipynb"
    kept.parent.mkdir()
    kept.write_text("as it was")
    stopped = {}
    with pytest.raises(NotebookFailed, match="3_leans: NameError"):
        run_notebooks(
            files,
            kept.parent,
            project_settings(),
            progress=lambda done, total, name: None,
            stopped=stopped.__setitem__,
        )
    assert stopped == {"2_stops": "Nothing yet: run `la-pipes run`."}
    assert sorted(file.name for file in kept.parent.iterdir()) == ["1_sets.ipynb", "3_leans.ipynb"]
    assert kept.read_text() == "as it was"


def test_opened_in_its_own_folder_a_notebook_finds_the_project(
    sample_cities: dict[str, City], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in sample_cities["duckdb"].environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LA_PIPES_PROJECT_DIR")
    monkeypatch.chdir(ROOT / FOLDER)
    assert project_settings().root == ROOT
    assert len(read("select pipe_id from core.dim_pipes")) == 3000
    assert read("select pipe_id from core.no_such_table").empty
    with pytest.raises(UserError, match="load something"):
        read(
            "select pipe_id from core.dim_pipes where length_m < $1",
            (0,),
            otherwise="load something",
        )


@pytest.mark.parametrize("file", COMMITTED, ids=NAMES)
def test_what_is_committed_is_tidy(file: Path) -> None:
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.language_info == {"name": "python"}
    cells = code_cells(file)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(cell.outputs and not cell.metadata for cell in cells), "run make notebooks"
    assert charts_in(file)
    for output in (output for cell in cells for output in cell.outputs):
        assert output.output_type != "error"
        assert output.get("name") != "stderr"
        shown = str(output.get("text", "")) + str(
            {kind: text for kind, text in output.get("data", {}).items() if kind != "image/png"}
        )
        assert not ABSOLUTE_PATH.search(shown)
        assert "Traceback" not in shown


def test_what_is_committed_is_small() -> None:
    assert [
        "01_baseline",
        "02_exploration",
        "03_features",
        *FROM_SCORES,
    ] == NAMES
    assert sum(file.stat().st_size for file in COMMITTED) < 600_000
    assert [file.stem for file in find_notebooks(ROOT)] == NAMES


@pytest.mark.parametrize("file", COMMITTED, ids=NAMES)
def test_dbt_knows_what_each_reads(file: Path) -> None:
    path = ROOT / "models" / "marts" / "_notebooks__exposures.yml"
    exposures = {
        item["config"]["meta"]["notebook"]: "\n".join(item["depends_on"])
        for item in yaml.safe_load(path.read_text())["exposures"]
    }
    declared = exposures[f"{FOLDER}/{file.name}"]
    for schema, table in TABLE.findall("\n".join(cell.source for cell in code_cells(file))):
        if schema not in SCHEMAS:
            continue  # import statements look alike
        name = f"pbi_{table}" if schema == "powerbi" else table
        node = f"source('ml', '{table}')" if schema == "ml" else f"ref('{name}')"
        assert node in declared, f"{file.name} reads {schema}.{table}"

"""A reviewer reads what a change did to the marts, whichever engine built them."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from cities import ENGINES, City


@pytest.fixture(scope="module")
def other_build(sample_cities: dict[str, City], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The DuckDB city as another branch might have built it, in a file of another name."""
    file = tmp_path_factory.mktemp("base") / "of main's.duckdb"
    shutil.copyfile(sample_cities["duckdb"].environment["LA_PIPES_DUCKDB_PATH"], file)
    with duckdb.connect(str(file)) as connection:
        for table in ("core.fct_breaks", "powerbi.pipe_breaks"):
            connection.execute(f"delete from {table} where broke_on < date '2015-01-01'")
        connection.execute("delete from risk.fct_pipe_risk where risk_rank <= 7")
        connection.execute("drop view powerbi.dates")
        connection.execute("create table core.dim_crews (crew_id text)")
        connection.execute("alter table features.fct_pipe_features drop column joint_code")
        connection.execute("alter table features.fct_pipe_features add column mood text")
        connection.execute(
            "alter table features.fct_pipe_features alter column breaks_ever type bigint"
        )
    return file


def line(text: str, start: str) -> str:
    return next(row for row in text.splitlines() if row.startswith(start))


def test_both_engines_hold_the_same_build(sample_cities: dict[str, City], tmp_path: Path) -> None:
    saved = tmp_path / "before.json"
    assert sample_cities["duckdb"].la_pipes("compare", "--save", saved).exit_code == 0
    result = sample_cities["postgres"].la_pipes("compare", saved, "--fail-on-rows", "0%")
    assert result.exit_code == 0, result.output
    rows = [row for row in result.output.splitlines() if row.startswith("| ")]
    changed = [row for row in rows if not row.endswith(("| 0 |", "| change |", "--: |"))]
    assert changed == []
    assert "100 of 100 kept" in result.output
    assert "No change." in result.output
    assert "Base: `before.json`. This build: `target postgres`." in result.output


@pytest.mark.parametrize("engine", ENGINES)
def test_what_changed_is_listed(
    sample_cities: dict[str, City], other_build: Path, engine: str
) -> None:
    city = sample_cities[engine]
    result = city.la_pipes("compare", other_build)
    assert result.exit_code == 0, result.output
    after = city.value("select count(*) from core.fct_breaks")
    before = city.value("select count(*) from core.fct_breaks where broke_on >= date '2015-01-01'")
    share = f"{(after - before) / before:+.1%}"
    expected = f"| {before:,} | {after:,} | +{after - before:,} ({share}) |"
    assert line(result.output, "| Breaks |") == f"| Breaks {expected}"
    assert line(result.output, "| `powerbi.pipe_breaks`") == f"| `powerbi.pipe_breaks` {expected}"
    assert line(result.output, "| `core.dim_crews`") == "| `core.dim_crews` | 0 | – | removed |"
    assert line(result.output, "| `powerbi.dates`").endswith("| new |")
    assert line(result.output, "| First 100 mains").endswith("| 93 of 100 kept | -7 |")
    assert "- `powerbi.dates` is new" in result.output
    assert "- `core.dim_crews` is removed" in result.output
    assert "- `features.fct_pipe_features`: column `joint_code` is new" in result.output
    assert "- `features.fct_pipe_features`: column `mood` is removed" in result.output
    assert "column `breaks_ever` was bigint, is integer" in result.output


def test_a_mart_that_grows_too_much_ends_1(
    sample_cities: dict[str, City], other_build: Path, tmp_path: Path
) -> None:
    city, file = sample_cities["duckdb"], tmp_path / "deep" / "comparison.md"
    result = city.la_pipes("compare", other_build, "--to", file, "--fail-on-rows", "10%")
    assert result.exit_code == 1
    assert "rows changed by more than 10 %: " in result.output
    assert "core.fct_breaks" in result.output
    assert "fct_pipe_risk" not in result.output  # seven of three thousand
    assert "### Rows" in file.read_text()  # written all the same: the comment says why it failed
    assert city.la_pipes("compare", other_build, "--fail-on-rows", "100000").exit_code == 0


def test_a_mart_that_is_empty_or_gone_is_too_much(
    sample_cities: dict[str, City], tmp_path: Path
) -> None:
    city, saved = sample_cities["duckdb"], tmp_path / "before.json"
    assert city.la_pipes("compare", "--save", saved).exit_code == 0
    content = json.loads(saved.read_text())
    content["marts"]["core.dim_gone"] = {"rows": 5, "columns": {}}
    content["marts"]["core.dim_areas"]["rows"] = 0
    saved.write_text(json.dumps(content))
    result = city.la_pipes("compare", saved, "--fail-on-rows", "99.9%")
    assert result.exit_code == 1
    assert "core.dim_gone 5 -> 0" in result.output
    assert "core.dim_areas 0 -> " in result.output


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "No build"),
        ("a,b\n1,2\n", "is not a build: name a DuckDB file"),
        ("", "is not a build: name a DuckDB file"),
        ("{", "is not a snapshot that this version wrote"),
        ('{"format": "other"}', "is not a snapshot that this version wrote"),
    ],
)
def test_a_base_that_is_no_build(
    duckdb_city: City, tmp_path: Path, content: str | None, expected: str
) -> None:
    base = tmp_path / "base"
    if content is not None:
        base.write_text(content)
    result = duckdb_city.la_pipes("compare", base)
    assert result.exit_code == 2
    assert expected in result.output


def test_wrong_use_names_the_mend(empty_city: City, tmp_path: Path) -> None:
    assert empty_city.la_pipes("init").exit_code == 0
    saved = tmp_path / "before.json"
    nothing = empty_city.la_pipes("compare")
    assert nothing.exit_code == 2
    assert "There is nothing to compare with" in nothing.output
    unbuilt = empty_city.la_pipes("compare", "--save", saved)
    assert unbuilt.exit_code == 2
    assert "There are no marts in target" in unbuilt.output
    assert not saved.exists()
    share = empty_city.la_pipes("compare", saved, "--fail-on-rows", "a fifth")
    assert share.exit_code == 2
    assert "'a fifth' is not a percentage, such as 20%" in share.output


def test_a_comparison_that_cannot_be_written_keeps_the_old_one(
    sample_cities: dict[str, City], tmp_path: Path
) -> None:
    city, saved = sample_cities["duckdb"], tmp_path / "before.json"
    assert city.la_pipes("compare", "--save", saved).exit_code == 0
    old = saved.read_text()
    result = city.la_pipes("compare", saved, "--to", saved / "comparison.md")
    assert result.exit_code == 2
    assert "check that its folder can be written" in result.output
    assert saved.read_text() == old
    assert list(tmp_path.iterdir()) == [saved]


def test_a_view_that_outlived_its_table_is_named(
    duckdb_city: City, other_build: Path, tmp_path: Path
) -> None:
    file = tmp_path / "stale.duckdb"
    shutil.copyfile(other_build, file)
    with duckdb.connect(str(file)) as connection:
        connection.execute("create view powerbi.stale as select * from core.dim_crews")
        connection.execute("drop table core.dim_crews")
    result = duckdb_city.la_pipes("compare", file)
    assert result.exit_code == 2
    assert "powerbi.stale of stale.duckdb cannot be read: build it again" in result.output

"""Break one thing in the generated files, or in the rows: a check reports it, by name."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from cities import DATA, ENGINES, ROOT, City
from la_pipeline_failure_predict.dbt_manifest import read_manifest
from la_pipeline_failure_predict.powerbi.build import Design, read_design, write_project
from la_pipeline_failure_predict.powerbi.lint import (
    Violation,
    check_columns,
    lint_data,
    lint_project,
)
from la_pipeline_failure_predict.powerbi.lint.project_lint import BOOKS
from la_pipeline_failure_predict.powerbi.schema_check import check_schemas
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import Warehouse
from powerbi.example_model import MODEL
from powerbi.mutations import (
    ANOTHER_NUMBER,
    MUTATIONS,
    REPORTED_BY_A_RULE,
    REPORTED_BY_A_SCHEMA,
    Mutation,
)

SCHEMAS = DATA.parent / "powerbi" / "schemas"
PROJECT = ROOT / "powerbi"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the generated project."""
    return Path(shutil.copytree(PROJECT, tmp_path / "powerbi"))


def mutate(project: Path, mutation: Mutation) -> set[Path]:
    """Apply a mutation; return the files that it changed, added or took away."""
    before = _contents(project)
    mutation.edit(project)
    after = _contents(project)
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    assert changed, f"{mutation.name} changes nothing any more: change the mutation"
    return changed


def _contents(folder: Path) -> dict[Path, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def reported_before() -> set[tuple[str, str]]:
    """What the rules report of the project as it is, the waived ones too."""
    return _reported(lint_project(PROJECT, waivers=()))


def _reported(violations: list[Violation]) -> set[tuple[str, str]]:
    # Not where: one line more moves all that follow.
    return {(one.rule, one.place.thing) for one in violations}


@pytest.mark.parametrize("mutation", REPORTED_BY_A_RULE, ids=lambda one: one.name)
def test_a_rule_reports_it(
    project: Path, mutation: Mutation, reported_before: set[tuple[str, str]]
) -> None:
    """What no rule names stops Power BI without a reason, or shows readers a wrong figure."""
    mutate(project, mutation)
    reported = _reported(lint_project(project, waivers=())) - reported_before
    assert mutation.rule in {rule for rule, _ in reported}, reported


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason=f"no copy of Microsoft's schemas in {SCHEMAS}")
@pytest.mark.parametrize("mutation", REPORTED_BY_A_SCHEMA, ids=lambda one: one.name)
def test_a_schema_reports_it(project: Path, mutation: Mutation) -> None:
    """Power BI refuses a whole report for one property that its schema lacks."""
    changed = mutate(project, mutation)
    before, after = (
        {str(path): (folder / path).read_text(encoding="utf-8") for path in changed}
        for folder in (PROJECT, project)
    )
    assert not check_schemas(before, SCHEMAS)
    assert check_schemas(after, SCHEMAS)


@pytest.fixture(scope="module")
def design(make_city: Callable[[str], City]) -> Iterator[Design]:
    """What dbt declares for Power BI, as the project is now."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in make_city("duckdb").environment.items():
            environment.setenv(name, value)
        yield read_design(read_manifest(Settings(project_dir=ROOT)))


def test_the_comparison_with_dbt_reports_it(project: Path, design: Design) -> None:
    """A figure that is changed by hand is another than dbt's, which no rule can know."""
    before = set(write_project(project.parent, design, check=True))
    changed = {Path(project.name) / path for path in mutate(project, ANOTHER_NUMBER)}
    assert changed <= set(write_project(project.parent, design, check=True)) - before


def test_every_rule_is_tried() -> None:
    """A rule that nothing breaks may have stopped working long ago."""
    names = [one.name for one in MUTATIONS]
    assert len(names) == len(set(names)) >= 60
    rules = {name for book in BOOKS for name in book.checks}
    assert rules - {one.rule for one in REPORTED_BY_A_RULE} == set()


# Two months, two areas and two breaks, as the example of a model imports them.
ROWS = {
    "dates": """
        select
            cast(day as date) as date_day,
            cast(extract(year from day) as integer) as year,
            case extract(month from day) when 1 then 'January' else 'February' end as month_name,
            cast(extract(month from day) as integer) as month
        from generate_series(timestamp '2024-01-01', timestamp '2024-02-29', interval '1 day')
            as days (day)
    """,
    "areas": """
        select area_id, area_name, cast(latitude as double precision) as latitude
        from (
            values ('v', 'Venice', 33.99), ('h', 'Harbor', 33.74)
        ) as areas (area_id, area_name, latitude)
    """,
    "pipe_breaks": """
        select
            cast(break_date as date) as break_date,
            cast(break_date as timestamp) + interval '7 hours' as reported_at,
            area_id,
            note,
            true as is_repaired,
            cast(cost_usd as double precision) as cost_usd
        from (
            values ('2024-01-03', 'v', 'leak', 100), ('2024-02-04', 'h', 'burst', 0.5)
        ) as breaks (break_date, area_id, note, cost_usd)
    """,
    "data_quality": "select cast(0 as bigint) as failed_rows",
}
ADD_AREA = "insert into powerbi.areas values"
ADD_BREAK = "insert into powerbi.pipe_breaks values"
SET_BREAKS = "update powerbi.pipe_breaks set"
A_DAY = "powerbi.dates where date_day = date '2024-01-31'"
SET_DAY = "update powerbi.dates set"
# Name, statement, rule, and the example that its sentence gives.
OF_ROWS = [
    ("a key twice", f"{ADD_AREA} ('v', 'Venice', 34)", "KEY_NOT_UNIQUE", "v"),
    (
        "a day twice",
        f"insert into powerbi.dates select * from {A_DAY}",
        "KEY_NOT_UNIQUE",
        "2024-01-31",
    ),
    ("no key", "update powerbi.areas set area_id = null where area_id = 'h'", "KEY_IS_NULL", ""),
    ("a key in capitals", f"{ADD_AREA} ('V', 'Venice Beach', 34)", "CASE_TWINS", "V and v"),
    ("a key with a space", f"{ADD_AREA} ('v ', 'Venice Beach', 34)", "CASE_TWINS", "v and v "),
    (
        "an area that is not there",
        f"{ADD_BREAK} ('2024-01-05', '2024-01-05 08:00', 'w', '', true, 1)",
        "ORPHANS",
        "w",
    ),
    (
        "a day that is not there",
        f"{ADD_BREAK} ('2025-01-05', '2025-01-05 08:00', 'v', '', true, 1)",
        "ORPHANS",
        "2025-01-05",
    ),
    ("no area", f"{SET_BREAKS} area_id = null where note = 'leak'", "NULL_REFERENCE", ""),
    ("a day left out", f"delete from {A_DAY}", "GAP_IN_DATES", ""),
    (
        "a month of two numbers",
        f"{SET_DAY} month = 3 where date_day = date '2024-01-31'",
        "SORT_NOT_UNIQUE",
        "January",
    ),
    (
        "a month of no number",
        f"{SET_DAY} month = null where date_day = date '2024-01-31'",
        "SORT_NOT_UNIQUE",
        "January",
    ),
    ("no number", f"{SET_BREAKS} cost_usd = cast('NaN' as double precision)", "NO_NUMBER", ""),
    ("no end", f"{SET_BREAKS} cost_usd = cast('-Infinity' as double precision)", "NO_NUMBER", ""),
    ("a text that is cut", f"{SET_BREAKS} note = repeat('x', 32767)", "LONG_TEXT", ""),
    (
        "a day of 1899",
        "insert into powerbi.dates values (date '1899-12-31', 1899, 'January', 1)",
        "EARLY_DATE",
        "",
    ),
    (
        "a time in a date",
        "alter table powerbi.pipe_breaks alter column break_date type timestamp "
        "using break_date + interval '1 hour'",
        "TIME_IN_A_DATE",
        "",
    ),
]
# The marts have no fixed decimals.
DATA_MODEL = replace(
    MODEL,
    tables=tuple(
        replace(
            table,
            columns=tuple(
                replace(one, data_type=one.data_type.replace("decimal", "double"))
                for one in table.columns
            ),
        )
        for table in MODEL.tables
    ),
)


@pytest.fixture(scope="module", params=ENGINES)
def small_city(request: pytest.FixtureRequest, make_city: Callable[[str], City]) -> City:
    """A warehouse of a few rows, on each engine."""
    city = make_city(request.param)
    with city.connect() as warehouse:
        warehouse.execute("create schema powerbi")
        for name, query in ROWS.items():
            warehouse.execute(f"create table powerbi.{name} as {query}")
    return city


@pytest.fixture
def warehouse(small_city: City) -> Iterator[Warehouse]:
    """The warehouse, which forgets at the end what a test did to its rows."""
    with small_city.connect() as warehouse, suppress(_Undone), warehouse.transaction():
        yield warehouse
        raise _Undone


class _Undone(Exception):
    pass


def test_good_rows_are_accepted(warehouse: Warehouse) -> None:
    """A check that reports good rows is switched off."""
    assert lint_data(warehouse, DATA_MODEL) == []
    assert check_columns(warehouse, DATA_MODEL) == []


@pytest.mark.parametrize(("name", "statement", "rule", "example"), OF_ROWS)
def test_a_rule_reports_the_rows(
    warehouse: Warehouse, name: str, statement: str, rule: str, example: str
) -> None:
    """Such rows stop a refresh in the night, or show as blank and wrong in the morning."""
    warehouse.execute(statement)
    reported = [one.message for one in lint_data(warehouse, DATA_MODEL) if one.rule == rule]
    assert len(reported) == 1, name
    assert f"such as {example})" in reported[0] if example else "such as" not in reported[0]

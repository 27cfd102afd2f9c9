"""The linter: what it accepts, what it waives, and that it knows what Power BI allows."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cities import DATA, ENGINES, ROOT, City
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.lint import (
    LEFT_OUT,
    WAIVERS,
    Spot,
    Waiver,
    check_columns,
    lint_data,
    lint_project,
)
from la_pipeline_failure_predict.powerbi.lint.dax_tokens import read_dax
from la_pipeline_failure_predict.powerbi.lint.m_names import read_m
from la_pipeline_failure_predict.powerbi.lint.project_lint import BOOKS
from la_pipeline_failure_predict.powerbi.lint.rules import RuleBook
from la_pipeline_failure_predict.powerbi.model import SemanticModel
from la_pipeline_failure_predict.powerbi.pbir import render_report
from la_pipeline_failure_predict.powerbi.report import Report
from la_pipeline_failure_predict.powerbi.tmdl_reader import read_model
from powerbi.example_model import MODEL, PAGE, write_model

REFERENCE = DATA.parent / "powerbi"
PROJECT = ROOT / "powerbi"
BREAKS = "model/example_model.SemanticModel/definition/tables/Pipe Breaks.tmdl"
RULES = {name for book in BOOKS for name in book.checks}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The example of a model with a report on it."""
    write_model(tmp_path / "model")
    report = Report("first", "First", "Every field once.", (PAGE,))
    files = render_report(report, "../../model/example_model.SemanticModel")
    for path, text in files.items():
        (tmp_path / "reports" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "reports" / path).write_text(text, encoding="utf-8")
    return tmp_path


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def rules_reported(project: Path) -> list[str]:
    return [one.rule for one in lint_project(project, waivers=())]


def test_the_project_keeps_every_rule() -> None:
    """What is committed opens in Power BI, as far as a rule can know."""
    assert [str(one) for one in lint_project(PROJECT)] == []


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"no reference files in {REFERENCE}")
def test_each_published_rule_is_checked_or_left_out_for_a_reason() -> None:
    """A rule that nobody decided on is one that a reviewer with Tabular Editor finds for us."""
    text = (REFERENCE / "bpa_rules.json").read_text(encoding="utf-8-sig")
    published = {rule["ID"] for rule in json.loads(text)}
    assert published - RULES - LEFT_OUT.keys() == set()
    assert LEFT_OUT.keys() <= published
    assert not LEFT_OUT.keys() & RULES
    assert {waiver.rule for waiver in WAIVERS} <= RULES


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"no reference files in {REFERENCE}")
def test_a_model_by_other_hands_is_read() -> None:
    """A model that Microsoft's reader loads has no faults to us but those it really has."""
    reported = lint_project(REFERENCE / "worked_la_min", waivers=())
    assert {one.rule for one in reported if one.is_error} == {"THEME_MISSING"}
    assert "'Pipe Breaks'[Break Date]" in {
        one.place.thing for one in reported if one.rule == "HIDE_FOREIGN_KEYS"
    }


def test_a_sentence_says_where_what_and_how_to_fix_it(project: Path) -> None:
    """A reader of the log has no other source."""
    edit(project / BREAKS, "COUNTROWS('Pipe Breaks')", "COUNTROWS('Breaks')")
    reported = next(
        one for one in lint_project(project, waivers=()) if one.rule.startswith("DAX_T")
    )
    assert str(reported) == (
        f"{BREAKS}, line 6: 'Pipe Breaks'[Total Breaks] names the table Breaks, which does "
        "not exist: name another. (DAX_TABLE_MISSING)"
    )


def test_a_waiver_is_of_a_rule_and_a_thing(project: Path) -> None:
    """A waiver that covers more hides what comes after it."""
    rule, thing = "DAX_COLUMNS_FULLY_QUALIFIED", "role Auditor on 'Pipe Breaks'"
    assert rule in rules_reported(project)
    for waived in (Waiver(rule, thing, "A trial."), Waiver(rule, "", "A trial.")):
        reported = {one.rule for one in lint_project(project, [waived])}
        assert rule not in reported
        assert "HIDE_FOREIGN_KEYS" in reported
    elsewhere = Waiver(rule, "role Auditor on 'Areas'", "A trial.")
    reported = lint_project(project, [elsewhere])
    assert rule in {one.rule for one in reported}
    # And one that covers nothing is reported itself.
    assert [str(one.message) for one in reported if one.rule == "IDLE_WAIVER"] == [
        f"The waiver of {rule} for role Auditor on 'Areas' covers nothing: delete it."
    ]


def test_what_cannot_be_read_is_reported_first(project: Path) -> None:
    """One fault in a file would else look like a hundred missing fields."""
    edit(project / BREAKS, "\tmeasure 'Total Breaks'", "\tmeasure 'Total Breaks")
    (reported,) = lint_project(project)
    assert reported.rule == "UNREADABLE"
    assert reported.is_error
    assert reported.message.startswith("definition/tables/Pipe Breaks.tmdl, line 6: a quote is not")


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        (".platform", "PLATFORM"),
        ("*.pbism", "MODEL_SETTINGS"),
        ("*.pbir", "MODEL_PATH_MISSING"),
        ("*.pbip", "SHORTCUT"),
        ("report.json", "THEME_MISSING UNREADABLE"),
        ("pages.json", "PAGE_ORDER UNREADABLE"),
        ("page.json", "FOLDER_NAME VISUAL_OUTSIDE_PAGE"),
        (
            "visual.json",
            "FOLDER_NAME OVERLAPPING_VISUALS QUERY_REF_TAKEN VISUAL_KIND VISUAL_NAME_TAKEN "
            "VISUAL_OUTSIDE_PAGE VISUAL_ROLE VISUAL_WITHOUT_ALT_TEXT VISUAL_WITHOUT_TITLE",
        ),
    ],
)
def test_json_of_another_shape_is_reported(project: Path, name: str, rules: str) -> None:
    """Files are merged by hand too, and what is left then is of any shape."""
    before = {(one.rule, one.place.thing) for one in lint_project(project, waivers=())}
    file = sorted(project.rglob(name))[0]
    text = file.read_text(encoding="utf-8")
    found: set[tuple[str, str]] = set()
    for place in _places(json.loads(text)):
        for value in (None, "x", [7]):
            part = json.loads(text)
            inner = part
            for step in place[:-1]:
                inner = inner[step]
            inner[place[-1]] = value
            file.write_text(json.dumps(part), encoding="utf-8")
            found |= {(one.rule, one.place.thing) for one in lint_project(project, waivers=())}
    assert {rule for rule, _ in found - before} == set(rules.split())


def test_a_rule_that_fails_is_reported_by_its_name() -> None:
    """A fault of a rule would else pass for one of the files, and hide what others find."""
    book = RuleBook[str]()

    @book.warning("FAILS")
    def _fails(subject: str) -> Iterator[tuple[Spot, str]]:
        yield Spot(subject, "first"), "is found"
        raise LookupError("second")

    @book.warning("FINDS")
    def _finds(subject: str) -> Iterator[tuple[Spot, str]]:
        yield Spot(subject, "third"), "is found"

    first, failed, third = map(str, book.violations("a.tmdl"))
    assert first == "a.tmdl: first is found. (FAILS)"
    assert "cannot judge these files (LookupError('second'))" in failed
    assert failed.endswith("(FAILS)")
    assert third == "a.tmdl: third is found. (FINDS)"


def _places(part: object, deepest: int = 3) -> Iterator[list]:
    """Yield the paths to what a JSON object holds, down to a depth."""
    for key, value in part.items() if isinstance(part, dict) else ():
        yield [key]
        if deepest > 1:
            yield from ([key, *rest] for rest in _places(value, deepest - 1))


@pytest.mark.parametrize("models", [0, 2])
def test_a_folder_holds_one_model(tmp_path: Path, models: int) -> None:
    """Else it is the wrong folder, which passes for a clean one."""
    for number in range(models):
        (tmp_path / f"{number}.SemanticModel").mkdir()
    with pytest.raises(UserError, match=f"holds {models} folders .SemanticModel"):
        lint_project(tmp_path)


@pytest.mark.parametrize(
    "dax",
    [
        'IF(NOT [Total Breaks] > 1, "a / b", "IFERROR(")',
        "[Total Breaks] / 2 // half of them, not [Breaks] / [Other]",
        "-- all of them\nCOUNTROWS('Pipe Breaks') /* 'Old'[Name] */ + 1",
        "VAR Rows = FILTER(Areas, Areas[Latitude] > 0) RETURN COUNTROWS(Rows)",
        'MAXX(ADDCOLUMNS(VALUES(Areas[Area]), "@Breaks", [Total Breaks] + 0), [@Breaks])',
        "SUMX(GENERATESERIES(1, 3), [Value]) + SUMX({1, 2}, [Value])",
        "CALCULATE([Total Breaks], DATEADD('Date'[Date], -1, YEAR))",
        "CALCULATE([Total Breaks], CROSSFILTER('Pipe Breaks'[Area ID], Areas[Area ID], NONE))",
        "CALCULATE([Total Breaks], 'pipe breaks'[crew's note: no.] = \"a\")",
        "RANKX(ALL(Areas), [Total Breaks], , DESC, DENSE)",
        "COUNTROWS('Date') + MAX('Date'[Date].[Year])",
        'CALCULATE([Total Breaks], Areas[Area] IN {"Venice", "Harbor"}) + 1e3 * .5',
    ],
)
def test_dax_that_is_right_is_accepted(project: Path, dax: str) -> None:
    """Else whoever writes a measure in Desktop switches the linter off."""
    before = rules_reported(project)
    lines = "".join(f"\t\t\t{line}\n" for line in dax.split("\n"))
    new = f"\t/// New.\n\tmeasure New =\n{lines}\t\tformatString: 0\n\n"
    edit(project / BREAKS, "\t/// Day of the break.", f"{new}\t/// Day of the break.")
    assert rules_reported(project) == before


@pytest.mark.parametrize(
    ("dax", "columns", "names", "tables", "functions"),
    [
        ("SUM('A''s'[x]]y])", [("A's", "x]y")], [], [], ["SUM"]),
        ("RETURN [m]", [], ["m"], [], []),
        ("COUNTROWS(Areas) + countrows('B')", [], [], ["Areas", "B"], ["COUNTROWS", "COUNTROWS"]),
        ("VAR x = 1 RETURN x + X + y", [], [], ["y"], []),
        ('"[m]" & "" & """T[c]"', [], [], [], []),
        ("Areas [Area]", [("Areas", "Area")], [], [], []),
    ],
)
def test_dax_is_taken_apart(
    dax: str,
    columns: list[tuple[str, str]],
    names: list[str],
    tables: list[str],
    functions: list[str],
) -> None:
    """What an expression names is what impact and lint go by."""
    read = read_dax(dax)
    assert (read.columns, read.names, read.tables, read.functions) == (
        columns,
        names,
        tables,
        functions,
    )
    assert read.fault() == ""


@pytest.mark.parametrize(
    ("dax", "fault"),
    [
        ("SUM((1)", "leaves a '(' open"),
        ("SUM(1))", "closes a ')' that is not open"),
        ("{1)", "closes a ')' that is not open"),
        ('"a', "holds '\"', which is not DAX, or starts an open quote"),
        ("[a", "holds '[', which is not DAX, or starts an open quote"),
    ],
)
def test_dax_that_is_half_written_is_reported(dax: str, fault: str) -> None:
    """Power BI loads a model with such a measure, and each visual of it fails."""
    assert read_dax(dax).fault() == fault


@pytest.mark.parametrize(
    ("m", "unknown"),
    [
        ('let a = Csv.Document(File.Contents(Path & "/x")) in a', {"Path"}),
        ("let a = [Schema = Schema, Item = b], b = 1 in a[Item]", {"Schema"}),
        ("Table.SelectRows(T, each [Break Date] > #date(2020, 1, 1) and _[x] <> null)", {"T"}),
        ("(x as text, optional y as nullable number) as text => x & y & z", {"z"}),
        ('let #"Changed Type" = 1 /* Old */ in #"Changed Type" // Older', set()),
        ('if Source = "a" then try b otherwise null else "c ""d"" e"', {"Source", "b"}),
        ("type table [a = text, b = Int64.Type]", set()),
    ],
)
def test_m_is_taken_apart(m: str, unknown: set[str]) -> None:
    """A parameter that is renamed stops the refresh of every table that names it."""
    read = read_m(m)
    assert read.unknown == unknown
    assert read.fault == ""


@pytest.mark.parametrize("m", ["let a = 1", "{1, 2", "f(1]", 'let a = "x in a'])
def test_m_that_is_half_written_is_reported(m: str) -> None:
    """Power BI asks for it when the model opens, of whoever opens it."""
    assert read_m(m).fault


def test_what_desktop_adds_is_accepted(project: Path) -> None:
    """Saving in Desktop writes more than a build does: none of it is a fault."""
    before = rules_reported(project)
    breaks = project / BREAKS
    edit(
        breaks,
        "\tcolumn 'Break Date'\n",
        "\tcolumn 'Break Date'\n\t\tchangedProperty = IsHidden\n\t\tisNullable: false\n",
    )
    edit(
        breaks,
        "\tpartition 'Pipe Breaks'",
        "\textendedProperty PBI_Extra =\n\t\t\t{ \"version\": 1 }\n\n\tpartition 'Pipe Breaks'",
    )
    (project / "reports" / ".pbi").mkdir()
    (project / "reports" / ".pbi" / "localSettings.json").write_text("{}", encoding="utf-8")
    assert rules_reported(project) == before


@pytest.fixture(scope="module")
def real_model() -> SemanticModel:
    """The model that is committed."""
    (folder,) = (PROJECT / "model").glob("*.SemanticModel")
    return read_model(folder).model


@pytest.mark.parametrize("engine", ENGINES)
def test_every_column_is_in_the_warehouse_in_its_type(
    sample_cities: dict[str, City], real_model: SemanticModel, engine: str
) -> None:
    """A column that is missing, or of another type, stops the refresh of all tables."""
    with sample_cities[engine].connect() as warehouse:
        assert [str(one) for one in check_columns(warehouse, real_model)] == []


@pytest.mark.parametrize("engine", ENGINES)
def test_the_rows_of_the_sample_can_be_imported(
    sample_cities: dict[str, City], real_model: SemanticModel, engine: str
) -> None:
    """Keys, relationships, dates and sort orders hold on both engines."""
    with sample_cities[engine].connect() as warehouse:
        reported = lint_data(warehouse, real_model)
    assert [str(one) for one in reported if one.is_error] == []


@pytest.fixture(scope="module", params=ENGINES)
def two_columns(request: pytest.FixtureRequest, make_city: Callable[[str], City]) -> City:
    """A warehouse that has one view of the example, and that not as the model has it."""
    city = make_city(request.param)
    with city.connect() as warehouse:
        warehouse.execute("create schema powerbi")
        warehouse.execute(
            "create view powerbi.areas as select 1 as area_id, "
            "cast('Venice' as text) as area_name, cast('x' as text) as planner"
        )
    return city


def test_the_warehouse_is_compared_column_by_column(two_columns: City) -> None:
    """Each sentence names what is different, in the model's words and the warehouse's."""
    model = SemanticModel("areas", "", MODEL.tables[1:3])
    with two_columns.connect() as warehouse:
        reported = [
            (one.rule, one.is_error, one.message) for one in check_columns(warehouse, model)
        ]
        # And the rows of what is missing are not asked for.
        assert [one.rule for one in lint_data(warehouse, model) if one.is_error] == []
    assert reported == [
        (
            "SOURCE_COLUMN_TYPE",
            True,
            "'Areas'[Area ID] is string, and integer in the view: run la-pipes powerbi build.",
        ),
        (
            "SOURCE_COLUMN_MISSING",
            True,
            "'Areas'[Latitude] is read from latitude, which the view lacks: run dbt build and "
            "la-pipes powerbi build.",
        ),
        (
            "COLUMN_LEFT_OUT",
            False,
            "The column planner is not in 'Areas': run la-pipes powerbi build.",
        ),
        (
            "VIEW_MISSING",
            True,
            "'Pipe Breaks' has no view in the warehouse: run dbt build.",
        ),
    ]


def test_a_column_of_many_values_is_reported(two_columns: City) -> None:
    """It makes the model as large as its rows, for nobody reads them one by one."""
    model = SemanticModel("areas", "", MODEL.tables[1:2])
    with two_columns.connect() as warehouse:
        reported = lint_data(warehouse, model, most_values=0)
        assert [(one.rule, one.place.thing) for one in reported] == [
            ("HIGH_CARDINALITY", "'Areas'[Area]")
        ]
        assert lint_data(warehouse, model, most_values=1) == []


@pytest.mark.parametrize("check", [check_columns, lint_data])
def test_a_warehouse_without_views_is_refused(empty_city: City, check: Callable) -> None:
    """No rows are no faults: a check of nothing would pass."""
    with empty_city.connect() as warehouse, pytest.raises(UserError, match="run la-pipes run"):
        check(warehouse, MODEL)

"""The model's files: what is written reads back the same, and what Power BI refuses is refused."""

import json
import os
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cities import ROOT
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.identity import guid, short_name
from la_pipeline_failure_predict.powerbi.model import (
    Column,
    Hierarchy,
    Measure,
    Parameter,
    Relationship,
    Role,
    SemanticModel,
    Table,
)
from la_pipeline_failure_predict.powerbi.tmdl import render_model
from la_pipeline_failure_predict.powerbi.tmdl_reader import read_model
from la_pipeline_failure_predict.powerbi.tmsl import to_tmsl
from powerbi.example_model import MODEL, write_model

REFERENCE = Path(os.environ.get("LA_PIPES_TEST_POWERBI", ROOT.parent / "shared" / "powerbi"))
needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason=f"no reference files in {REFERENCE} (set LA_PIPES_TEST_POWERBI)"
)
BREAKS = "definition/tables/Pipe Breaks.tmdl"
GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path)


def test_the_files_read_back_as_the_model(folder: Path) -> None:
    """A linter that reads something else than was written judges the wrong model."""
    assert read_model(folder).model == MODEL


def test_a_build_changes_no_byte_of_what_has_not_changed() -> None:
    """Else every build is a change to review, and no drift is seen among them."""
    assert render_model(MODEL) == render_model(MODEL)
    lone = SemanticModel("other", "", MODEL.tables[:1])
    path = "definition/tables/Date.tmdl"
    assert render_model(lone)[path] == render_model(MODEL)[path]


def test_identifiers_hold_and_differ() -> None:
    """A tag that changes loses the user's own visuals; one that is shared stops the load."""
    assert guid("table", "Date") == "cdef5206-7407-5880-860a-8b2bde68eae0"
    assert short_name("overview", "trend") == "25ffacdcc1f06cd454e9"
    assert guid("a", "bc") != guid("ab", "c")
    texts = render_model(MODEL).values()
    tags = [tag for text in texts for tag in re.findall("lineageTag: (.*)", text)]
    assert len(tags) == len(set(tags)) == 29
    assert all(GUID.fullmatch(tag) for tag in tags)


def test_files_are_where_power_bi_looks(folder: Path) -> None:
    """A missing .platform or an unreferenced table stops Power BI Desktop without a reason."""
    files = render_model(MODEL)
    assert list(files) == [
        ".platform",
        "definition.pbism",
        "definition/database.tmdl",
        "definition/model.tmdl",
        "definition/relationships.tmdl",
        "definition/expressions.tmdl",
        "definition/tables/Date.tmdl",
        "definition/tables/Areas.tmdl",
        "definition/tables/Pipe Breaks.tmdl",
        "definition/tables/Data Quality.tmdl",
        "definition/roles/Venice.tmdl",
        "definition/roles/Auditor.tmdl",
        "definition/cultures/en-US.tmdl",
    ]
    assert not any("\r" in text or "\ufeff" in text for text in files.values())
    platform = json.loads(files[".platform"])
    assert platform["metadata"] == {"type": "SemanticModel", "displayName": "example_model"}
    assert GUID.fullmatch(platform["config"]["logicalId"])
    for lines in (
        "ref table Date\nref table Areas\nref table 'Pipe Breaks'\nref table 'Data Quality'\n",
        "ref role Venice\nref role Auditor\n",
        "ref cultureInfo en-US\n",
        "annotation __PBI_TimeIntelligenceEnabled = 0\n",
    ):
        assert f"\n{lines}" in files["definition/model.tmdl"]


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        (
            "definition/expressions.tmdl",
            'expression DataSource = "PostgreSQL" meta [IsParameterQuery=true, '
            'List={"PostgreSQL", "Parquet files"}, DefaultValue="PostgreSQL", Type="Text", '
            "IsParameterQueryRequired=true]",
        ),
        (
            "definition/expressions.tmdl",
            'expression PgDatabase = "the ""main"" one" meta [IsParameterQuery=true, Type="Text", '
            "IsParameterQueryRequired=true]",
        ),
        ("definition/tables/Date.tmdl", "\tdataCategory: Time"),
        ("definition/tables/Date.tmdl", "\t\tsortByColumn: 'Month Number'"),
        ("definition/tables/Date.tmdl", "\tcolumn Date\n\t\tdataType: dateTime\n\t\tisKey"),
        ("definition/tables/Areas.tmdl", "/// One row per neighborhood.\n/// Holds one that is"),
        (BREAKS, "\t\tannotation UnderlyingDateTimeDataType = Date\n\n\t/// When."),
        (BREAKS, "\tcolumn 'Crew''s Note: No.'\n"),
        (BREAKS, '\t\tformatString: """yes"";""yes"";""no"""'),
        (
            BREAKS,
            "\tmeasure 'Breaks YoY %' =\n\t\t\tVAR Prior =\n\t\t\t    CALCULATE([Total Breaks], "
            "SAMEPERIODLASTYEAR('Date'[Date]))\n\n\t\t\tRETURN\n",
        ),
        (BREAKS, "\tpartition 'Pipe Breaks' = m\n\t\tmode: import\n\t\tsource =\n\t\t\t\tlet\n"),
        ("definition/roles/Auditor.tmdl", "\ttablePermission 'Pipe Breaks' = [Cost] > 0"),
        (
            "definition/relationships.tmdl",
            "\tfromColumn: 'Pipe Breaks'.'Break Date'\n\ttoColumn: Date.Date",
        ),
    ],
)
def test_a_part_is_written_as_power_bi_writes_it(path: str, lines: str) -> None:
    """What differs from Microsoft's own form is a change the first time somebody saves."""
    assert lines in render_model(MODEL)[path]


def test_only_dates_without_time_are_marked_so() -> None:
    """A point in time marked as a date would lose its time in Power BI."""
    assert render_model(MODEL)[BREAKS].count("UnderlyingDateTimeDataType") == 1


@needs_reference
def test_the_worked_model_is_written_back_as_microsoft_wrote_it(tmp_path: Path) -> None:
    """What Microsoft's own serializer writes is read, and written the same but for what we add."""
    source = REFERENCE / "worked_la_min" / "LAWaterRisk.SemanticModel"
    worked = read_model(source)
    assert worked.details.compatibility_level == 1600
    assert [table.name for table in worked.model.tables] == ["Date", "Pipe Breaks"]
    assert worked.model.tables[1].measures[1].expression.splitlines()[2] == "RETURN"
    again = write_model(tmp_path, worked.model)
    assert read_model(again).model == worked.model
    for path in ("tables/Date", "model", "database", "cultures/en-US", "roles/Harbor District"):
        ours = (again / "definition" / f"{path}.tmdl").read_text()
        theirs = (source / "definition" / f"{path}.tmdl").read_text()
        theirs = re.sub(r"\n\n\tannotation PBI_Id = .*", "", theirs)
        assert GUID.sub("", ours) == GUID.sub("", theirs)


def test_what_power_bi_desktop_writes_is_read(folder: Path) -> None:
    """After somebody saved in Power BI Desktop the checks still work on the same model."""
    for path in folder.rglob("*.tmdl"):
        text = path.read_text().replace("\t", "    ").replace("\n", "\r\n")
        path.write_bytes(text.encode())
    breaks = folder / BREAKS
    text = breaks.read_text()
    text = text.replace(
        "    measure 'Total Breaks' = COUNTROWS('Pipe Breaks')\n",
        "    measure 'Total Breaks' = ```\n            COUNTROWS('Pipe Breaks')\n            ```\n"
        "        isHidden: false\n        changedProperty = Name\n"
        "        changedProperty = FormatString\n\n"
        "        extendedProperty ParameterMetadata =\n                {\n"
        '                  "a": 1\n                }\n\n',
    )
    text = text.replace("    column Cost\n", "    column Cost\n        isAvailableInMdx: false\n")
    text = text.replace("\n    partition", '\n    annotation PBI_Other = {"a":1}\n\n    partition')
    text += "    refreshPolicy\n        policyType: basic\n        sourceExpression =\n" + (
        "            let a = 1 in a\n\nqueryGroup 'From the warehouse'\n\n"
    )
    breaks.write_text(text)
    read = read_model(folder)
    assert read.model == MODEL
    (cost,) = read.details.of("column", "Pipe Breaks", "Cost")
    assert cost.properties["isAvailableInMdx"] == "false"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("\t/// Breaks.\n", "§\t/// Breaks.\n\n", "the line below a description is blank"),
        ("\t/// Breaks.\n", "", ""),
        ("\t\tdataType: decimal\n", "§\t\tdescription: x\n", "write a description with ///"),
        ("table 'Pipe", "§// the fact\ntable 'Pipe", "TMDL has no comments"),
        ("\t\tisHidden\n", "§\t\t\tisHidden\n", "it is indented deeper"),
        ("\t\tisHidden\n", "§\t\t  isHidden\n", "indent by one tab per level, or by four"),
        ("\t\tisHidden\n", "§        isHidden\n", "indent by one tab per level, or by four"),
        ("table 'Pipe Breaks'", "§table 'Pipe Breaks", "a quote is not closed"),
        ('\t\tformatString: """yes', '§\t\tformatString: ""yes', "a quote is not closed"),
        ("\tcolumn Repaired", "§\tcolumn Repaired on", "quote a name that holds a space"),
        ("\tmeasure 'Breaks YoY %' =\n", "§\tmeasure 'Breaks YoY %' =\nx\n", "is missing, or not"),
        ("\t\tsourceColumn: note", "\t\tsourceColumn: note\n§\t\tsourceColumn: x", "stands twice"),
        ("\t\tmode: import", "\t\t/// How?\n§\t\tmode: import", "above an object, not above"),
        ("\tmeasure 'Total Breaks' = COUNT", "§\tmeasure 'Total Breaks' = ```\nCOUNT", "backticks"),
        ("\t/// Day of", "§lineageTag: x\n\t/// Day of", "lineageTag belongs below an object"),
        ("\tannotation PBI_ResultType = Table\n\n", "§\t/// The end.", "nothing stands below"),
    ],
)
def test_what_power_bi_refuses_is_reported_with_its_place(
    folder: Path, old: str, new: str, says: str
) -> None:
    """Somebody who edits a file by hand sees the line, not that the report does not open."""
    path = folder / BREAKS
    text = path.read_text()
    assert old in text
    broken = text.replace(old, new, 1)
    path.write_text(broken.replace("§", ""))
    if not says:
        assert read_model(folder).model != MODEL
        return
    line = broken[: broken.index("§")].count("\n") + 1
    with pytest.raises(UserError, match=rf"^{re.escape(BREAKS)}, line {line}: .*{says}"):
        read_model(folder)


@pytest.mark.parametrize(
    ("path", "old", "new", "says"),
    [
        (
            "definition/database.tmdl",
            "1600",
            "latest",
            "compatibility level 'latest' is not a number",
        ),
        ("definition/database.tmdl", "\tcomp", "comp", "compatibilityLevel belongs below"),
        (
            "definition/relationships.tmdl",
            "Date.Date",
            "Date",
            "toColumn does not name a table and a column",
        ),
        (
            "definition/tables/Date.tmdl",
            "n: 'Month Number'",
            "n: 'Month Num",
            "sortByColumn is not a",
        ),
        ("definition/model.tmdl", "/// M", "\ufeff/// M", "starts with a byte order mark"),
    ],
)
def test_a_value_that_says_nothing_is_reported(
    folder: Path, path: str, old: str, new: str, says: str
) -> None:
    """A relationship to nowhere would otherwise be read as one that is not there."""
    text = (folder / path).read_text()
    assert old in text
    (folder / path).write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=says):
        read_model(folder)


def test_a_folder_without_a_model_is_reported(folder: Path) -> None:
    """The wrong folder is answered with the right one, and a broken file by its name."""
    with pytest.raises(UserError, match="holds no semantic model"):
        read_model(folder.parent)
    (folder / BREAKS).write_bytes(b"table \xff")
    with pytest.raises(UserError, match=r"Cannot read .*Pipe Breaks.tmdl as text in UTF-8"):
        read_model(folder)


def test_the_name_comes_from_the_database_then_from_the_item(folder: Path) -> None:
    """Power BI Desktop leaves the database nameless: the item's name is then the model's."""
    database = folder / "definition/database.tmdl"
    database.write_text("database\n\tcompatibilityLevel: 1600\n")
    assert read_model(folder).model.name == "example_model"
    (folder / ".platform").write_text("{}")
    with pytest.raises(UserError, match=r"has no metadata\.displayName"):
        read_model(folder)
    (folder / ".platform").unlink()
    assert read_model(folder.rename(folder.parent / "la.SemanticModel")).model.name == "la"


def test_the_details_say_what_the_model_cannot(folder: Path) -> None:
    """A linter sees a second partition, a shared tag or a hidden reference, and where it stands."""
    path = folder / BREAKS
    text = path.read_text()
    partition = re.search(r"\tpartition .*?\n\n", text, re.S)
    assert partition
    path.write_text(text.replace(partition[0], partition[0] * 2))
    details = read_model(folder).details
    assert details.compatibility_level == 1600
    assert len(details.of("partition", "Pipe Breaks")) == 2
    assert len(details.of("partition", "Areas")) == 1
    (measure,) = details.of("measure", "Pipe Breaks", "Breaks YoY %")
    assert str(measure.place) == f"{BREAKS}, line 14"
    assert text.splitlines()[13] == "\tmeasure 'Breaks YoY %' ="
    assert GUID.fullmatch(measure.properties["lineageTag"])
    assert [one.name for one in details.of("ref table")][:2] == ["Date", "Areas"]
    assert next(one.path for one in details.of("level")) == ("Date", "Calendar", "Year")
    first = details.of("relationship")[0]
    assert (first.name, first.properties["toColumn"]) == (
        guid("relationship", "Pipe Breaks", "Break Date", "Date", "Date"),
        "Date.Date",
    )


@pytest.mark.parametrize("kind", ["table", "role"])
def test_two_that_would_share_a_file_are_refused(kind: str) -> None:
    """On Windows the second file replaces the first, and a table is gone silently."""
    tables = (Table("Date", "", "", (), "1"), Table("DATE", "", "", (), "1"))
    roles = (Role("Venice", "", {}), Role("venice", "", {}))
    model = (
        SemanticModel("m", "", tables) if kind == "table" else SemanticModel("m", "", (), (), roles)
    )
    with pytest.raises(UserError, match=rf"Two {kind}s of the model are named '\w+'"):
        render_model(model)


def test_a_name_is_no_path(tmp_path: Path) -> None:
    """A table called A/B is one file, and none outside its folder."""
    model = SemanticModel("m", "", (Table('..\\../A/B: "100 %"?', "v", "", (), "1"),))
    assert [path for path in render_model(model) if "/tables/" in path] == [
        "definition/tables/..%5C..%2FA%2FB%3A %22100 %25%22%3F.tmdl"
    ]
    assert read_model(write_model(tmp_path, model)).model == model


# What YAML can hold on a line; a description's line is trimmed, as YAML trims it.
letters = st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t")
lines = st.text(letters | st.sampled_from("'\"= .:/`#()"), max_size=12)
names = lines.filter(bool)
texts = st.lists(lines, max_size=4).map("\n".join)
descriptions = st.lists(lines.map(str.strip), max_size=3).map("\n".join)
expressions = texts.filter(lambda text: "```" not in text)
columns = st.builds(
    Column,
    name=names,
    source=lines,
    data_type=st.sampled_from(["string", "int64", "dateTime"]),
    description=descriptions,
    format=lines,
    folder=lines,
    category=st.sampled_from(["", "Latitude"]),
    sort_by=st.none() | names,
    is_hidden=st.booleans(),
    is_key=st.booleans(),
)
measures = st.builds(
    Measure,
    name=names,
    metric=expressions,
    expression=expressions,
    description=descriptions,
    format=lines,
    folder=lines,
)
tables = st.builds(
    Table,
    name=names,
    view=lines,
    description=descriptions,
    columns=st.lists(columns, max_size=2).map(tuple),
    source=expressions,
    measures=st.lists(measures, max_size=2).map(tuple),
    hierarchies=st.lists(
        st.builds(Hierarchy, names, st.lists(names, max_size=2).map(tuple)), max_size=1
    ).map(tuple),
    is_date_table=st.booleans(),
    is_hidden=st.booleans(),
    standalone=expressions,
)
models = st.builds(
    SemanticModel,
    # It names the folder.
    name=names.filter(lambda name: "/" not in name),
    description=descriptions,
    tables=st.lists(tables, max_size=3, unique_by=lambda one: one.name.casefold()).map(tuple),
    relationships=st.lists(st.builds(Relationship, names, names, names, names), max_size=2).map(
        tuple
    ),
    roles=st.lists(
        st.builds(Role, names, descriptions, st.dictionaries(names, expressions, max_size=2)),
        max_size=2,
        unique_by=lambda one: one.name.casefold(),
    ).map(tuple),
    parameters=st.lists(
        st.builds(Parameter, names, texts, descriptions, st.lists(texts, max_size=2).map(tuple)),
        max_size=2,
    ).map(tuple),
)


# Texts that a reader which trims, unquotes or unescapes once too often would change.
AWKWARD = SemanticModel(
    "awkward",
    "",
    (
        Table(
            "T",
            "v",
            "",
            (Column("C", "c", "int64", "", '"km" 0'), Column("D", "d", "int64", "", '0 "km"')),
            "  let\n    a = 1\n  in\n    a\n",
            (Measure("M", "m", "1 + \n\n  2", "", "0"), Measure("N", "n", " 1", "", "0")),
        ),
    ),
    parameters=(Parameter("P", 'a#(lf)b\n"c"\t#(#)', "", ('"', "#(")),),
)


@settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
@given(models)
@example(AWKWARD)
def test_any_model_reads_back_the_same(model: SemanticModel) -> None:
    """Whatever the names and expressions hold, nothing is lost or changed on the way."""
    with tempfile.TemporaryDirectory() as folder:
        assert read_model(write_model(Path(folder), model)).model == model


def test_the_template_says_the_same_as_the_files(folder: Path) -> None:
    """A template that differs from the project would show other figures."""
    database = to_tmsl(MODEL)
    assert (database["name"], database["compatibilityLevel"]) == ("example_model", 1600)
    json.dumps(database)
    model = database["model"]
    by_kind = {
        "table": model["tables"],
        "role": model["roles"],
        "expression": model["expressions"],
        "relationship": model["relationships"],
        **{
            kind: [part for table in model["tables"] for part in table.get(key, [])]
            for kind, key in (("column", "columns"), ("measure", "measures"))
        },
    }
    details = read_model(folder).details
    for kind, objects in by_kind.items():
        for ours, theirs in zip(
            sorted(objects, key=lambda one: one["name"]),
            sorted(details.of(kind), key=lambda one: one.name),
            strict=True,
        ):
            assert ours["name"] == theirs.name
            assert ours.get("description", "") == theirs.description
            assert ours.get("lineageTag") == theirs.properties.get("lineageTag")
            annotations = {one["name"]: one["value"] for one in ours.get("annotations", [])}
            assert annotations == theirs.annotations
            if kind in ("measure", "expression"):
                assert ours["expression"] == theirs.value
    assert [one["fromTable"] for one in by_kind["relationship"]] == ["Pipe Breaks"] * 2
    partition = model["tables"][0]["partitions"][0]
    assert partition["source"] == {"type": "m", "expression": MODEL.tables[0].source}

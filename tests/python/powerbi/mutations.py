"""Faults that somebody may put into the generated files, and what is to report each."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEMANTIC_MODEL = "model/la_pipe_break_model.SemanticModel"
DEFINITION = f"{SEMANTIC_MODEL}/definition"
TABLES = f"{DEFINITION}/tables"
BREAKS, DATES, RISKS = (f"{TABLES}/{name}.tmdl" for name in ("Main Breaks", "Date", "Main Risks"))
AREAS, MAINS, QUALITY = (f"{TABLES}/{name}.tmdl" for name in ("Area", "Main", "Data Checks"))
DATABASE, MODEL, RELATIONSHIPS, PARAMETERS = (
    f"{DEFINITION}/{name}.tmdl" for name in ("database", "model", "relationships", "expressions")
)
ROLE = f"{DEFINITION}/roles/Area reader.tmdl"
OVERVIEW = "reports/la_pipeline_failure_overview.Report"
RISK = "reports/la_pipeline_failure_risk.Report"
SETTINGS = f"{OVERVIEW}/definition/report.json"
PAGES = f"{OVERVIEW}/definition/pages/pages.json"
PAGE = f"{OVERVIEW}/definition/pages/*/page.json"
VISUAL_FOLDER = f"{OVERVIEW}/definition/pages/*/visuals/*"
VISUAL = f"{VISUAL_FOLDER}/visual.json"

Part = dict[str, Any]
Edit = Callable[[Path], None]
UNREADABLE = "UNREADABLE"


@dataclass(frozen=True)
class Mutation:
    """An edit of the project's folder.

    Attributes
    ----------
    rule
        Rule that reports it, where a rule does.
    """

    name: str
    edit: Edit
    rule: str = ""


def swap(file: str, old: str, new: str) -> Edit:
    """Write something else where a text stands first."""

    def edit(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r} any more: change the mutation"
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


def cut(file: str, pattern: str) -> Edit:
    """Delete what a pattern finds first."""

    def edit(folder: Path) -> None:
        text, count = re.subn(pattern, "", (folder / file).read_text(encoding="utf-8"), count=1)
        assert count, f"{file} has nothing like {pattern!r} any more: change the mutation"
        (folder / file).write_text(text, encoding="utf-8")

    return edit


def add(file: str, text: str) -> Edit:
    """Write a text at the end of a file."""

    def edit(folder: Path) -> None:
        with (folder / file).open("a", encoding="utf-8") as stream:
            stream.write(text)

    return edit


def add_measure(dax: str, name: str = "New", more: str = "") -> Edit:
    """Add a measure to the breaks."""
    text = f"\t/// A measure.\n\tmeasure '{name}' = {dax}\n\t\tformatString: #,0\n{more}\n"
    first = "\tcolumn 'Break ID'"
    return swap(BREAKS, first, f"{text}\t/// Key.\n{first}")


def relate(many: str, one: str, more: str = "") -> Edit:
    """Add a relationship."""
    head = "relationship 11111111-2222-3333-4444-555555555555"
    return add(RELATIONSHIPS, f"{head}\n{more}\tfromColumn: {many}\n\ttoColumn: {one}\n\n")


def change(file: str, edit_part: Callable[[Part], object], holding: str = "") -> Edit:
    """Edit the first JSON file of this name that holds a text."""

    def edit(folder: Path) -> None:
        path = next(
            path for path in sorted(folder.glob(file)) if holding in path.read_text("utf-8")
        )
        part = json.loads(path.read_text(encoding="utf-8"))
        edit_part(part)
        path.write_text(json.dumps(part, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    return edit


def change_visual(kind: str, edit_part: Callable[[Part], object]) -> Edit:
    """Edit the first visual of a kind."""
    every = "reports/*.Report/definition/pages/*/visuals/*/visual.json"
    return change(every, edit_part, f'"visualType": "{kind}"')


def change_roles(kind: str, edit_roles: Callable[[Part], object]) -> Edit:
    """Edit what the first visual of a kind shows in its roles."""
    return change_visual(kind, lambda part: edit_roles(part["visual"]["query"]["queryState"]))


def show_as_column(roles: Part) -> None:
    field = roles["Data"]["projections"][0]["field"]
    field["Column"] = field.pop("Measure")


def show_again(role: str, name: str = "") -> Callable[[Part], None]:
    """Show the first field of a role once more, under another name if one is given."""

    def edit(roles: Part) -> None:
        shown = roles[role]["projections"]
        shown.append({**shown[0], "queryRef": name or shown[0]["queryRef"]})

    return edit


def enlarge(part: Part) -> None:
    part["position"]["width"] += 40
    part["position"]["height"] += 40


def delete(file: str) -> Edit:
    def edit(folder: Path) -> None:
        path = sorted(folder.glob(file))[0]
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return edit


def rename(file: str, name: str) -> Edit:
    def edit(folder: Path) -> None:
        path = sorted(folder.glob(file))[0]
        path.rename(path.with_name(name))

    return edit


def both(*edits: Edit) -> Edit:
    def edit(folder: Path) -> None:
        for one in edits:
            one(folder)

    return edit


def copy_visual_to_other_page(folder: Path) -> None:
    first, second = sorted(folder.glob(f"{OVERVIEW}/definition/pages/*/visuals"))[:2]
    visual = sorted(first.iterdir())[0]
    shutil.copytree(visual, second / visual.name)


def copy_logical_id(folder: Path) -> None:
    of_model, of_report = (folder / item / ".platform" for item in (SEMANTIC_MODEL, OVERVIEW))
    part = json.loads(of_report.read_text(encoding="utf-8"))
    part["config"] = json.loads(of_model.read_text(encoding="utf-8"))["config"]
    of_report.write_text(json.dumps(part), encoding="utf-8")


def repeat_tag(folder: Path) -> None:
    text = (folder / BREAKS).read_text(encoding="utf-8")
    first, second = re.findall("lineageTag: (.*)", text)[:2]
    (folder / BREAKS).write_text(text.replace(second, first), encoding="utf-8")


OF_FILES = [
    Mutation("a comment", add(BREAKS, "// by hand\n"), UNREADABLE),
    Mutation("a line below a description", swap(DATES, "\tcolumn", "\n\tcolumn"), UNREADABLE),
    Mutation("a quote left open", swap(BREAKS, "'Break ID'", "'Break ID"), UNREADABLE),
    Mutation("a name without quotes", swap(DATES, "'Month Start'", "Month: Start"), UNREADABLE),
    Mutation("spaces for a tab", swap(DATES, "\t\tisKey", "\t    isKey"), UNREADABLE),
    Mutation("a property twice", swap(DATES, "\t\tisKey\n", "\t\tisKey\n\t\tisKey\n"), UNREADABLE),
    Mutation("a byte order mark", swap(DATES, "/// One row", "\ufeff/// One row"), UNREADABLE),
    Mutation("an end without column", swap(RELATIONSHIPS, "Date.Date", "Date"), UNREADABLE),
    Mutation("a level that is no number", swap(DATABASE, "1600", "latest"), UNREADABLE),
    Mutation("half a JSON file", swap(PAGES, '"pageOrder": [', '"pageOrder": '), UNREADABLE),
    Mutation("a report without pages.json", delete(PAGES), UNREADABLE),
    Mutation("no partition", cut(BREAKS, r"\tpartition (.|\n)*?Typed\n"), "ONE_PARTITION"),
    Mutation(
        "two partitions",
        swap(BREAKS, "\tpartition 'Main", "\tpartition Old = m\n\n\tpartition 'Main"),
        "ONE_PARTITION",
    ),
    Mutation("a level that nobody knows", swap(DATABASE, "1600", "1650"), "COMPATIBILITY_LEVEL"),
    Mutation("a property misspelled", swap(BREAKS, "summarize", "sumarize"), "UNKNOWN_PROPERTY"),
    Mutation("a type misspelled", swap(BREAKS, "Type: string", "Type: text"), "UNKNOWN_VALUE"),
    Mutation("a table left out", cut(MODEL, "ref table 'Main Breaks'\n"), "UNREFERENCED_TABLE"),
    Mutation("a table's file is gone", delete(QUALITY), "UNREFERENCED_TABLE"),
    Mutation(
        "dates made by Power BI", swap(MODEL, "Enabled = 0", "Enabled = 1"), "AUTO_DATE_TABLES"
    ),
    Mutation("a model without .platform", delete(f"{SEMANTIC_MODEL}/.platform"), "PLATFORM"),
    Mutation("a report as a model", swap(f"{RISK}/.platform", '"Report"', '"Model"'), "PLATFORM"),
    Mutation(
        "an id that is no GUID",
        change(f"{RISK}/.platform", lambda part: part["config"].update(logicalId="risk")),
        "PLATFORM",
    ),
    Mutation("an id of two items", copy_logical_id, "PLATFORM"),
    Mutation(
        "settings of an old model",
        swap(f"{SEMANTIC_MODEL}/definition.pbism", '"4.2"', '"1.0"'),
        "MODEL_SETTINGS",
    ),
    Mutation("a tag that is no GUID", cut(BREAKS, "(?<=lineageTag: )...."), "LINEAGE_TAG"),
    Mutation("a tag of two things", repeat_tag, "LINEAGE_TAG"),
    Mutation("a parameter is gone", cut(PARAMETERS, "/// Host(.|\n)*?Text\n\n"), "M_NAME_MISSING"),
    Mutation(
        "a parameter renamed",
        swap(PARAMETERS, "expression ParquetFolder", "expression ExportFolder"),
        "M_NAME_MISSING",
    ),
    Mutation("a step misspelled", swap(BREAKS, "    Typed\n", "    Types\n"), "M_NAME_MISSING"),
    Mutation(
        "a parameter for nothing",
        add(PARAMETERS, 'expression Port = "5432" meta [IsParameterQuery=true, Type="Text"]\n'),
        "UNUSED_PARAMETER",
    ),
    Mutation("a typed column is gone", swap(BREAKS, '{{"break_key', '{{"id'), "M_COLUMN_MISSING"),
    Mutation("a date as text", swap(BREAKS, '_on", type date', '_on", type text'), "M_TYPE"),
    Mutation(
        "another view",
        both(swap(BREAKS, '"pipe_breaks"', '"pipes"'), swap(BREAKS, "\\pipe_breaks.", "\\pipes.")),
        "M_OTHER_VIEW",
    ),
    Mutation(
        "a bracket left open", swap(BREAKS, "ParquetFolder &", "(ParquetFolder &"), "M_SYNTAX"
    ),
    Mutation(
        "rows sorted by Power Query",
        swap(BREAKS, "Types(Source", "Types(Table.Sort(Source)"),
        "MINIMIZE_POWER_QUERY_TRANSFORMATIONS",
    ),
]
OF_NAMES = [
    Mutation(
        "a partition named otherwise",
        swap(BREAKS, "partition 'Main Breaks'", "partition 'Pipe Breaks'"),
        "PARTITION_NAME_SHOULD_MATCH_TABLE_NAME_FOR_SINGLE_PARTITION_TABLES",
    ),
    Mutation(
        "a measure in two tables",
        swap(RISKS, "measure 'Cost at Risk'", "measure Breaks"),
        "DUPLICATE_MEASURE_NAME",
    ),
    Mutation("a measure in capitals", add_measure("1", "BREAKS"), "DUPLICATE_MEASURE_NAME"),
    Mutation("a measure like a column", add_measure("1", "Cause"), "MEASURE_NAMED_LIKE_COLUMN"),
    Mutation(
        "one like a column elsewhere", add_measure("1", "Region"), "MEASURE_NAMED_LIKE_COLUMN"
    ),
    Mutation(
        "a column in capitals",
        swap(BREAKS, "column Cause", "column CAUSE\n\n\tcolumn Cause"),
        "NAME_TAKEN",
    ),
    Mutation(
        "a parameter like a table",
        swap(PARAMETERS, "expression Schema", "expression soil"),
        "NAME_TAKEN",
    ),
    Mutation(
        "a space at the end", swap(BREAKS, "column Cause", "column 'Cause '"), "TRIM_OBJECT_NAMES"
    ),
    Mutation(
        "a space that is none",
        swap(BREAKS, "column Cause", "column 'Ca\xa0use'"),
        "AVOID_INVALID_NAME_CHARACTERS",
    ),
    Mutation(
        "a lowercase letter",
        swap(BREAKS, "column Cause", "column cause"),
        "FIRST_LETTER_OF_OBJECTS_MUST_BE_CAPITALIZED",
    ),
    Mutation(
        "a bell in a description",
        swap(DATES, "/// ", "/// \x07"),
        "AVOID_INVALID_DESCRIPTION_CHARACTERS",
    ),
]
OF_OBJECTS = [
    Mutation(
        "a sum by itself",
        swap(RISKS, "none\n\t\tsourceColumn: risk_usd", "sum\n\t\tsourceColumn: risk_usd"),
        "NUMERIC_COLUMN_SUMMARIZE_BY",
    ),
    Mutation(
        "no format",
        cut(BREAKS, "\t\tformatString: #,0\n"),
        "PROVIDE_FORMAT_STRING_FOR_MEASURES",
    ),
    Mutation(
        "no description",
        cut(BREAKS, "\t/// Main breaks of the systematic record.\n"),
        "OBJECTS_WITH_NO_DESCRIPTION",
    ),
    Mutation("a table without description", cut(AREAS, "^/// .*\n"), "OBJECTS_WITH_NO_DESCRIPTION"),
    Mutation(
        "a place unknown to maps",
        cut(AREAS, "\t\tdataCategory: Latitude\n"),
        "ADD_DATA_CATEGORY_FOR_COLUMNS",
    ),
    Mutation(
        "months by the alphabet",
        cut(DATES, "\t\tsortByColumn: 'Month Number'\n"),
        "MONTH_(AS_A_STRING)_MUST_BE_SORTED",
    ),
    Mutation(
        "a column of nothing",
        cut(BREAKS, "\t\tsourceColumn: cause\n"),
        "DATA_COLUMNS_MUST_HAVE_A_SOURCE_COLUMN",
    ),
    Mutation(
        "a measure of nothing",
        cut(BREAKS, r"(?<=measure 'Breaks Year on Year') = .*"),
        "EXPRESSION_RELIANT_OBJECTS_MUST_HAVE_AN_EXPRESSION",
    ),
    Mutation(
        "a computed column",
        swap(BREAKS, "column Cause", 'column Cause = "none"'),
        "COMPUTED_IN_POWER_BI",
    ),
    Mutation(
        "sorted by what is gone",
        swap(DATES, "ByColumn: 'Month", "ByColumn: 'My"),
        "SORT_BY_MISSING",
    ),
    Mutation(
        "sorted in a circle",
        swap(DATES, "Column: month_number\n", "Column: month_number\n\t\tsortByColumn: Month\n"),
        "SORT_BY_CYCLE",
    ),
    Mutation(
        "a level of what is gone",
        swap(DATES, "column: Quarter", "column: Quarters"),
        "HIERARCHY_LEVEL_MISSING",
    ),
    Mutation(
        "a sort column without order",
        swap(
            DATES, "\tsourceColumn: month_n", "\tisAvailableInMdx: false\n\t\tsourceColumn: month_n"
        ),
        "SET_ISAVAILABLEINMDX_TO_TRUE_ON_NECESSARY_COLUMNS",
    ),
    Mutation(
        "a measure for nobody", add_measure("1", more="\t\tisHidden\n"), "UNNECESSARY_MEASURES"
    ),
]
IN_A_ROW = "DATE/CALENDAR_TABLES_SHOULD_BE_MARKED_AS_A_DATE_TABLE"
ONE_WAY = "CHECK_IF_BI-DIRECTIONAL_AND_MANY-TO-MANY_RELATIONSHIPS_ARE_VALID"
OF_STAR = [
    Mutation(
        "no date table", cut(DATES, "\tdataCategory: Time\n"), "MODEL_SHOULD_HAVE_A_DATE_TABLE"
    ),
    Mutation("a date table not marked", cut(DATES, "\tdataCategory: Time\n"), IN_A_ROW),
    Mutation("a date table without key", cut(DATES, "\t\tisKey\n"), IN_A_ROW),
    Mutation(
        "ends of two types",
        swap(BREAKS, "'Area ID'\n\t\tdataType: string", "'Area ID'\n\t\tdataType: int64"),
        "RELATIONSHIP_COLUMNS_SAME_DATA_TYPE",
    ),
    Mutation(
        "an end that is gone",
        swap(RELATIONSHIPS, "'Break Date'", "'Broke On'"),
        "RELATIONSHIP_END_MISSING",
    ),
    Mutation(
        "a table that is gone",
        swap(RELATIONSHIPS, "toColumn: Soil.", "toColumn: Soils."),
        "RELATIONSHIP_END_MISSING",
    ),
    Mutation(
        "a relationship twice",
        relate("'Main Breaks'.'Break Date'", "Date.Date"),
        "DUPLICATE_RELATIONSHIP",
    ),
    Mutation(
        "two ways to the breaks",
        relate("Main.'Area ID'", "Area.'Area ID'"),
        "AMBIGUOUS_FILTER_PATHS",
    ),
    Mutation(
        "two dates that filter",
        relate("'Main Breaks'.'Break Month'", "Date.Date"),
        "AMBIGUOUS_FILTER_PATHS",
    ),
    Mutation(
        "a dimension of a dimension",
        relate("Main.'Area ID'", "Area.'Area ID'"),
        "SNOWFLAKE_SCHEMA_ARCHITECTURE",
    ),
    Mutation(
        "both ways",
        swap(RELATIONSHIPS, "\tfromC", "\tcrossFilteringBehavior: bothDirections\n\tfromC"),
        ONE_WAY,
    ),
    Mutation(
        "many to many", swap(RELATIONSHIPS, "\tfromC", "\ttoCardinality: many\n\tfromC"), ONE_WAY
    ),
    Mutation(
        "never activated",
        relate("'Main Breaks'.'Break Month'", "Date.Date", "\tisActive: false\n"),
        "INACTIVE_RELATIONSHIPS_THAT_ARE_NEVER_ACTIVATED",
    ),
    Mutation(
        "a foreign key in sight",
        cut(BREAKS, r"(?<='Area ID'\n\t\tdataType: string\n)\t\tisHidden\n"),
        "HIDE_FOREIGN_KEYS",
    ),
    Mutation("a key not marked", cut(AREAS, "\t\tisKey\n"), "MARK_PRIMARY_KEYS"),
    Mutation(
        "a table that nothing filters",
        cut(QUALITY, "\tannotation LaPipes_Standalone.*\n\n"),
        "ENSURE_TABLES_HAVE_RELATIONSHIPS",
    ),
    Mutation(
        "a role on what is gone",
        swap(ROLE, "Permission Area", "Permission Areas"),
        "ROLE_TABLE_MISSING",
    ),
    Mutation(
        "a role that computes",
        swap(ROLE, "= USERPRINCIPALNAME()", "= UPPER(USERPRINCIPALNAME())"),
        "LIMIT_ROW_LEVEL_SECURITY_(RLS)_LOGIC",
    ),
    Mutation(
        "a role and an activation",
        add_measure(
            "CALCULATE([Breaks], USERELATIONSHIP('Main Breaks'[Break Month], 'Date'[Date]))"
        ),
        "AVOID_THE_USERELATIONSHIP_FUNCTION_AND_RLS_AGAINST_THE_SAME_TABLE",
    ),
]
OF_DAX = [
    Mutation("a bracket left open in DAX", add_measure("SUM('Main'[Length (m)]"), "DAX_SYNTAX"),
    Mutation("a text left open in DAX", add_measure('[Breaks] & "'), "DAX_SYNTAX"),
    Mutation(
        "a table of DAX is gone", swap(BREAKS, "ROWS('Main", "ROWS('Pipe"), "DAX_TABLE_MISSING"
    ),
    Mutation(
        "a variable misspelled", swap(BREAKS, "_total_breaks -", "_total -"), "DAX_TABLE_MISSING"
    ),
    Mutation(
        "a column of DAX is gone", swap(BREAKS, "[Is in Record]", "[In It]"), "DAX_COLUMN_MISSING"
    ),
    Mutation("a column of a role is gone", swap(ROLE, "[Reader]", "[Login]"), "DAX_COLUMN_MISSING"),
    Mutation(
        "a measure of DAX is gone",
        swap(BREAKS, "([Breaks Change]", "([Change]"),
        "DAX_MEASURE_MISSING",
    ),
    Mutation(
        "a circle of measures",
        swap(BREAKS, "= DIVIDE([Breaks Change]", "= DIVIDE([Breaks Year on Year]"),
        "DAX_CYCLE",
    ),
    Mutation(
        "a column without table",
        add_measure("CALCULATE([Breaks], [Is in Record] = TRUE())"),
        "DAX_COLUMNS_FULLY_QUALIFIED",
    ),
    Mutation(
        "a measure with table", add_measure("'Main Breaks'[Breaks] * 2"), "DAX_MEASURES_UNQUALIFIED"
    ),
    Mutation(
        "one measure twice",
        add_measure("DIVIDE( [Breaks Change],[Breaks Last Year] ) // ours"),
        "AVOID_DUPLICATE_MEASURES",
    ),
    Mutation(
        "a measure of a measure",
        add_measure("[Breaks]"),
        "MEASURES_SHOULD_NOT_BE_DIRECT_REFERENCES_OF_OTHER_MEASURES",
    ),
    Mutation(
        "a quotient",
        add_measure("[Breaks] / [Miles of Mains]"),
        "USE_THE_DIVIDE_FUNCTION_FOR_DIVISION",
    ),
    Mutation(
        "an error hidden",
        add_measure("IFERROR([Breaks] + 1, 0)"),
        "AVOID_USING_THE_IFERROR_FUNCTION",
    ),
    Mutation(
        "one less a quotient",
        add_measure("1 - DIVIDE([Breaks], 2)"),
        "AVOID_USING_'1-(X/Y)'_SYNTAX",
    ),
    Mutation(
        "a table filtered",
        add_measure("CALCULATE([Breaks], FILTER('Main', 'Main'[Is Stub]))"),
        "FILTER_COLUMN_VALUES",
    ),
    Mutation(
        "a measure row by row",
        add_measure("CALCULATE([Breaks], FILTER('Main', [Breaks] > 1))"),
        "FILTER_MEASURE_VALUES_BY_COLUMNS",
    ),
    Mutation(
        "an intersection",
        add_measure("COUNTROWS(INTERSECT('Main', 'Main'))"),
        "USE_THE_TREATAS_FUNCTION_INSTEAD_OF_INTERSECT",
    ),
    Mutation(
        "a trace left in",
        add_measure("EVALUATEANDLOG([Breaks] + 1)"),
        "EVALUATEANDLOG_SHOULD_NOT_BE_USED_IN_PRODUCTION_MODELS",
    ),
]
OF_REPORTS = [
    Mutation(
        "a column of a report is gone",
        swap(DATES, "column Year\n", "column Years\n"),
        "FIELD_MISSING",
    ),
    Mutation(
        "a measure of a report is gone",
        swap(RISKS, "'Cost at Risk'", "'Risk Cost'"),
        "FIELD_MISSING",
    ),
    Mutation(
        "a table of a report is gone", swap(DATES, "table Date\n", "table Days\n"), "FIELD_MISSING"
    ),
    Mutation(
        "the field that leads in is gone", swap(MAINS, "'Main ID'", "'Main No'"), "FIELD_MISSING"
    ),
    Mutation("a measure as a column", change_roles("cardVisual", show_as_column), "FIELD_MISSING"),
    Mutation(
        "another model",
        swap(f"{RISK}/definition.pbir", "la_pipe_break_model", "la_model"),
        "MODEL_PATH_MISSING",
    ),
    Mutation("no theme file", delete(f"{RISK}/StaticResources/Reg*/*.json"), "THEME_MISSING"),
    Mutation(
        "a theme that is not packed",
        change(SETTINGS, lambda part: part["resourcePackages"].pop()),
        "THEME_MISSING",
    ),
    Mutation("a page that is gone", delete(f"{OVERVIEW}/definition/pages/*/"), "PAGE_ORDER"),
    Mutation("a page left out", change(PAGES, lambda part: part["pageOrder"].pop()), "PAGE_ORDER"),
    Mutation(
        "a page twice",
        change(PAGES, lambda part: part["pageOrder"].append(part["pageOrder"][0])),
        "PAGE_ORDER",
    ),
    Mutation(
        "opened at no page",
        change(PAGES, lambda part: part.update(activePageName="first")),
        "PAGE_ORDER",
    ),
    Mutation("a folder renamed", rename(VISUAL_FOLDER, "breaks"), "FOLDER_NAME"),
    Mutation(
        "a name with a space",
        both(
            change(VISUAL, lambda part: part.update(name="the breaks")),
            rename(VISUAL_FOLDER, "the breaks"),
        ),
        "FOLDER_NAME",
    ),
    Mutation("a visual on two pages", copy_visual_to_other_page, "VISUAL_NAME_TAKEN"),
    Mutation(
        "a shortcut to nowhere",
        change("reports/*.pbip", lambda part: part["artifacts"][0]["report"].update(path="x")),
        "SHORTCUT",
    ),
    Mutation(
        "a shortcut to a model",
        change("reports/*.pbip", lambda part: part["artifacts"].append({"dataset": {"path": "x"}})),
        "SHORTCUT",
    ),
    Mutation(
        "beyond the page",
        change(VISUAL, lambda part: part["position"].update(x=1270)),
        "VISUAL_OUTSIDE_PAGE",
    ),
    Mutation("one on the other", change_visual("slicer", enlarge), "OVERLAPPING_VISUALS"),
    Mutation(
        "no title",
        change_visual("slicer", lambda part: part["visual"]["visualContainerObjects"].pop("title")),
        "VISUAL_WITHOUT_TITLE",
    ),
    Mutation(
        "nothing to hear",
        change_visual(
            "slicer", lambda part: part["visual"]["visualContainerObjects"].pop("general")
        ),
        "VISUAL_WITHOUT_ALT_TEXT",
    ),
    Mutation(
        "a page that nothing leads to",
        change(
            f"{RISK}/definition/pages/*/page.json",
            lambda part: part["filterConfig"]["filters"].clear(),
            "Drillthrough",
        ),
        "DRILLTHROUGH_FIELD",
    ),
    Mutation(
        "a map that Power BI gives up",
        change_visual("azureMap", lambda part: part["visual"].update(visualType="map")),
        "VISUAL_KIND",
    ),
    Mutation(
        "a kind misspelled",
        change_visual("lineChart", lambda part: part["visual"].update(visualType="lineChrt")),
        "VISUAL_KIND",
    ),
    Mutation(
        "a role that is none",
        change_roles("lineChart", lambda roles: roles.update(Axis=roles.pop("Category"))),
        "VISUAL_ROLE",
    ),
    Mutation(
        "nothing to place",
        change_roles("azureMap", lambda roles: roles.pop("Category")),
        "VISUAL_ROLE",
    ),
    Mutation(
        "a measure on the axis",
        change_roles("lineChart", lambda roles: roles.update(Category=roles["Y"])),
        "VISUAL_ROLE",
    ),
    Mutation(
        "two fields in a slicer", change_roles("slicer", show_again("Values", "x")), "VISUAL_ROLE"
    ),
    Mutation("a field twice", change_roles("tableEx", show_again("Values")), "QUERY_REF_TAKEN"),
    Mutation(
        "breaks by a soil that filters none",
        swap(
            RELATIONSHIPS,
            "\tfromColumn: 'Main Breaks'.'Soil ID'",
            "\tisActive: false\n\tfromColumn: 'Main Breaks'.'Soil ID'",
        ),
        "FIELDS_UNRELATED",
    ),
]
REPORTED_BY_A_RULE = [*OF_FILES, *OF_NAMES, *OF_OBJECTS, *OF_STAR, *OF_DAX, *OF_REPORTS]
REPORTED_BY_A_SCHEMA = [
    Mutation("a property of no schema", change(VISUAL, lambda part: part.update(comment="ours"))),
    Mutation("a place without x", change(VISUAL, lambda part: part["position"].pop("x"))),
    Mutation("a fit that is none", change(PAGE, lambda part: part.update(displayOption="Fit"))),
    Mutation("a schema that is none", swap(SETTINGS, "report/3.0.0", "report/3.0.9")),
    Mutation("a theme of no kind", swap(SETTINGS, '"type": "SharedRes', '"type": "OtherRes')),
]
# No rule knows which figure is right, only the comparison with dbt.
ANOTHER_NUMBER = Mutation("another number in DAX", swap(BREAKS, "<= 366", "<= 31"))
MUTATIONS = [*REPORTED_BY_A_RULE, *REPORTED_BY_A_SCHEMA]

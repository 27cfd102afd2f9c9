"""Rules about what the model says of single columns and measures."""

import re
from collections.abc import Iterator

from la_pipeline_failure_predict.powerbi.lint.project import Project
from la_pipeline_failure_predict.powerbi.lint.rules import Finding, RuleBook

NUMBERS = ("int64", "double", "decimal")

book = RuleBook[Project]()


def has_word(name: str, *words: str) -> bool:
    """Tell whether one of these words is in a name."""
    return any(re.search(rf"\b{word}\b", name, re.IGNORECASE) for word in words)


@book.warning("NUMERIC_COLUMN_SUMMARIZE_BY")
def _numbers_are_not_summed(project: Project) -> Iterator[Finding]:
    for column in project.columns:
        is_summed = column.declared.properties.get("summarizeBy") != "none"
        if column.type in NUMBERS and is_summed and not column.is_hidden:
            yield (
                project.spot(column),
                "is summed automatically when it is dropped on a page: set summarizeBy: none",
            )


@book.warning("PROVIDE_FORMAT_STRING_FOR_MEASURES")
def _measures_have_a_format(project: Project) -> Iterator[Finding]:
    for measure in project.measures:
        has_one = measure.declared.properties.get("formatString") or measure.declared.of(
            "formatStringDefinition"
        )
        if not has_one and not measure.is_hidden:
            yield project.spot(measure), "has no formatString: give it one, such as #,##0"


@book.warning("OBJECTS_WITH_NO_DESCRIPTION")
def _what_is_seen_is_described(project: Project) -> Iterator[Finding]:
    seen = [one.declared for one in (*project.columns, *project.measures) if not one.is_hidden]
    for one in (*seen, *(table for table in project.tables if not table.is_hidden)):
        if not one.description.strip():
            yield project.spot(one), "has no description: write one above it, after ///"


@book.warning("ADD_DATA_CATEGORY_FOR_COLUMNS")
def _places_have_a_category(project: Project) -> Iterator[Finding]:
    for column in project.columns:
        is_coordinate = column.type in NUMBERS and has_word(column.name, "latitude", "longitude")
        is_name = column.type == "string" and has_word(column.name, "country", "continent", "city")
        if (is_coordinate or is_name) and not column.declared.properties.get("dataCategory"):
            yield (
                project.spot(column),
                "is a location that maps do not recognize: set its dataCategory, such as Latitude",
            )


@book.error("MONTH_(AS_A_STRING)_MUST_BE_SORTED")
def _months_are_sorted(project: Project) -> Iterator[Finding]:
    for column in project.columns:
        is_name = column.type == "string" and has_word(column.name, "month")
        if is_name and not column.sorted_by and not column.is_hidden:
            yield (
                project.spot(column),
                "is sorted alphabetically, April first: set sortByColumn to the month's number",
            )


@book.error("DATA_COLUMNS_MUST_HAVE_A_SOURCE_COLUMN")
def _columns_have_a_source(project: Project) -> Iterator[Finding]:
    for column in project.columns:
        if not column.declared.value and not column.declared.properties.get("sourceColumn"):
            yield project.spot(column), "has no source: set sourceColumn"


@book.error("EXPRESSION_RELIANT_OBJECTS_MUST_HAVE_AN_EXPRESSION")
def _expressions_are_there(project: Project) -> Iterator[Finding]:
    for one in (*project.of("measure"), *project.of("expression")):
        if not one.value.strip():
            yield project.spot(one), "has no expression: write one after =, or delete it"


@book.warning("COMPUTED_IN_POWER_BI")
def _the_warehouse_computes(project: Project) -> Iterator[Finding]:
    parts = [part for part in project.of("partition") if part.value == "calculated"]
    for one in (*parts, *(column.declared for column in project.columns)):
        if one.value and (one.kind == "column" or one in parts):
            yield project.spot(one), "is computed in Power BI: compute it in the dbt model"


@book.error("SORT_BY_MISSING")
def _sort_columns_are_there(project: Project) -> Iterator[Finding]:
    for column in project.columns:
        if column.sorted_by and column.sorted_by not in project.columns_by_key:
            name = column.declared.properties["sortByColumn"]
            yield (
                project.spot(column),
                f"is sorted by {name}, which its table does not have: name another column",
            )


@book.error("SORT_BY_CYCLE")
def _sort_columns_end(project: Project) -> Iterator[Finding]:
    for column in project.columns:
        key, seen = column.sorted_by, {column.key}
        while key and key not in seen:
            seen.add(key)
            key = project.columns_by_key[key].sorted_by if key in project.columns_by_key else None
        if key == column.key:
            yield project.spot(column), "is sorted by itself indirectly: sort it by a number"


@book.error("HIERARCHY_LEVEL_MISSING")
def _levels_are_columns(project: Project) -> Iterator[Finding]:
    for hierarchy in project.of("hierarchy"):
        if not hierarchy.of("level"):
            yield project.spot(hierarchy), "has no level: give it one, or delete it"
    for level in project.of("level"):
        name = level.properties.get("column", "")
        if project.reference(level.path[0], name) not in project.columns_by_key:
            yield (
                project.spot(level),
                f"shows {name or 'no column'}, which its table does not have: name another column",
            )


@book.error("SET_ISAVAILABLEINMDX_TO_TRUE_ON_NECESSARY_COLUMNS")
def _needed_columns_have_a_hierarchy(project: Project) -> Iterator[Finding]:
    for column in project.columns:
        is_off = column.declared.properties.get("isAvailableInMdx") == "false"
        if is_off and (column.key in project.sorting_or_levels or column.sorted_by):
            yield project.spot(column), "sorts, or is a level: delete isAvailableInMdx"


@book.warning("UNNECESSARY_MEASURES")
def _hidden_measures_are_used(project: Project) -> Iterator[Finding]:
    for measure in project.measures:
        if measure.is_hidden and measure.key not in project.used:
            yield project.spot(measure), "is hidden and used by nothing: delete it, or show it"

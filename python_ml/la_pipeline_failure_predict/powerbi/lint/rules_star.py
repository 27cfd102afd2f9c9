"""Rules about how the model's tables are joined: the star, its dates and its roles."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from la_pipeline_failure_predict.powerbi.lint.project import Link, Project
from la_pipeline_failure_predict.powerbi.lint.rules import Finding, RuleBook
from la_pipeline_failure_predict.powerbi.lint.rules_objects import has_word
from la_pipeline_failure_predict.powerbi.names import written_table
from la_pipeline_failure_predict.powerbi.tmdl_reader import Declaration
from la_pipeline_failure_predict.powerbi.tmsl import STANDALONE

book = RuleBook[Project]()


def _is_date_table(table: Declaration) -> bool:
    return table.properties.get("dataCategory") == "Time" and any(
        one.is_set("isKey") and one.properties.get("dataType") == "dateTime"
        for one in table.of("column")
    )


@book.error("MODEL_SHOULD_HAVE_A_DATE_TABLE")
def _model_has_a_date_table(project: Project) -> Iterator[Finding]:
    if not any(map(_is_date_table, project.tables)):
        for model in project.of("model"):
            yield (
                project.spot(model),
                "has no date table, by which years are compared: mark one, with dataCategory: Time "
                "and isKey on its column of dateTime",
            )


@book.error("DATE/CALENDAR_TABLES_SHOULD_BE_MARKED_AS_A_DATE_TABLE")
def _date_tables_are_marked(project: Project) -> Iterator[Finding]:
    for table in project.tables:
        is_called_so = has_word(table.name, "dates?", "calendar")
        is_marked = table.properties.get("dataCategory") == "Time"
        if (is_called_so or is_marked) and not _is_date_table(table):
            yield (
                project.spot(table),
                "is not a date table for Power BI: set dataCategory: Time, and isKey on its column "
                "of dateTime",
            )


@book.error("RELATIONSHIP_END_MISSING")
def _ends_are_there(project: Project) -> Iterator[Finding]:
    for link in project.links:
        ends = link.ends
        for table, name in (ends.from_table, ends.from_column), (ends.to_table, ends.to_column):
            if project.reference(table, name) not in project.columns_by_key:
                yield (
                    project.spot(link),
                    f"joins {written_table(table)}[{name}], which does not exist: name a column",
                )


@book.error("DUPLICATE_RELATIONSHIP")
def _relationships_differ(project: Project) -> Iterator[Finding]:
    seen = set()
    for link in project.links:
        ends = frozenset((link.many, link.one))
        if ends in seen:
            yield project.spot(link), "is declared twice: delete one of them"
        seen.add(ends)


@book.error("RELATIONSHIP_COLUMNS_SAME_DATA_TYPE")
def _ends_have_one_type(project: Project) -> Iterator[Finding]:
    for link in project.links:
        many, one = (project.columns_by_key.get(key) for key in (link.many, link.one))
        if many and one and many.type != one.type:
            yield (
                project.spot(link),
                f"joins {many.type} to {one.type}: give both columns one dataType",
            )


@book.error("AMBIGUOUS_FILTER_PATHS")
def _one_way_leads_to_a_table(project: Project) -> Iterator[Finding]:
    for start in project.roads:
        ways = defaultdict(list)
        for way in _ways(project.roads, start, ()):
            ways[way[-1][0]].append(way)
        for end, found in ways.items():
            for first, second in combinations(found, 2):
                if first[0] != second[0] and first[-1] != second[-1]:
                    yield (
                        project.spot(second[-1][1]),
                        f"is one of two ways from {project.titled(start)} to "
                        f"{project.titled(end)}: set isActive: false on one of them",
                    )
                    break


Way = tuple[tuple[str, Link], ...]


def _ways(roads: Mapping[str, Sequence[tuple[str, Link]]], at: str, way: Way) -> Iterator[Way]:
    """Yield every way on from a table that comes by no relationship twice."""
    for step in roads.get(at, ()):
        if all(step[1] is not taken for _, taken in way):
            yield (*way, step)
            yield from _ways(roads, step[0], (*way, step))


@book.warning("CHECK_IF_BI-DIRECTIONAL_AND_MANY-TO-MANY_RELATIONSHIPS_ARE_VALID")
def _relationships_are_many_to_one(project: Project) -> Iterator[Finding]:
    for link in project.links:
        if link.is_both_ways or not link.is_many_to_one:
            what = "filters both ways" if link.is_both_ways else "is not from many to one"
            yield (
                project.spot(link),
                f"{what}, which counts rows twice: make it many to one, in one direction",
            )


@book.warning("HIDE_FOREIGN_KEYS")
def _foreign_keys_are_hidden(project: Project) -> Iterator[Finding]:
    for key in dict.fromkeys(link.many for link in project.links):
        column = project.columns_by_key.get(key)
        if column and not column.is_hidden:
            yield (
                project.spot(column),
                "joins another table, whose columns readers are to use: set isHidden",
            )


@book.warning("MARK_PRIMARY_KEYS")
def _primary_keys_are_marked(project: Project) -> Iterator[Finding]:
    for key in dict.fromkeys(link.one for link in project.links):
        column = project.columns_by_key.get(key)
        if column and not column.declared.is_set("isKey"):
            yield project.spot(column), "is the one side of a relationship: set isKey"


@book.warning("SNOWFLAKE_SCHEMA_ARCHITECTURE")
def _dimensions_stand_alone(project: Project) -> Iterator[Finding]:
    looking_up = {link.many[0] for link in project.links}
    for name in dict.fromkeys(link.one[0] for link in project.links):
        if name in looking_up and name in project.tables_by_name:
            yield (
                project.spot(project.tables_by_name[name]),
                "is between two tables: move what it looks up into its view",
            )


@book.warning("ENSURE_TABLES_HAVE_RELATIONSHIPS")
def _tables_are_joined(project: Project) -> Iterator[Finding]:
    joined = {key[0] for link in project.links for key in (link.many, link.one)}
    for table in project.tables:
        if table.name.casefold() not in joined and not table.annotations.get(STANDALONE):
            yield (
                project.spot(table),
                "has no relationship, so slicers do not filter it: add one, or say in "
                "config.meta.powerbi.standalone of its dbt model why not",
            )


@book.warning("INACTIVE_RELATIONSHIPS_THAT_ARE_NEVER_ACTIVATED")
def _inactive_relationships_are_used(project: Project) -> Iterator[Finding]:
    activated = {
        project.reference(*column)
        for formula in project.formulas
        if "USERELATIONSHIP" in formula.dax.functions
        for column in formula.dax.columns
    }
    for link in project.links:
        if not link.is_active and not {link.many, link.one} <= activated:
            yield project.spot(link), "filters nothing: use it with USERELATIONSHIP, or delete it"


@book.error("ROLE_TABLE_MISSING")
def _roles_filter_tables(project: Project) -> Iterator[Finding]:
    for one in project.of("tablePermission"):
        if one.name.casefold() not in project.tables_by_name:
            yield project.spot(one), "filters a table that does not exist: name another"
        elif not one.value.strip():
            yield project.spot(one), "filters by nothing: write a condition after ="


@book.warning("LIMIT_ROW_LEVEL_SECURITY_(RLS)_LOGIC")
def _roles_compare_columns(project: Project) -> Iterator[Finding]:
    slow = {"RIGHT", "LEFT", "UPPER", "LOWER", "FIND"}
    for formula in project.formulas:
        if formula.declared.kind == "tablePermission" and slow & set(formula.dax.functions):
            yield formula.spot, "computes a text for each row: compare with a column of the view"


@book.warning("AVOID_THE_USERELATIONSHIP_FUNCTION_AND_RLS_AGAINST_THE_SAME_TABLE")
def _roles_and_activation_do_not_meet(project: Project) -> Iterator[Finding]:
    filtered = {one.name.casefold() for one in project.of("tablePermission")}
    for formula in project.formulas:
        tables = {table.casefold() for table, _ in formula.dax.columns}
        if "USERELATIONSHIP" in formula.dax.functions and tables & filtered:
            yield formula.spot, "fails for members of a role that filters its table: use TREATAS"

"""Rules about names and tags: each means one thing, to a reader and to Power BI."""

import re
from collections.abc import Callable, Iterable, Iterator

from la_pipeline_failure_predict.powerbi.lint.project import Project
from la_pipeline_failure_predict.powerbi.lint.rules import Finding, RuleBook
from la_pipeline_failure_predict.powerbi.tmdl_reader import Declaration

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

book = RuleBook[Project]()


def _named(project: Project) -> Iterator[Declaration]:
    kinds = ("table", "column", "measure", "hierarchy", "level", "partition", "role", "expression")
    for kind in kinds:
        yield from project.of(kind)


def _against(name: str, is_wrong: Callable[[str], bool], advice: str) -> None:
    """Add a rule about how names are written."""

    @book.warning(name)
    def _names_are_right(project: Project) -> Iterator[Finding]:
        for one in _named(project):
            if is_wrong(one.name):
                yield project.spot(one), advice


_against(
    "TRIM_OBJECT_NAMES",
    lambda name: name != name.strip(),
    "has a space at an end of its name: delete it",
)
_against(
    "AVOID_INVALID_NAME_CHARACTERS",
    lambda name: not name.isprintable(),
    "has a character in its name that cannot be seen: delete it",
)
_against(
    "FIRST_LETTER_OF_OBJECTS_MUST_BE_CAPITALIZED",
    # Not pH, nor kWh: a lowercase letter before a capital is how the word is written.
    lambda name: re.match(r"[a-z]([a-z ]|$)", name) is not None,
    "starts with a lowercase letter: capitalize it",
)


@book.warning("AVOID_INVALID_DESCRIPTION_CHARACTERS")
def _descriptions_can_be_seen(project: Project) -> Iterator[Finding]:
    for one in _named(project):
        if not one.description.replace("\n", "").isprintable():
            yield (
                project.spot(one),
                "has a character in its description that cannot be seen: delete it",
            )


@book.warning("PARTITION_NAME_SHOULD_MATCH_TABLE_NAME_FOR_SINGLE_PARTITION_TABLES")
def _partitions_are_named_like_tables(project: Project) -> Iterator[Finding]:
    for table in project.tables:
        for part in table.of("partition")[:1]:
            if part.name != table.name:
                yield project.spot(part), f"is not named like its table: name it {table.name}"


@book.error("NAME_TAKEN")
def _names_differ(project: Project) -> Iterator[Finding]:
    # Tables and parameters are queries, all of them.
    yield from _taken(project, (*project.tables, *project.of("expression")))
    yield from _taken(project, project.of("role"))
    yield from _taken(project, project.of("relationship"))
    for table in project.tables:
        yield from _taken(project, (*table.of("column"), *table.of("hierarchy")))
        for hierarchy in table.of("hierarchy"):
            yield from _taken(project, hierarchy.of("level"))


@book.error("DUPLICATE_MEASURE_NAME")
def _measures_are_named_once(project: Project) -> Iterator[Finding]:
    yield from _taken(project, project.of("measure"))


def _taken(project: Project, objects: Iterable[Declaration]) -> Iterator[Finding]:
    seen: dict[str, Declaration] = {}
    for one in objects:
        other = seen.setdefault(one.name.casefold(), one)
        if other is not one:
            yield (
                project.spot(one),
                f"has the name of {project.spot(other).thing}, capital letters aside: rename one",
            )


@book.error("MEASURE_NAMED_LIKE_COLUMN")
def _measures_are_not_named_like_columns(project: Project) -> Iterator[Finding]:
    columns = {column.name.casefold(): column for column in project.columns}
    own = {column.key: column for column in project.columns}
    for measure in project.measures:
        if column := own.get(measure.key) or columns.get(measure.name.casefold()):
            yield project.spot(measure), f"has the name of the column {column}: rename one"


@book.error("LINEAGE_TAG")
def _tags_are_guids_of_one_thing(project: Project) -> Iterator[Finding]:
    seen: set[str] = set()
    for one in project.read.details.declarations:
        tag = one.properties.get("lineageTag")
        if tag is None:
            continue
        if not GUID.fullmatch(tag):
            yield (
                project.spot(one),
                f"has the lineageTag {tag}, which is not a GUID: build it again",
            )
        elif tag.lower() in seen:
            yield project.spot(one), "has the lineageTag of another object: build it again"
        seen.add(tag.lower())

"""Read a semantic model from the text files of a Power BI project (TMDL).

Reads what `tmdl` writes and what Power BI Desktop makes of it: four spaces for a tab, properties
and annotations of its own, expressions between backticks. It refuses what Microsoft's reader
refuses, and says where.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi import tmsl
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
from la_pipeline_failure_predict.powerbi.tmdl import FENCE

_NAME = r"'(?:[^']|'')*'|[^\s=.:'][^\s=.:']*"
_PROPERTY = re.compile(r"(?P<key>[A-Za-z]\w*)\s*:\s*(?P<value>.*)")
_OBJECT = re.compile(
    rf"(?P<kind>(?:ref\s+)?[A-Za-z]\w*)(?:\s+(?P<name>{_NAME}))?\s*(?P<has>=\s*(?P<value>.*))?"
)
_QUOTED = r'"(?:[^"]|"")*"'
_PARAMETER = re.compile(r"(?P<value>.*?)\s+meta\s+\[(?P<meta>.*IsParameterQuery=true.*)\]", re.S)


@dataclass(frozen=True)
class Place:
    """A line of a file; the path is relative to the folder of the model."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}"


@dataclass
class Declaration:
    """An object as a file declares it, with all that it says of it.

    Attributes
    ----------
    kind
        Such as table, column, measure, hierarchy, level, partition, relationship, expression,
        role, tablePermission, or `ref table`, which orders the tables.
    path
        Names that lead to it, its own last: table and column, table and hierarchy and level.
    value
        What stands behind `=`: the DAX of a measure, the M of a parameter, the kind of a partition.
    properties
        Text by name; of what is merely named, `true`.
    """

    kind: str
    path: tuple[str, ...]
    place: Place
    value: str = ""
    description: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    children: list["Declaration"] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its own name; empty where it has none."""
        return self.path[-1] if self.path else ""

    @property
    def is_hidden(self) -> bool:
        """Whether a reader of reports does not see it."""
        return self.is_set("isHidden")

    def is_set(self, name: str) -> bool:
        """Tell whether a property is true."""
        return self.properties.get(name, "").lower() == "true"

    def of(self, kind: str) -> list["Declaration"]:
        """Return its children of a kind, in the order of the file."""
        return [child for child in self.children if child.kind == kind]

    def walk(self) -> Iterator["Declaration"]:
        """Yield it and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class Details:
    """What the files say beyond the model: every object with its place, read or not.

    Attributes
    ----------
    compatibility_level
        Of the database; None where the files do not say it.
    """

    compatibility_level: int | None
    declarations: tuple[Declaration, ...]

    def of(self, kind: str, *path: str) -> list[Declaration]:
        """Return what is declared of a kind, below these names or with them."""
        return [
            one for one in self.declarations if one.kind == kind and one.path[: len(path)] == path
        ]


@dataclass(frozen=True)
class ReadModel:
    """A model as its files hold it."""

    model: SemanticModel
    details: Details


def read_model(folder: Path) -> ReadModel:
    """Read the model of a folder `<name>.SemanticModel`.

    Raises
    ------
    UserError
        If the folder holds no model, or a file holds what Power BI does not read.
    """
    definition = folder / "definition"
    if not definition.is_dir():
        raise UserError(
            f"{folder} holds no semantic model (no folder definition in it): name the folder "
            "that ends in .SemanticModel."
        )
    root = Declaration("", (), Place("definition", 0))
    for path in sorted(definition.rglob("*.tmdl")):
        _File(path.relative_to(folder).as_posix(), _text_of(path)).read_into(root)
    declarations = tuple(one for child in root.children for one in child.walk())
    details = Details(_compatibility_level(root), declarations)
    return ReadModel(_model(root, folder), details)


def _text_of(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read {path} as text in UTF-8 ({error}): build it again.") from None
    if text.startswith("\ufeff"):
        raise UserError(f"{path} starts with a byte order mark: save it as UTF-8 without BOM.")
    return text


class _File:
    """A file under way: its lines, the number of those read, and of the statement at hand."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.lines = text.split("\n")
        self.read = 0
        self.statement = 0
        self.unit = ""

    def read_into(self, root: Declaration) -> None:
        """Hang what the file declares below the root."""
        parents = [root]
        description: list[str] = []
        while self.read < len(self.lines):
            line = self.lines[self.read]
            self.read += 1
            if not line.strip():
                if description:
                    raise self._error("the line below a description is blank: delete it")
                continue
            self.statement = self.read
            level, text = self._level(line), line.strip()
            if level >= len(parents):
                raise self._error(
                    "it is indented deeper than the line above allows: take tabs away"
                )
            del parents[level + 1 :]
            if text.startswith("///"):
                description.append(text.removeprefix("///").removeprefix(" "))
                continue
            declared = self._statement(text, level, parents[-1])
            if declared:
                declared.description = "\n".join(description)
                parents.append(declared)
            elif description:
                raise self._error(
                    "a description stands above an object, not above a property: delete it"
                )
            description = []
        if description:
            raise self._error("nothing stands below the description: delete it")

    def _statement(self, text: str, level: int, parent: Declaration) -> Declaration | None:
        """Read a line and the expression below it; return the object that it declares, if any."""
        if text.startswith("//"):
            raise self._error("TMDL has no comments: write /// above an object, or delete it")
        if found := _PROPERTY.fullmatch(text):
            self._set(parent, found["key"], self._property_value(found["value"]))
            return None
        found = _OBJECT.fullmatch(text)
        if not found:
            raise self._error(
                "a quote is not closed: close it, or double one inside a name"
                if text.count("'") % 2
                else "this is not TMDL: quote a name that holds a space, a dot, = or :"
            )
        kind, name = " ".join(found["kind"].split()), unquoted(found["name"] or "")
        value = self._expression(found["value"], level, is_object=bool(name))
        if kind == "annotation":
            parent.annotations[name] = value
        elif not name and not self._goes_deeper(level) and (level or found["has"]):
            self._set(parent, kind, value if found["has"] else "true")
        else:
            path = (*parent.path, name) if name else parent.path
            declared = Declaration(kind, path, Place(self.path, self.statement), value)
            parent.children.append(declared)
            return declared
        return None

    def _set(self, parent: Declaration, key: str, value: str) -> None:
        if not parent.kind:
            raise self._error(f"{key} belongs below an object: indent it")
        if key == "description":
            raise self._error("write a description with /// above the object")
        # The only one that Power BI Desktop repeats.
        if key in parent.properties and key != "changedProperty":
            raise self._error(f"{key} stands twice: delete one")
        parent.properties[key] = value

    def _property_value(self, text: str) -> str:
        value = text.strip()
        if not value.startswith('"'):
            return value
        if not re.fullmatch(_QUOTED, value):
            raise self._error("a quote is not closed: close it, or double one inside a text")
        return value[1:-1].replace('""', '"')

    def _level(self, line: str) -> int:
        """Return how deep a line stands: one tab per level, or four spaces, all through a file."""
        space = line[: _margin(line)]
        if space and not self.unit:
            self.unit = "\t" if space[0] == "\t" else " " * 4
        level = len(space) // len(self.unit) if space else 0
        if space != self.unit * level:
            raise self._error("indent by one tab per level, or by four spaces, and never by both")
        return level

    def _goes_deeper(self, level: int) -> bool:
        return _depth(self._peek()) > level

    def _peek(self) -> str:
        """Return the next line that holds something; nothing at the end."""
        rest = islice(self.lines, self.read, None)
        return next((line for line in rest if line.strip()), "")

    def _expression(self, beside: str | None, level: int, *, is_object: bool) -> str:
        if beside is None:
            return ""
        if beside == FENCE:
            return self._fenced()
        return beside or self._block(level, is_object=is_object)

    def _block(self, level: int, *, is_object: bool) -> str:
        """Read an expression below its line, deeper than the object's properties would stand."""
        is_shallow = not is_object and _depth(self._peek()) == level + 1
        deep = level + (1 if is_shallow else 2)
        start = self.read
        while self.read < len(self.lines) and (
            not self.lines[self.read].strip() or _depth(self.lines[self.read]) >= deep
        ):
            self.read += 1
        lines = [line if line.strip() else "" for line in self.lines[start : self.read]]
        margin = min((_margin(line) for line in lines if line), default=0)
        if not margin:
            raise self._error("its expression is missing, or not two levels deeper: indent it")
        return "\n".join(line[margin:] for line in lines).rstrip()

    def _fenced(self) -> str:
        """Read an expression up to its closing backticks, which say where its lines begin."""
        start = self.read
        while self.read < len(self.lines) and self.lines[self.read].strip() != FENCE:
            self.read += 1
        if self.read == len(self.lines):
            raise self._error("the backticks are not closed: close them on a line of their own")
        margin = self.lines[self.read].split(FENCE)[0]
        self.read += 1
        return "\n".join(line.removeprefix(margin) for line in self.lines[start : self.read - 1])

    def _error(self, what: str) -> UserError:
        return UserError(f"{Place(self.path, self.statement)}: {what}.")


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _depth(line: str) -> int:
    return len(line[: _margin(line)].expandtabs(4)) // 4


def unquoted(name: str) -> str:
    """Return a name as it is, from how TMDL writes it."""
    return name[1:-1].replace("''", "'") if name.startswith("'") else name


def _compatibility_level(root: Declaration) -> int | None:
    for database in root.of("database"):
        level = database.properties.get("compatibilityLevel", "")
        if not level.isdecimal():
            raise UserError(
                f"{database.place}: the compatibility level {level!r} is not a number: "
                f"write {tmsl.COMPATIBILITY_LEVEL}."
            )
        return int(level)
    return None


def _model(root: Declaration, folder: Path) -> SemanticModel:
    return SemanticModel(
        name=_model_name(root, folder),
        description="".join(model.description for model in root.of("model")),
        tables=tuple(_table(table) for table in _ordered(root, "table")),
        relationships=tuple(_relationship(one) for one in root.of("relationship")),
        roles=tuple(_role(role) for role in _ordered(root, "role")),
        parameters=tuple(_parameters(root)),
    )


def _ordered(root: Declaration, kind: str) -> list[Declaration]:
    """Return what has a file each: in the order in which `ref` names it, then the rest."""
    order = {one.name: place for place, one in enumerate(root.of(f"ref {kind}"))}
    return sorted(root.of(kind), key=lambda one: order.get(one.name, len(order)))


def _model_name(root: Declaration, folder: Path) -> str:
    for database in root.of("database"):
        if database.name:
            return database.name
    platform = folder / ".platform"
    if platform.is_file():
        try:
            return str(json.loads(_text_of(platform))["metadata"]["displayName"])
        except (ValueError, LookupError, TypeError):
            raise UserError(f"{platform} has no metadata.displayName: build it again.") from None
    return folder.name.removesuffix(".SemanticModel")


def _table(table: Declaration) -> Table:
    sources = [one.properties.get("source", "") for one in table.of("partition")]
    return Table(
        name=table.name,
        view=table.annotations.get(tmsl.VIEW, ""),
        description=table.description,
        columns=tuple(_column(column) for column in table.of("column")),
        source=sources[0] if sources else "",
        measures=tuple(_measure(measure) for measure in table.of("measure")),
        hierarchies=tuple(
            Hierarchy(one.name, tuple(_reference(level, "column") for level in one.of("level")))
            for one in table.of("hierarchy")
        ),
        is_date_table=_text(table, "dataCategory") == "Time",
        is_hidden=table.is_hidden,
        standalone=table.annotations.get(tmsl.STANDALONE, ""),
    )


def _column(column: Declaration) -> Column:
    return Column(
        name=column.name,
        source=_text(column, "sourceColumn"),
        data_type=_text(column, "dataType"),
        description=column.description,
        format=_text(column, "formatString"),
        folder=_text(column, "displayFolder"),
        category=_text(column, "dataCategory"),
        sort_by=_reference(column, "sortByColumn") or None,
        is_hidden=column.is_hidden,
        is_key=column.is_set("isKey"),
    )


def _measure(measure: Declaration) -> Measure:
    return Measure(
        name=measure.name,
        metric=measure.annotations.get(tmsl.METRIC, ""),
        expression=measure.value,
        description=measure.description,
        format=_text(measure, "formatString"),
        folder=_text(measure, "displayFolder"),
    )


def _relationship(one: Declaration) -> Relationship:
    return Relationship(*_end(one, "fromColumn"), *_end(one, "toColumn"))


def _end(one: Declaration, key: str) -> tuple[str, str]:
    found = re.fullmatch(rf"({_NAME})\.({_NAME})", _text(one, key))
    if not found:
        raise UserError(
            f"{one.place}: {key} does not name a table and a column: write both, such as "
            "Date.'Month Name'."
        )
    return unquoted(found[1]), unquoted(found[2])


def _role(role: Declaration) -> Role:
    filters = {one.name: one.value for one in role.of("tablePermission")}
    return Role(role.name, role.description, filters)


def _parameters(root: Declaration) -> Iterator[Parameter]:
    """Yield the shared expressions that a user is asked for; others are queries."""
    for one in root.of("expression"):
        if found := _PARAMETER.fullmatch(one.value):
            choices = re.search(rf"\bList=\{{((?:{_QUOTED}|[,\s])*)\}}", found["meta"])
            texts = re.findall(_QUOTED, choices[1]) if choices else []
            yield Parameter(
                one.name, _m_value(found["value"]), one.description, tuple(map(_m_value, texts))
            )


def _m_value(literal: str) -> str:
    """Return the text that a literal of M stands for; another literal as it is."""
    if not re.fullmatch(_QUOTED, literal):
        return literal
    names = {"cr": "\r", "lf": "\n", "tab": "\t", "#": "#"}
    text = literal[1:-1].replace('""', '"')
    return re.sub(r"#\((cr|lf|tab|#)\)", lambda found: names[found[1]], text)


def _text(one: Declaration, key: str) -> str:
    return one.properties.get(key, "")


def _reference(one: Declaration, key: str) -> str:
    """Return the name that a property refers to."""
    name = _text(one, key)
    if name and not re.fullmatch(_NAME, name):
        raise UserError(f"{one.place}: {key} is not a name: quote it, such as 'Month Number'.")
    return unquoted(name)

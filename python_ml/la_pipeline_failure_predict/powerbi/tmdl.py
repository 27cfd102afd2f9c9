"""Write a semantic model as the text files of a Power BI project (TMDL).

The text is what Microsoft's own serializer writes for the same objects, so that saving in Power BI
Desktop changes nothing: one tab per level, properties before children, a blank line before each
child, and expressions of several lines one level deeper than the properties.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.identity import guid
from la_pipeline_failure_predict.powerbi.model import SemanticModel
from la_pipeline_failure_predict.powerbi.tmsl import Object, to_tmsl

FENCE = "```"
SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric"
# What stands behind the name and `=`, and so is no property of its own.
_DEFAULTS = {
    "measure": "expression",
    "expression": "expression",
    "tablePermission": "filterExpression",
    "annotation": "value",
}
_CHILDREN = {
    "measures": "measure",
    "columns": "column",
    "hierarchies": "hierarchy",
    "levels": "level",
    "partitions": "partition",
    "tablePermissions": "tablePermission",
    "annotations": "annotation",
}
# Their values are names, quoted as such, and not texts.
_REFERENCES = ("column", "sortByColumn", "fromColumn", "toColumn")
# Said by the text itself: the order of levels, and that an expression is M.
_UNSAID = ("name", "description", "ordinal", "kind")


def render_model(model: SemanticModel) -> dict[str, str]:
    """Return the files of the folder `<name>.SemanticModel`: text by relative path.

    Raises
    ------
    UserError
        If two tables or two roles would share a file, as their names differ in case at most.
    """
    database = to_tmsl(model)
    tree = database["model"]
    files = {
        ".platform": _json(_platform(model.name)),
        "definition.pbism": _json(_settings()),
        "definition/database.tmdl": _text(
            [f"database {quoted(database['name'])}"],
            [f"\tcompatibilityLevel: {database['compatibilityLevel']}"],
        ),
        "definition/model.tmdl": _text(*_model(tree)),
    }
    for key, kind in (("relationships", "relationship"), ("expressions", "expression")):
        if tree.get(key):
            files[f"definition/{key}.tmdl"] = _text(*_spaced(kind, tree[key]))
    for key, kind in (("tables", "table"), ("roles", "role"), ("cultures", "cultureInfo")):
        for one in tree.get(key, []):
            path = f"definition/{key}/{_file_name(one['name'])}.tmdl"
            _refuse_taken(path, files, kind, one["name"])
            files[path] = _text(*_object(kind, one, 0))
    return files


def quoted(name: str) -> str:
    """Return a name as TMDL writes it: in single quotes where it holds more than a word."""
    if name and not re.search(r"""[\s.=:'"]""", name):
        return name
    return "'" + name.replace("'", "''") + "'"


def _platform(name: str) -> Object:
    return {
        "$schema": f"{SCHEMAS}/gitIntegration/platformProperties/2.0.0/schema.json",
        "metadata": {"type": "SemanticModel", "displayName": name},
        "config": {"version": "2.0", "logicalId": guid("SemanticModel", name)},
    }


def _settings() -> Object:
    return {
        "$schema": f"{SCHEMAS}/item/semanticModel/definitionProperties/1.0.0/schema.json",
        "version": "4.2",
        "settings": {},
    }


def _json(value: Object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _text(*blocks: list[str]) -> str:
    # Microsoft's serializer ends a file with a blank line.
    return "\n".join(line for block in blocks for line in block) + "\n\n"


def _file_name(name: str) -> str:
    """Return a name with the characters written as %XX that Windows refuses in a file's name."""
    return re.sub(r'[<>:"/\\|?*%\x00-\x1f]', lambda found: f"%{ord(found[0]):02X}", name)


def _refuse_taken(path: str, files: dict[str, str], kind: str, name: str) -> None:
    if path.casefold() in (taken.casefold() for taken in files):
        raise UserError(
            f"Two {kind}s of the model are named {name!r}, for Power BI does not tell capital "
            "letters from small ones: rename one of them."
        )


def _model(tree: Object) -> Iterator[list[str]]:
    own = {name: value for name, value in tree.items() if not isinstance(value, list)}
    yield from _object("model", own, 0)
    for annotation in tree["annotations"]:
        yield from ([""], *_object("annotation", annotation, 0))
    for key, kind in (("tables", "table"), ("roles", "role"), ("cultures", "cultureInfo")):
        if tree.get(key):
            yield ["", *(f"ref {kind} {quoted(one['name'])}" for one in tree[key])]


def _spaced(kind: str, objects: list[Object]) -> Iterator[list[str]]:
    for number, one in enumerate(objects):
        if number:
            yield [""]
        yield from _object(kind, one, 0)


def _object(kind: str, one: Object, level: int) -> Iterator[list[str]]:
    """Yield the lines of an object, its properties, and its children."""
    tabs = "\t" * level
    if one.get("description"):
        # Not splitlines, which would also break at a form feed or a Unicode separator.
        lines = one["description"].split("\n")
        yield [f"{tabs}/// {line}" if line else f"{tabs}///" for line in lines]
    yield _headed(f"{tabs}{kind} {quoted(one['name'])}", _default(kind, one), level)
    for name, value in _properties(kind, one):
        yield _property(name, value, level + 1)
    for key, child in _CHILDREN.items():
        for part in one.get(key, []):
            yield from ([""], *_object(child, part, level + 1))
    if kind == "cultureInfo":
        yield from ([""], *_linguistics(one["linguisticMetadata"]))


def _default(kind: str, one: Object) -> str:
    if kind == "partition":
        return one["source"]["type"]
    return one.get(_DEFAULTS.get(kind, ""), "")


def _properties(kind: str, one: Object) -> Iterator[tuple[str, Any]]:
    if kind == "relationship":
        for end in ("from", "to"):
            yield f"{end}Column", f"{quoted(one[f'{end}Table'])}.{quoted(one[f'{end}Column'])}"
        return
    for name, value in one.items():
        if name == "source" and not value["expression"]:
            continue
        if name not in (*_UNSAID, *_CHILDREN, _DEFAULTS.get(kind), "linguisticMetadata"):
            yield name, quoted(value) if name in _REFERENCES else value


def _property(name: str, value: Any, level: int) -> list[str]:  # noqa: ANN401
    tabs = "\t" * level
    if name == "source":
        return _headed(f"{tabs}source", value["expression"], level)
    if isinstance(value, dict):
        return [f"{tabs}{name}", *(f"{tabs}\t{flag}" for flag in value)]
    if value is True:
        return [f"{tabs}{name}"]
    return [f"{tabs}{name}: {value if name in _REFERENCES else _property_text(value)}"]


def _property_text(value: str) -> str:
    if value == value.strip() and not value.startswith('"') and not value.endswith('"'):
        return value
    return '"' + value.replace('"', '""') + '"'


def _headed(head: str, expression: str, level: int) -> list[str]:
    """Return a line with the expression behind it, or below it where it needs more than a line."""
    if not expression:
        return [head]
    if "\n" not in expression and expression == expression.strip():
        return [f"{head} = {expression}"]
    tabs = "\t" * (level + 2)
    lines = [f"{tabs}{line}" if line else "" for line in expression.split("\n")]
    if _survives(expression):
        return [f"{head} =", *lines]
    return [f"{head} = {FENCE}", *lines, f"{tabs}{FENCE}"]


def _survives(expression: str) -> bool:
    """Tell whether a reader that trims and unindents an expression returns it as it is."""
    lines = expression.split("\n")
    return (
        all(line == line.rstrip() for line in lines)
        and bool(lines[0] and lines[-1])
        and any(line and not line[0].isspace() for line in lines)
    )


def _linguistics(metadata: Object) -> Iterator[list[str]]:
    content = json.dumps(metadata["content"], indent=2)
    yield _headed("\tlinguisticMetadata", content, 1)
    yield [f"\t\tcontentType: {metadata['contentType']}"]

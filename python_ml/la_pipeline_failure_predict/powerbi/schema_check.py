"""Check Power BI's JSON files against the schemas that Microsoft publishes, from a folder."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.retrieval import to_cached_resource

from la_pipeline_failure_predict.errors import UserError, first_line

PUBLISHED_AT = "https://developer.microsoft.com/json-schemas/"
CHECKED_SUFFIXES = (".json", ".pbip", ".pbir", ".pbism", ".platform")
# Themes name no schema: Microsoft publishes theirs elsewhere.
UNCHECKED_FOLDER = "StaticResources"


def check_schemas(files: Mapping[str, str], schemas: Path) -> list[str]:
    """Return what is wrong with the JSON among these files, one sentence each.

    Parameters
    ----------
    files
        Text by path; files that are not JSON, and themes, are left out.
    schemas
        Copy of Microsoft's json-schemas: the folder that holds `fabric`.

    Raises
    ------
    UserError
        If the folder holds no schemas.
    """
    if not (schemas / "fabric").is_dir():
        raise UserError(
            f"No folder fabric in {schemas}: name a copy of the json-schemas that Microsoft "
            "publishes on GitHub."
        )
    published = _Schemas(schemas)
    return [
        f"{path}: {fault}"
        for path, text in sorted(files.items())
        if _is_checked(path)
        for fault in _faults(text, published)
    ]


def _is_checked(path: str) -> bool:
    parts = PurePosixPath(path)
    # The name .platform has no suffix of its own.
    return parts.name.endswith(CHECKED_SUFFIXES) and UNCHECKED_FOLDER not in parts.parts


def _faults(text: str, schemas: "_Schemas") -> Iterator[str]:
    try:
        part = json.loads(text)
    except ValueError as error:
        yield f"is not JSON ({error})"
        return
    name = part.get("$schema", "") if isinstance(part, dict) else ""
    validator = schemas.validator(name)
    if validator is None:
        yield f"its $schema is not published: {name!r}" if name else "has no $schema"
        return
    for fault in validator.iter_errors(part):
        # Of the alternatives that a schema allows, the one that the file comes closest to.
        nearest = best_match([fault])
        place = ".".join(str(step) for step in nearest.absolute_path) or "the file"
        yield f"{place}: {first_line(nearest.message)}"


class _Schemas:
    """Microsoft's schemas in a folder; each is read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        retrieve = to_cached_resource()(self._text)
        self._registry: Registry = Registry(retrieve=retrieve)  # type: ignore[call-arg]
        self._validators: dict[str, Draft7Validator | None] = {}

    def validator(self, name: str) -> Draft7Validator | None:
        """Return what checks files of this schema, None where the folder lacks it."""
        if name not in self._validators:
            self._validators[name] = self._compile(name)
        return self._validators[name]

    def _compile(self, name: str) -> Draft7Validator | None:
        if not name.startswith(PUBLISHED_AT) or not self._file(name).is_file():
            return None
        return Draft7Validator({"$ref": name}, registry=self._registry)

    def _text(self, name: str) -> str:
        return self._file(name).read_text(encoding="utf-8")

    def _file(self, name: str) -> Path:
        return self._folder / name.removeprefix(PUBLISHED_AT)

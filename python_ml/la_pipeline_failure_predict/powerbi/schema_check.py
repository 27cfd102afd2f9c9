"""Check Power BI's JSON files against the schemas that Microsoft publishes, from a folder."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin

from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT7

from la_pipeline_failure_predict.errors import UserError, first_line

PUBLISHED_AT = "https://developer.microsoft.com/json-schemas/"
CHECKED_SUFFIXES = (".json", ".pbip", ".pbir", ".pbism", ".platform")
# Themes name no schema: Microsoft publishes theirs elsewhere.
UNCHECKED_FOLDER = "StaticResources"
OTHER_SCHEMA = re.compile(r'"\$ref":\s*"([^"#]+)')


def check_schemas(files: Mapping[str, str], schemas: Path) -> list[tuple[str, str]]:
    """Return what is wrong with the JSON among these files: path, and what it is.

    Parameters
    ----------
    files
        Text by path; files that are not JSON, and themes, are left out.
    schemas
        Copy of Microsoft's json-schemas: the folder that holds `fabric`.

    Raises
    ------
    UserError
        If the folder holds no schemas, or not all that these files need.
    """
    if not (schemas / "fabric").is_dir():
        raise UserError(
            f"No folder fabric in {schemas}: name a copy of the json-schemas that Microsoft "
            "publishes on GitHub."
        )
    published = _Schemas(schemas)
    return [
        (path, fault)
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
    name = str(part.get("$schema", "")) if isinstance(part, dict) else ""
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
        self._registry: Registry = Registry()
        self._validators: dict[str, Draft7Validator | None] = {}

    def validator(self, name: str) -> Draft7Validator | None:
        """Return what checks files of this schema, None where the folder lacks it."""
        if name not in self._validators:
            self._validators[name] = self._compile(name)
        return self._validators[name]

    def _compile(self, name: str) -> Draft7Validator | None:
        if not name.startswith(PUBLISHED_AT) or not self._file(name).is_file():
            return None
        self._load(name)
        # Here, or each reference would look through its schema again.
        self._registry = self._registry.crawl()
        return Draft7Validator({"$ref": name}, registry=self._registry)

    def _load(self, name: str) -> None:
        if name in self._registry:
            return
        try:
            text = self._file(name).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise UserError(
                f"The schemas in {self._folder} are not complete ({name} is missing): copy all of "
                "json-schemas."
            ) from None
        schema = DRAFT7.create_resource(json.loads(text))
        self._registry = self._registry.with_resource(name, schema)
        for reference in OTHER_SCHEMA.findall(text):
            self._load(urljoin(name, reference))

    def _file(self, name: str) -> Path:
        return self._folder / name.removeprefix(PUBLISHED_AT)

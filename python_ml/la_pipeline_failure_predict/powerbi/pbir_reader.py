"""Read reports' files back: their pages and visuals, and every field that a file names."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from la_pipeline_failure_predict.errors import UserError

REPORT_SUFFIX = ".Report"


@dataclass(frozen=True)
class FieldUse:
    """A column or measure that a file names.

    Attributes
    ----------
    file
        Path from the folder of the reports.
    """

    file: str
    table: str
    name: str
    is_measure: bool


@dataclass(frozen=True)
class VisualFile:
    """A visual as its file describes it.

    Attributes
    ----------
    folder, name
        Name of its folder, and the name that the file gives it: the same, or Power BI ignores it.
    alt_text
        What a screen reader reads out; empty where there is nothing.
    """

    file: str
    folder: str
    name: str
    kind: str
    title: str
    alt_text: str
    fields: tuple[FieldUse, ...]


@dataclass(frozen=True)
class PageFile:
    """A page as its file describes it.

    Attributes
    ----------
    folder, name
        Name of its folder, and the name that the file gives it: the same, or Power BI ignores it.
    display_name
        What its tab says.
    fields
        Fields of its own filters; those of the visuals are theirs.
    """

    file: str
    folder: str
    name: str
    display_name: str
    is_hidden: bool
    visuals: tuple[VisualFile, ...]
    fields: tuple[FieldUse, ...]


@dataclass(frozen=True)
class ReportFiles:
    """A report as its folder describes it.

    Attributes
    ----------
    folder
        Path of the folder `<name>.Report`.
    logical_id
        GUID in `.platform`; empty where there is none.
    model_path
        Folder of the semantic model, from the report's; None where the report names none.
    resources
        Files that the report names, themes above all, as paths of the folder.
    themes
        Names of the themes that it uses; each is to be among the resources' names.
    """

    name: str
    folder: Path
    display_name: str
    logical_id: str
    model_path: str | None
    page_order: tuple[str, ...]
    active_page: str
    themes: tuple[str, ...]
    resources: Mapping[str, Path]
    pages: tuple[PageFile, ...]
    fields: tuple[FieldUse, ...]

    def all_fields(self) -> Iterator[FieldUse]:
        """Yield every field that any file of the report names."""
        yield from self.fields
        for page in self.pages:
            yield from page.fields
            for visual in page.visuals:
                yield from visual.fields


def read_report_files(folder: Path) -> tuple[ReportFiles, ...]:
    """Read every report in a folder, by name.

    Raises
    ------
    UserError
        If a file that each report has is missing, or a file is not JSON or not laid out as known.
    """
    folders = sorted(path for path in folder.glob(f"*{REPORT_SUFFIX}") if path.is_dir())
    return tuple(_read_known_shape(path) for path in folders)


def _read_known_shape(folder: Path) -> ReportFiles:
    try:
        return _read_report(folder)
    except (AttributeError, KeyError, TypeError) as error:
        raise UserError(
            f"A file in {folder} does not have the layout of Power BI ({error!r}): run la-pipes "
            "powerbi build."
        ) from error


def _read_report(folder: Path) -> ReportFiles:
    definition = folder / "definition"
    platform = _read(folder / ".platform")
    reference = _read(folder / "definition.pbir")
    settings = _read(definition / "report.json")
    order = _read(definition / "pages" / "pages.json")
    return ReportFiles(
        name=folder.name.removesuffix(REPORT_SUFFIX),
        folder=folder,
        display_name=_at(platform, "metadata", "displayName") or "",
        logical_id=_at(platform, "config", "logicalId") or "",
        model_path=_at(reference, "datasetReference", "byPath", "path"),
        page_order=tuple(order.get("pageOrder", ())),
        active_page=order.get("activePageName", ""),
        themes=tuple(theme["name"] for theme in settings.get("themeCollection", {}).values()),
        resources=dict(_resources(settings, folder)),
        pages=tuple(
            _read_page(path.parent, folder.parent)
            for path in sorted((definition / "pages").glob("*/page.json"))
        ),
        fields=_fields(settings, _relative(definition / "report.json", folder.parent)),
    )


def _resources(settings: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, Path]]:
    for package in settings.get("resourcePackages", ()):
        for item in package["items"]:
            yield item["name"], folder / "StaticResources" / package["name"] / item["path"]


def _read_page(folder: Path, reports: Path) -> PageFile:
    path = folder / "page.json"
    page = _read(path)
    file = _relative(path, reports)
    return PageFile(
        file=file,
        folder=folder.name,
        name=page.get("name", ""),
        display_name=page.get("displayName", ""),
        is_hidden=page.get("visibility") == "HiddenInViewMode",
        visuals=tuple(
            _read_visual(visual, reports)
            for visual in sorted((folder / "visuals").glob("*/visual.json"))
        ),
        fields=_fields(page, file),
    )


def _read_visual(path: Path, reports: Path) -> VisualFile:
    part = _read(path)
    file = _relative(path, reports)
    container = ("visual", "visualContainerObjects")
    return VisualFile(
        file=file,
        folder=path.parent.name,
        name=part.get("name", ""),
        kind=_at(part, "visual", "visualType") or "",
        title=_text(_at(part, *container, "title", 0, "properties", "text")),
        alt_text=_text(_at(part, *container, "general", 0, "properties", "altText")),
        fields=_fields(part, file),
    )


def _text(literal: Any) -> str:  # noqa: ANN401
    quoted = _at(literal, "expr", "Literal", "Value") or "''"
    return quoted[1:-1].replace("''", "'")


def _at(part: Any, *path: str | int) -> Any:  # noqa: ANN401
    """Return what lies at a path of keys and places, None where it does not lead anywhere."""
    for step in path:
        try:
            part = part[step]
        except (KeyError, IndexError, TypeError):
            return None
    return part


def _fields(part: Any, file: str) -> tuple[FieldUse, ...]:  # noqa: ANN401
    return tuple(
        dict.fromkeys(FieldUse(file, table, name, kind) for table, name, kind in _walk(part, {}))
    )


def _walk(part: Any, aliases: Mapping[str, str]) -> Iterator[tuple[str, str, bool]]:  # noqa: ANN401
    if isinstance(part, list):
        for item in part:
            yield from _walk(item, aliases)
    if not isinstance(part, dict):
        return
    # A filter gives its tables short names of its own.
    named = {source["Name"]: source["Entity"] for source in part.get("From", ())}
    aliases = {**aliases, **named}
    for key, value in part.items():
        if key in ("Column", "Measure"):
            yield _table(value, aliases), value["Property"], key == "Measure"
        elif key == "HierarchyLevel":
            # The levels of the model's hierarchies are called like their columns.
            yield _table(_at(value, "Expression", "Hierarchy"), aliases), value["Level"], False
        else:
            yield from _walk(value, aliases)


def _table(expression: Any, aliases: Mapping[str, str]) -> str:  # noqa: ANN401
    source = _at(expression, "Expression", "SourceRef") or {}
    return source.get("Entity") or aliases.get(source.get("Source", ""), "")


def _read(path: Path) -> dict[str, Any]:
    try:
        part = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"No file {path}: run la-pipes powerbi build.") from None
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}): run la-pipes powerbi build.") from error
    if not isinstance(part, dict):
        raise UserError(f"{path} is not a JSON object: run la-pipes powerbi build.")
    return part


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()

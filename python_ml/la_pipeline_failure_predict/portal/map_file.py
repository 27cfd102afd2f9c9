"""The map as one HTML file that needs neither network nor server: library and tiles are in it."""

import base64
import json
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import jinja2

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import write_whole
from la_pipeline_failure_predict.portal.data import shapes
from la_pipeline_failure_predict.portal.data.mains import LISTED
from la_pipeline_failure_predict.portal.data.publish import publish
from la_pipeline_failure_predict.portal.data.reader import Reader, Row, open_snapshot
from la_pipeline_failure_predict.portal.data.store import Store
from la_pipeline_failure_predict.portal.views.words import FILTERS
from la_pipeline_failure_predict.warehouse import Warehouse

STATIC = Path(__file__).parent / "static"
LIBRARY = STATIC / "vendor" / "maplibre-gl"
TABLES = frozenset({"areas", "area_shapes", "joined_risk_view", "pipe_lines", "pipe_risk", "pipes"})
EXPLAINED = 5_000
"""Mains whose reasons are in the file, from the first rank on."""
IN_TABLE = 50


@dataclass(frozen=True)
class MapFile:
    """The file that was written: mains on it, and its size in bytes."""

    file: Path
    mains: int
    size: int


def write_map_file(
    warehouse: Warehouse, file: Path, progress: Callable[[int, int, str], None]
) -> MapFile:
    """Write the mains, their risk classes and the areas as one page with a map.

    The tiles are those of the portal.

    Raises
    ------
    UserError
        If nothing has a place, the views are not built, or the file cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        manifest = publish(warehouse, store.folder, progress=progress, only=TABLES).manifest
        reader = Reader(open_snapshot(store, manifest), None)
        view = shapes.view(reader)
        if view is None:
            raise UserError(
                "There is nothing to draw: neither mains nor areas have a place. Load mains with "
                "coordinates, or areas with polygons."
            )
        mains = reader.rows(f"select {LISTED} from pipe_risk order by risk_rank limit {EXPLAINED}")
        text = _template().render(
            manifest=manifest,
            view=view,
            mains=mains[:IN_TABLE],
            style=_read(STATIC / "portal.css") + _read(LIBRARY / "maplibre-gl.css"),
            sources={
                "maplibre": _read(LIBRARY / "maplibre-gl.mjs"),
                "worker": _read(LIBRARY / "maplibre-gl-worker.mjs"),
                "drawing": _read(STATIC / "map.js"),
            },
            show=_read(STATIC / "map_file.js"),
            map=view
            | {
                "areas": shapes.areas(reader),
                "explained": {row["pipe_id"]: _explained(row) for row in mains},
            },
            tiles=_tiles(store.tiles(manifest.snapshot_id)),
        )
        reader.snapshot.connection.close()
    write_whole(file, text)
    return MapFile(file, manifest.rows["pipe_lines"], file.stat().st_size)


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    environment.filters["script"] = _script
    return environment.get_template("reports/map_file.html")


def _script(text: str) -> str:
    """Write JavaScript so that it cannot end the element that it stands in."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _explained(row: Row) -> str:
    place = ", ".join(str(row[name]) for name in ("street_name", "area_name") if row[name])
    expected = f"{row['expected_breaks']:.3f} breaks expected in 12 months"
    return ". ".join(filter(None, [f"Rank {row['risk_rank']}", place, expected, row["reasons"]]))


def _tiles(file: Path) -> str:
    """Return the tiles as JSON: their gzip in base64, by zoom/column/row."""
    with closing(sqlite3.connect(file)) as database:
        rows = database.execute("select zoom, x, y, data from tiles")
        return json.dumps(
            {
                f"{zoom}/{x}/{y}": base64.b64encode(data).decode("ascii")
                for zoom, x, y, data in rows
            },
            separators=(",", ":"),
        )

"""GDAL, held to the delivered files: few drivers, no network, nothing that a file names.

Import pyogrio from here. GDAL guesses a format from the content, and some formats name other files,
run SQL or open addresses.
"""

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pyogrio
from pyogrio.core import _register_drivers

from la_pipeline_failure_predict.errors import UserError, first_line
from la_pipeline_failure_predict.sources.archives import delivered_files
from la_pipeline_failure_predict.sources.proxies import NAMES

__all__ = ["checked", "pyogrio"]

JSON_DRIVERS = {"GeoJSON", "GeoJSONSeq", "ESRIJSON", "TopoJSON"}
DRIVERS = JSON_DRIVERS | {"GPKG", "ESRI Shapefile", "OpenFileGDB", "FlatGeobuf"}
"""Formats that keep to their own files."""
SIGNATURES = {
    ".gpkg": re.compile(rb"SQLite format 3\0"),
    ".shp": re.compile(rb"\x00\x00\x27\x0a"),
    ".fgb": re.compile(rb"fgb"),
    ".geojson": re.compile(rb"(\xef\xbb\xbf)?\x1e?\s*[{\[]"),
    ".json": re.compile(rb"(\xef\xbb\xbf)?\x1e?\s*[{\[]"),
}
"""First bytes of the one format that a suffix stands for."""
VIRTUAL_TABLE = re.compile(
    r"""\s*create\s+virtual\s+table\s+(?:if\s+not\s+exists\s+)?
    (?:\w+|"(?:[^"]|"")*"|'(?:[^']|'')*'|`[^`]*`|\[[^\]]*\])\s+using\s+["'`\[]?(\w+)""",
    re.IGNORECASE | re.VERBOSE,
)
HARMLESS_TABLES = {"rtree", "fts3", "fts4", "fts5"}
"""Virtual tables that read nothing but their own database."""
OPEN_MARKS = ("-wal", "-journal")
"""What SQLite keeps beside a file that a program has open."""
CLOSED_PORT = "127.0.0.1:9"


def _close_doors() -> None:
    """Leave GDAL the harmless drivers alone, and send what it would fetch to a closed port."""
    skipped = sorted(set(pyogrio.list_drivers()) - DRIVERS)
    pyogrio.set_gdal_config_options(
        {
            "GDAL_SKIP": ",".join(skipped),
            "GDAL_HTTP_PROXY": CLOSED_PORT,
            "GDAL_HTTPS_PROXY": CLOSED_PORT,
        }
    )
    for name in NAMES:  # would lead past the closed port
        os.environ.pop(name, None)
    _register_drivers()  # reads GDAL_SKIP
    if left := set(pyogrio.list_drivers()) - DRIVERS:
        raise RuntimeError(f"GDAL keeps the drivers {', '.join(sorted(left))}")


_close_doors()


def checked(path: Path) -> Path:
    """Return the path of a map layer once it is what its name says and reads no other file.

    Raises
    ------
    UserError
        If it is of another format than its suffix, is open in another program, or would read
        something else.
    """
    delivered_files(path)
    suffix = path.suffix.lower()
    if suffix == ".gdb":
        if not path.is_dir():
            raise UserError(f"{path} is no file geodatabase, which is a folder: fetch it again.")
        return path
    with path.open("rb") as file:
        start = file.read(4096)
    if not SIGNATURES[suffix].match(start):
        raise UserError(
            f"{path} is not what its name says, a {suffix} file: ask for it again, or give it the "
            "suffix of its format."
        )
    if suffix == ".gpkg":
        _check_geopackage(path)
    return path


def _check_geopackage(path: Path) -> None:
    for mark in OPEN_MARKS:
        beside = path.with_name(path.name + mark)
        if beside.exists() and beside.stat().st_size:
            raise UserError(
                f"{path} is still open in another program ({beside.name} lies beside it): close it "
                "there, then load it again."
            )
    try:
        address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as database:
            # Of every kind: SQLite goes by the statement, not by what the row calls it.
            for name, sql in database.execute("select name, sql from sqlite_master"):
                _check_statement(path, name, sql or "")
    except sqlite3.Error as error:
        raise UserError(f"{path} is damaged ({first_line(error, 120)}): fetch it again.") from None


def _check_statement(path: Path, name: str, sql: str) -> None:
    plain = re.sub(r"/\*.*?(\*/|$)|--[^\n]*", " ", sql, flags=re.DOTALL)
    if not re.match(r"\s*create\s+virtual\b", plain, re.IGNORECASE):
        return
    kind = VIRTUAL_TABLE.match(plain)
    if kind is None or kind[1].lower() not in HARMLESS_TABLES:
        raise UserError(
            f"{path} holds the table {name!r}, which reads from outside of the file: export the "
            "layers to a new GeoPackage, and load that."
        )

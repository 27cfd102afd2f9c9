"""Read delivered files into text columns, each row with its position in the file."""

import codecs
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from la_pipeline_failure_predict.errors import UserError, first_line
from la_pipeline_failure_predict.sources import workbooks
from la_pipeline_failure_predict.sources.archives import unpacked
from la_pipeline_failure_predict.sources.batches import append_batches
from la_pipeline_failure_predict.sources.csv_rows import MALFORMED, ROW_NUMBER, SURPLUS, read_csv
from la_pipeline_failure_predict.sources.layers import read_layer
from la_pipeline_failure_predict.sources.mapping import SourceMapping
from la_pipeline_failure_predict.sources.parquet_rows import read_parquet
from la_pipeline_failure_predict.sources.remarks import CUT_OFF_REMARK, is_cut_off, mark_totals
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.faults import explain_error

VECTOR_SUFFIXES = {".geojson", ".json", ".gpkg", ".shp", ".gdb", ".fgb"}
JSON_SUFFIXES = {".geojson", ".json"}
PARQUET_SUFFIXES = {".parquet", ".pq"}

# First bytes of files that are often delivered under another kind's name, and what to do.
TABLE_SIGNATURES = {
    b"PK\x03\x04": "an Excel workbook or a zip: name it .xlsx or .zip",
    b"\xd0\xcf\x11\xe0": "an Excel workbook: name it .xls",
    b"\x1f\x8b": "compressed with gzip: unpack it",
    b"PAR1": "Parquet: name it .parquet",
    b"%PDF": "a PDF: ask for the table as CSV",
}
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before that of UTF-16, which it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_file(
    scratch: Scratch, path: Path, relation: str, mapping: SourceMapping, encoding: str = "utf-8"
) -> None:
    """Create a scratch table of text columns and `_row_number` from a file.

    Parameters
    ----------
    relation
        Name of the scratch table.
    encoding
        Encoding of a text file that is not UTF-8, unless the mapping names one.

    Raises
    ------
    UserError
        If the file is missing, empty, of an unreadable encoding, truncated or has no rows.
    """
    _check_present(path)
    suffix = path.suffix.lower()
    if suffix in VECTOR_SUFFIXES:
        batches = read_layer(path, mapping.layer, mapping.crs, mapping.encoding)
        append_batches(scratch, relation, batches)
        if suffix in JSON_SUFFIXES and is_cut_off(path):
            scratch.remarks.append(CUT_OFF_REMARK)
    elif suffix == ".zip":
        with unpacked(path) as folder:
            read_file(scratch, _table_in(folder, path, mapping), relation, mapping, encoding)
            return
    elif suffix in workbooks.SUFFIXES:
        batches, told = workbooks.read_sheet(path, mapping)
        append_batches(scratch, relation, batches)
        scratch.remarks += [told] if told else []
    elif suffix in PARQUET_SUFFIXES:
        _read_parquet(scratch, path, relation, mapping.crs)
    else:
        _check_is_text(path)
        with utf8_copy(path, mapping.encoding or encoding) as readable:
            read_csv(scratch, readable, relation, mapping.delimiter, path)
    rows = int(str(scratch.scalar(f"select count(*) from {relation}")))
    if not rows:
        raise UserError(f"{path} has no rows: ask for the delivery again, or leave it out.")
    mark_totals(scratch, relation, rows)


def _table_in(folder: Path, archive: Path, mapping: SourceMapping) -> Path:
    """Return the one file of an unpacked archive that holds a table or a map layer.

    Of several, that which is called as the layer that the mapping names.
    """
    kinds = VECTOR_SUFFIXES | PARQUET_SUFFIXES | workbooks.SUFFIXES | {".csv"}
    found = [item for item in sorted(folder.rglob("*")) if item.suffix.lower() in kinds]
    # The files of a shapefile and the inside of a geodatabase are not tables of their own.
    found = [item for item in found if not any(up.suffix == ".gdb" for up in item.parents)]
    if len(found) > 1 and mapping.layer is not None:
        named = [item for item in found if item.stem.lower() == mapping.layer.lower()]
        found = named or found
    if len(found) != 1:
        listed = ", ".join(item.name for item in found[:5]) or "nothing that can be read"
        raise UserError(
            f"{archive} holds {listed}: name one without its suffix as `layer:` in "
            "a mapping, or unpack it and name the file."
        )
    return found[0]


def headers(scratch: Scratch, relation: str) -> list[str]:
    """Return the headers of a scratch table, in order, without the row number."""
    columns = scratch.query(f"describe {relation}").column("column_name").to_pylist()
    return [name for name in columns if name not in (ROW_NUMBER, MALFORMED, SURPLUS)]


def _check_present(path: Path) -> None:
    if not path.exists():
        raise UserError(f"No file {path}: check the path.")
    if path.is_file() and path.stat().st_size == 0:
        raise UserError(f"{path} is empty: fetch it again.")


def _check_is_text(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(4)
    for signature, what in TABLE_SIGNATURES.items():
        if start.startswith(signature):
            raise UserError(f"{path} is {what}.")


def _read_parquet(scratch: Scratch, path: Path, relation: str, crs: str | None) -> None:
    try:
        read_parquet(scratch, path, relation, crs)
    except UserError:
        raise
    except Exception as error:
        if explain_error(error):
            raise
        raise UserError(
            f"{path} cannot be read ({first_line(error)}): the file looks truncated or is of "
            "another kind than its name says: fetch it again."
        ) from None


@contextmanager
def utf8_copy(path: Path, fallback: str) -> Iterator[Path]:
    """Yield a path with the file's text in UTF-8: the file itself, or a temporary copy.

    A byte-order mark says what an encoding is, whatever the fallback.

    Raises
    ------
    UserError
        If the file is neither UTF-8 nor of the fallback encoding.
    """
    fallback = _marked_encoding(path) or fallback
    # Text in UTF-16 can be UTF-8 by chance, with NUL characters; other encodings cannot.
    is_wide = _codec_name(fallback).startswith(("utf-16", "utf-32"))
    bad_byte = None if is_wide else _first_bad_byte(path, "utf-8")
    if bad_byte is None and not is_wide:
        yield path
        return
    if _first_bad_byte(path, fallback) is not None:
        raise UserError(
            f"{path} is not {fallback} text{'' if is_wide else f' (byte {bad_byte})'}: name its "
            "encoding in a mapping, for example `encoding: latin-1`."
        )
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        with (
            path.open(encoding=fallback, newline="") as old,
            copy.open("w", encoding="utf-8", newline="") as new,
        ):
            shutil.copyfileobj(old, new, 1 << 20)
        yield copy


def _marked_encoding(path: Path) -> str | None:
    with path.open("rb") as file:
        start = file.read(4)
    return next((name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)), None)


def _codec_name(encoding: str) -> str:
    """Return Python's own name of a text encoding.

    Raises
    ------
    UserError
        If it knows none of that name.
    """
    try:
        "".encode(encoding)  # refuses codecs of bytes, such as hex, too
        return codecs.lookup(encoding).name
    except LookupError:
        raise UserError(
            f"Unknown encoding {encoding!r}: use a name that Python knows, such as latin-1."
        ) from None


def _first_bad_byte(path: Path, encoding: str) -> int | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    position = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            try:
                if encoding != "utf-8" or not chunk.isascii() or decoder.getstate()[0]:
                    decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return position + error.start
            position += len(chunk)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return position - 1
    return None

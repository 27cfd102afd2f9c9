"""Downloads: the rows that a page shows as CSV, XLSX or GeoJSON, each saying where it comes from.

A file is written whole before its first byte is sent, and sent with its length: one that fails half
way is an error, never a shorter file.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO

import pyarrow as pa
import xlsxwriter
from pyarrow import csv

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.portal.data.reader import Reader
from la_pipeline_failure_predict.spreadsheets import without_formula, without_formulas

BATCH_ROWS = 20_000
MOST_XLSX_ROWS = 100_000
"""About twenty seconds of work; the other files take one or two for all mains of a large city."""
COLUMN_WIDTH = 18
# Lines of `pipe_lines` as GeoJSON: "LINESTRING (1 2, 3 4)" is [[1,2],[3,4]].
NESTED = r"""
    regexp_replace(
        regexp_replace(line_wkt, '^[A-Z ]+', ''), '([^(), ]+) ([^(), ]+)', '[\1,\2]', 'g'
    )
"""
GEOMETRY = f"""
    case when line_wkt is not null then {{
        'type': if(starts_with(line_wkt, 'MULTI'), 'MultiLineString', 'LineString'),
        'coordinates': cast(translate({NESTED}, '()', '[]') as json)
    }} end
"""


class TooManyRowsError(UserError):
    """More rows than a workbook is to have."""


@dataclass(frozen=True)
class Export:
    """Rows to download.

    Attributes
    ----------
    name
        What the rows are, in the plural.
    sql, parameters
        The query that gives them.
    said
        What was asked for, in words.
    """

    name: str
    sql: str
    parameters: Mapping[str, object]
    said: str

    def origin(self, reader: Reader) -> dict[str, str]:
        """Return what every file says of where its rows come from."""
        manifest = reader.manifest
        return {
            "run_id": manifest.run_ids.get("pipe", ""),
            "snapshot_id": manifest.snapshot_id,
            "as_of_date": manifest.as_of_date or "",
            "filter": self.said,
        }


def write_csv(reader: Reader, export: Export, file: IO[bytes]) -> int:
    """Write rows as CSV, each with its origin; returns how many."""
    origin = export.origin(reader)
    said = ", ".join(f"${name} as {name}" for name in origin)
    batches = reader.stream(
        f"select rows.*, {said} from ({export.sql}) as rows",
        BATCH_ROWS,
        **export.parameters,
        **origin,
    )
    count = 0
    with csv.CSVWriter(file, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(without_formulas(batch))
            count += batch.num_rows
    return count


def write_xlsx(reader: Reader, export: Export, file: IO[bytes]) -> int:
    """Write rows as a workbook: a sheet with their origin, and one with the rows.

    Numbers and days are typed; a text is never a formula.

    Raises
    ------
    TooManyRowsError
        If there are more than `MOST_XLSX_ROWS`.
    """
    (counted,) = reader.rows(f"select count(*) as rows from ({export.sql})", **export.parameters)
    if counted["rows"] > MOST_XLSX_ROWS:
        raise TooManyRowsError(
            f"A workbook holds {MOST_XLSX_ROWS:,} rows at most: filter them, or take CSV."
        )
    batches = reader.stream(export.sql, BATCH_ROWS, **export.parameters)
    with tempfile.TemporaryDirectory() as folder:
        workbook = xlsxwriter.Workbook(
            file,
            {
                "constant_memory": True,
                "tmpdir": folder,
                "default_date_format": "yyyy-mm-dd",
                "strings_to_formulas": False,
                "strings_to_urls": False,
            },
        )
        bold = workbook.add_format({"bold": True})
        about = workbook.add_worksheet("About")
        about.set_column(0, 1, COLUMN_WIDTH)
        for number, (name, value) in enumerate(export.origin(reader).items()):
            about.write_string(number, 0, name, bold)
            about.write_string(number, 1, str(without_formula(value)))
        sheet = workbook.add_worksheet(export.name.capitalize())
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(batches.schema) - 1, COLUMN_WIDTH)
        sheet.write_row(0, 0, batches.schema.names, bold)
        count = _write_rows(sheet, batches)
        sheet.autofilter(0, 0, count, len(batches.schema) - 1)
        workbook.close()
    return count


def _write_rows(sheet: xlsxwriter.worksheet.Worksheet, batches: pa.RecordBatchReader) -> int:
    writers = [_cell_writer(sheet, field.type) for field in batches.schema]
    row = 0
    for batch in batches:
        columns = [column.to_pylist() for column in without_formulas(batch).columns]
        for values in zip(*columns, strict=True):
            row += 1
            for column, value in enumerate(values):
                if value is not None:
                    writers[column](row, column, value)
    return row


def _cell_writer(
    sheet: xlsxwriter.worksheet.Worksheet, kind: pa.DataType
) -> Callable[[int, int, object], object]:
    write: Callable[[int, int, object], object] = sheet.write_string
    if pa.types.is_boolean(kind):
        write = sheet.write_boolean
    elif pa.types.is_date(kind):
        write = sheet.write_datetime
    elif not pa.types.is_string(kind):
        write = sheet.write_number
    return write


def write_geojson(reader: Reader, export: Export, file: IO[bytes]) -> int:
    """Write mains as GeoJSON (RFC 7946) with their lines, in no order.

    A main without a location has no geometry.
    """
    features = reader.stream(
        f"""
        select to_json({{
            'type': 'Feature', 'id': rows.pipe_id, 'geometry': {GEOMETRY}, 'properties': rows
        }}) as feature
        from ({export.sql}) as rows
        left join (select pipe_id, line_wkt from pipe_lines) as lines
            on rows.pipe_id = lines.pipe_id
        """,
        BATCH_ROWS,
        **export.parameters,
    )
    origin = json.dumps(export.origin(reader))
    file.write(f'{{"type": "FeatureCollection", "metadata": {origin}, "features": ['.encode())
    count = 0
    for batch in features:
        for feature in batch.column(0).to_pylist():
            file.write(("," if count else "").encode() + b"\n" + feature.encode())
            count += 1
    file.write(b"\n]}\n")
    return count


WRITERS: Mapping[str, Callable[[Reader, Export, IO[bytes]], int]] = {
    "csv": write_csv,
    "xlsx": write_xlsx,
    "geojson": write_geojson,
}
MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "geojson": "application/geo+json",
}

"""NOAA GHCN-Daily station files (`.dly`): fixed width, one line per month of one element."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.sources.mapping import SourceMapping
from la_pipeline_failure_predict.warehouse import Scratch

# Columns 1-11, 12-15, 16-17, 18-21 and 22-269 of the GHCN-Daily readme, section III.
FIELDS = {
    "station_id": (0, 11),
    "year": (11, 15),
    "month": (15, 17),
    "element": (17, 21),
    "day_values": (21, 269),
}


def read_station_file(scratch: Scratch, path: Path, mapping: SourceMapping) -> dict[str, str]:
    """Read a station file into a scratch table.

    Raises
    ------
    UserError
        If the file is missing, empty or not of that format.
    """
    if not path.is_file():
        raise UserError(f"No file {path}: check the path.")
    text = path.read_text(encoding="ascii", errors="replace")
    lines = pa.array((line for line in text.splitlines() if line.strip()), pa.string())
    if not len(lines):
        raise UserError(f"{path} is empty: fetch it again.")
    columns: dict[str, pa.Array] = {"_row_number": pa.array(range(1, len(lines) + 1), pa.int64())}
    for name, (start, stop) in FIELDS.items():
        column = pc.utf8_slice_codeunits(lines, start, stop)
        columns[name] = pc.if_else(pc.equal(column, ""), None, column)
    if not pc.any(pc.match_substring_regex(columns["year"], r"^\d{4}$")).as_py():
        raise UserError(f"{path} is not a GHCN-Daily station file (.dly): check the path.")
    scratch.register("ghcn_daily_delivered", pa.table(columns))
    return {"ghcn_daily": "ghcn_daily_delivered"}

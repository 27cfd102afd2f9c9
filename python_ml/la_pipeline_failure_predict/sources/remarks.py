"""Notice what is wrong with a delivery as a whole: an export cut off, a total at its end."""

import re
from pathlib import Path

from la_pipeline_failure_predict.sources.csv_rows import MALFORMED, ROW_NUMBER, SURPLUS
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.base import quote, sql_text

TOTAL_ROW = "the row is a total of the others, and none of them"
"""What is wrong with such a row."""
WORDS = r"\W*((grand|sub|overall)[\s-]*)?(totals?|sums?|summen?|gesamt|insgesamt|totaux)\b"
TOTAL = re.compile(rf"{WORDS}\W*", re.IGNORECASE)
TOTAL_OF = re.compile(rf"{WORDS}.{{1,40}}", re.IGNORECASE)
LAST_ROWS = 5
CUT_OFF_REMARK = (
    "the server says that there are more rows than it gave (exceededTransferLimit): fetch the "
    "others in further pages (resultOffset), and load all pages"
)
CUT_OFF = re.compile(rb'"exceededTransferLimit"\s*:\s*true', re.IGNORECASE)
SEARCHED_BYTES = 100_000
"""At both ends of an export, where a server says that it is not whole."""


def is_cut_off(path: Path) -> bool:
    """Whether a server says of its export that there are more rows than it gave."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(SEARCHED_BYTES)
        file.seek(max(0, size - SEARCHED_BYTES))
        return CUT_OFF.search(start) is not None or CUT_OFF.search(file.read()) is not None


def mark_totals(scratch: Scratch, relation: str, rows: int) -> None:
    """Mark rows at the end of a scratch table that add up the others, as a spreadsheet's last one.

    Such a row begins with the word; where more follows it there, the row has few other values.
    """
    last = scratch.query(
        f"select * from {relation} where {ROW_NUMBER} > {rows - LAST_ROWS}"
    ).to_pylist()
    totals = [row[ROW_NUMBER] for row in last if _is_total(row)]
    if not totals:
        return
    others = [name for name in last[0] if name not in (ROW_NUMBER, MALFORMED, SURPLUS)]
    has_notes = MALFORMED in last[0]
    note = quote(MALFORMED) if has_notes else "null"
    surplus = quote(SURPLUS) if has_notes else "cast(null as varchar)"
    marked = f"{relation}_marked"
    scratch.execute(
        f"create or replace table {marked} as select {ROW_NUMBER}, "
        f"{', '.join(map(quote, others))}, case when {ROW_NUMBER} in "
        f"({', '.join(map(str, totals))}) then {sql_text(TOTAL_ROW)} else {note} end as "
        f"{MALFORMED}, {surplus} as {SURPLUS} from {relation}"
    )
    scratch.drop(relation)
    scratch.execute(f"create view {relation} as from {marked}")


def _is_total(row: dict[str, object]) -> bool:
    given = (row[name] for name in row if name not in (ROW_NUMBER, MALFORMED, SURPLUS))
    texts = [str(value).strip() for value in given if value is not None and str(value).strip()]
    if not texts:
        return False
    is_sparse = 2 * len(texts) <= len(row)
    return bool(TOTAL.fullmatch(texts[0]) or (is_sparse and TOTAL_OF.fullmatch(texts[0])))

"""CSV that people open in a spreadsheet: no delivered text becomes a formula there."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from la_pipeline_failure_predict.warehouse.base import sql_text

FORMULA = r"^('*[=+\-@\t\r\n\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}])"
"""What begins a text that a spreadsheet runs, or one that was marked as such, in RE2's words."""
NUMBER = r"^'*[+-]?[0-9.,]+([eE][+-]?[0-9]+)?$"
_FORMULA = re.compile(re.sub(r"\\x\{(\w+)\}", r"\\u\1", FORMULA))
_NUMBER = re.compile(NUMBER)


def without_formula(value: object) -> object:
    """Put an apostrophe before a text that a spreadsheet would run; numbers stay as they are."""
    is_formula = isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.match(value)
    return f"'{value}" if is_formula else value


def without_formulas(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Put an apostrophe before each text that a spreadsheet would run as a formula."""
    columns = [
        pc.replace_substring_regex(column, FORMULA, r"'\1")
        if pa.types.is_string(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def as_delivered(value: str) -> str:
    """Take away the apostrophe that `without_formula` has put before a text."""
    return value[1:] if value.startswith("'") and without_formula(value) != value else value


def as_delivered_sql(sql: str) -> str:
    """Return SQL that does the same to a text, for DuckDB."""
    is_marked = (
        f"starts_with({sql}, '''') and regexp_matches({sql}, {sql_text(FORMULA)}) "
        f"and not regexp_matches({sql}, {sql_text(NUMBER)})"
    )
    return f"case when {is_marked} then substr({sql}, 2) else {sql} end"

"""CSV that people open in a spreadsheet: no delivered text becomes a formula there."""

import re

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

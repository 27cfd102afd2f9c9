"""Read delimited text: all at once where every row fits the header, else row by row."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.base import quote, sql_text

MALFORMED = "_malformed"
"""Column of a scratch table that says what is wrong with the shape of a row, null where nothing."""
SURPLUS = "_surplus"
"""Column that holds the values of a row for which there is no header, as one text."""

MAX_LINE_BYTES = 20_000_000
BATCH_ROWS = 50_000


def read_csv(
    scratch: Scratch, path: Path, relation: str, delimiter: str | None, source: Path
) -> None:
    """Create a scratch table of text columns and `_row_number` from UTF-8 text.

    A row with more or fewer values than the header is kept, with `_malformed` saying so; blank
    lines are no rows.

    Parameters
    ----------
    delimiter
        Character between values; None guesses it from the header.
    source
        The file as the user knows it, for messages.

    Raises
    ------
    UserError
        If there is no header, or a quoted value never ends.
    """
    separator = delimiter or _guess_delimiter(path)
    names = _header(path, separator, source)
    columns = ", ".join(f"{sql_text(name)}: 'varchar'" for name in names)
    try:
        scratch.execute(
            f"create or replace table {relation}_rows as "
            f"from read_csv({sql_text(path)}, columns = {{{columns}}}, header = true, "
            f"delim = {sql_text(separator)}, quote = '\"', escape = '\"', nullstr = '', "
            f"auto_detect = false, max_line_size = {MAX_LINE_BYTES})"
        )
        # Rows are kept in the order of the file, and numbering them by it costs nothing.
        scratch.execute(
            f"create or replace view {relation} as "
            f"select rowid + 1 as _row_number, * from {relation}_rows"
        )
    except Exception:  # of several kinds; what is wrong is found row by row
        _read_row_by_row(scratch, path, relation, separator, names, source)


def _guess_delimiter(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        header = lines.readline(1_000_000)
    return max(",;\t|", key=header.count)


def _header(path: Path, separator: str, source: Path) -> list[str]:
    """Return the names of the columns; a missing name is numbered, a repeated one too."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        try:
            given = next(csv.reader(lines, delimiter=separator), [])
        except csv.Error as error:
            raise UserError(f"The header of {source} cannot be read ({error}): mend it.") from None
    if not any(name.strip() for name in given):
        raise UserError(f"{source} has no header in its first line: add the names of the columns.")
    seen: Counter[str] = Counter()
    names = []
    for position, name in enumerate(given):
        name = name.strip() or f"column{position}"
        seen[name.lower()] += 1
        repeats = seen[name.lower()]
        names.append(name if repeats == 1 else f"{name}_{repeats - 1}")
    return names


def _read_row_by_row(
    scratch: Scratch,
    path: Path,
    relation: str,
    separator: str,
    names: Sequence[str],
    source: Path,
) -> None:
    fields = ["_row_number", *names, MALFORMED, SURPLUS]
    typed = ", ".join(f"{quote(name)} varchar" for name in fields[1:])
    scratch.execute(f"create table {relation} (_row_number bigint, {typed})")
    schema = pa.schema([(fields[0], pa.int64()), *((name, pa.string()) for name in fields[1:])])
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = _shaped(_Rows(lines, separator, source), len(names))
        next(rows, None)  # the header
        numbered = ((number, *row) for number, row in enumerate(rows, start=1))
        while batch := [row for _, row in zip(range(BATCH_ROWS), numbered, strict=False)]:
            columns = [
                pa.array(values, field.type)
                for values, field in zip(zip(*batch, strict=True), schema, strict=True)
            ]
            scratch.register("csv_batch", pa.table(columns, schema=schema))
            scratch.execute(f"insert into {relation} select * from csv_batch")


class _Rows:
    """Rows of a reader that goes on after a row it cannot read, which it gives as one value."""

    def __init__(self, lines: Iterable[str], separator: str, source: Path) -> None:
        self._lines = iter(lines)
        self._taken: list[str] = []
        self._source = source
        csv.field_size_limit(MAX_LINE_BYTES)
        self._reader = csv.reader(self._take(), delimiter=separator, strict=True)

    def _take(self) -> Iterator[str]:
        for line in self._lines:
            self._taken.append(line)
            yield line

    def __iter__(self) -> Iterator[tuple[list[str], str | None]]:
        while True:
            self._taken.clear()
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                if "unexpected end" in str(error):
                    raise UserError(
                        f"A quoted value of {self._source} never ends (from: "
                        f"{self._taken[0].strip()[:80]!r}): close its quote. Nothing was loaded."
                    ) from None
                yield ["".join(self._taken).rstrip("\r\n")], str(error)
                continue
            if row:
                yield row, None


def _shaped(rows: _Rows, width: int) -> Iterator[list[str | None]]:
    """Yield rows of the header's width, then what is wrong with their shape and what is left."""
    for row, error in rows:
        wrong = error and f"the row cannot be read ({error})"
        if wrong is None and len(row) != width:
            wrong = f"the row has {len(row)} values, the header {width}"
        padded = [value or None for value in row[:width]] + [None] * (width - len(row))
        surplus = " | ".join(row[width:]) or None
        yield [*padded, wrong, surplus]

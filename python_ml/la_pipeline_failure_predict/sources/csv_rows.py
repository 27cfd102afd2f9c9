"""Read delimited text: all at once where every row fits the header, else row by row."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.sources.mapping import one_line
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.base import quote, sql_text

ROW_NUMBER = "_row_number"
MALFORMED = "_malformed"
"""Column of a scratch table that says what is wrong with the shape of a row, null where nothing."""
SURPLUS = "_surplus"
"""Column that holds the values of a row for which there is no header, as one text."""

MAX_LINE_BYTES = 20_000_000
# The reader's default is 32 longest lines, which it takes longer to clear than to fill.
BUFFER_BYTES = 2 * MAX_LINE_BYTES
MOST_COLUMNS = 10_000
KEPT_CHARACTERS = 100_000
"""Of a row that cannot be read; quarantine is no place for a file."""
BATCH_ROWS = 50_000
BATCH_CHARACTERS = 50_000_000

LINE_END = r"[^\r\n][\r\n]"

Row = list[str | None]


def read_csv(
    scratch: Scratch, path: Path, relation: str, delimiter: str | None, source: Path
) -> None:
    """Create a scratch table of text columns and `_row_number` from UTF-8 text.

    A row with more or fewer values than the header is kept, with `_malformed` saying so; blank
    lines are no rows, and empty values after the last header are no values.

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
    scratch.make_room(len(names))
    columns = ", ".join(f"{sql_text(name)}: 'varchar'" for name in names)
    # Of a second file by the same name, which may be read the other way.
    scratch.drop(relation)
    try:
        scratch.execute(
            f"create or replace table {relation}_rows as "
            f"from read_csv({file_text(path)}, columns = {{{columns}}}, header = true, "
            f"delim = {sql_text(separator)}, quote = '\"', escape = '\"', nullstr = '', "
            f"auto_detect = false, max_line_size = {MAX_LINE_BYTES}, "
            f"buffer_size = {BUFFER_BYTES}, hive_partitioning = false, compression = 'none')"
        )
        # Rows are kept in the order of the file, and numbering them by it costs nothing.
        scratch.execute(
            f"create view {relation} as select rowid + 1 as {ROW_NUMBER}, * from {relation}_rows"
        )
        check_all_read(scratch, f"{relation}_rows", names, path, header_lines=1)
    except Exception:  # of several kinds; what is wrong is found row by row
        _read_row_by_row(scratch, path, relation, separator, names, source)


def file_text(path: Path) -> str:
    """Return the SQL of a file's name that stands for this file alone.

    An absolute path has no scheme and no home of another user; no character is a wildcard.
    """
    return sql_text(re.sub(r"[*?\[]", r"[\g<0>]", str(path.absolute())))


def check_all_read(
    scratch: Scratch, relation: str, names: Sequence[str], path: Path, header_lines: int = 0
) -> None:
    """Hold the rows that were read against the lines of the file, counted without the reader.

    Raises
    ------
    UserError
        If they differ, as when the reader drops a row that is too long for it.
    """
    rows = int(str(scratch.scalar(f"select count(*) from {relation}"))) + header_lines
    if rows == _count_ends(path):
        return
    lines = _count_lines(path)
    if rows != lines:
        breaks = " + ".join(
            f"len(regexp_extract_all('\"' || coalesce({quote(name)}, ''), '{LINE_END}'))"
            for name in names
        )
        rows += int(str(scratch.scalar(f"select coalesce(sum({breaks}), 0) from {relation}")))
    if rows != lines:
        raise UserError(
            f"{path} has {lines:,} lines, of which {rows:,} can be read: look for a line that is "
            "very long, or a quote that never ends."
        )


def _count_ends(path: Path) -> int | None:
    """Count all lines, blank ones too; None where some end in a way of their own. It is fast."""
    ends, returns, both, last = 0, 0, 0, b"\n"
    with path.open("rb") as file:
        while chunk := file.read(1 << 24):
            ends += chunk.count(b"\n")
            returns += chunk.count(b"\r")
            both += chunk.count(b"\r\n") if returns else 0
            last = chunk[-1:]
    return ends + (last != b"\n") if returns == both else None


def _count_lines(path: Path) -> int:
    """Count the lines that are not blank, also those within quotes."""
    lines, was_end = 0, True
    with path.open("rb") as file:
        while chunk := file.read(1 << 24):
            given = np.frombuffer(chunk, np.uint8)
            is_end = (given == ord("\n")) | (given == ord("\r"))
            lines += int(np.count_nonzero(is_end[1:] & ~is_end[:-1]))
            lines += bool(is_end[0] and not was_end)
            was_end = bool(is_end[-1])
    return lines + (not was_end)


def distinct_names(given: Iterable[str]) -> list[str]:
    """Return headers as names of columns in one line: missing and repeated ones are numbered.

    Case does not tell names apart, and those of the loader's own columns are taken.

    Raises
    ------
    UserError
        If there are far too many.
    """
    given = list(given)
    if len(given) > MOST_COLUMNS:
        raise UserError(
            f"The file has {len(given):,} columns, and at most {MOST_COLUMNS:,} can be read: check "
            "the delimiter, or keep the columns that are needed."
        )
    seen = {ROW_NUMBER, MALFORMED, SURPLUS}
    repeats: dict[str, int] = {}
    names = []
    for position, header in enumerate(given):
        base = one_line(header) or f"column{position}"
        name = base
        while name.lower() in seen:
            repeats[base] = repeats.get(base, 0) + 1
            name = f"{base}_{repeats[base]}"
        seen.add(name.lower())
        names.append(name)
    return names


def _guess_delimiter(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        header = lines.readline(1_000_000)
    return max(",;\t|", key=header.count)


def _header(path: Path, separator: str, source: Path) -> list[str]:
    csv.field_size_limit(MAX_LINE_BYTES)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        try:
            given = next(csv.reader(lines, delimiter=separator), [])
        except csv.Error as error:
            raise UserError(f"The header of {source} cannot be read ({error}): fix it.") from None
    if any("\0" in name for name in given):
        raise UserError(
            f"The header of {source} contains NUL characters: if it is UTF-16 without a byte-order "
            "mark, say `encoding: utf-16-le` in a mapping; else it is no text, fetch it again."
        )
    if not any(name.strip() for name in given):
        raise UserError(f"{source} has no header in its first line: add the names of the columns.")
    return distinct_names(given)


def _read_row_by_row(
    scratch: Scratch,
    path: Path,
    relation: str,
    separator: str,
    names: Sequence[str],
    source: Path,
) -> None:
    fields = [ROW_NUMBER, *names, MALFORMED, SURPLUS]
    typed = ", ".join(f"{quote(name)} varchar" for name in fields[1:])
    values = ", ".join(f"nullif({quote(name)}, '')" for name in fields[1:])
    scratch.drop(relation)
    scratch.execute(f"create table {relation} ({ROW_NUMBER} bigint, {typed})")
    schema = pa.schema([(fields[0], pa.int64()), *((name, pa.string()) for name in fields[1:])])
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = _Rows(lines, separator, source)
        rows = _shaped(reader, len(names))
        next(rows, None)  # the header
        first = 1
        for batch in _batches(rows, reader):
            numbers = pa.array(range(first, first + len(batch)), pa.int64())
            texts = [pa.array(column, pa.string()) for column in zip(*batch, strict=True)]
            scratch.register("csv_batch", pa.table([numbers, *texts], schema=schema))
            scratch.execute(f"insert into {relation} select {ROW_NUMBER}, {values} from csv_batch")
            first += len(batch)


def _batches(rows: Iterable[Row], reader: "_Rows") -> Iterator[list[Row]]:
    """Yield rows in lists that are bounded in number and in characters."""
    batch: list[Row] = []
    reader.characters = 0
    for row in rows:
        batch.append(row)
        if len(batch) >= BATCH_ROWS or reader.characters >= BATCH_CHARACTERS:
            yield batch
            batch, reader.characters = [], 0
    if batch:
        yield batch


class _Rows:
    """Rows of a reader that goes on after a row it cannot read, which it gives as one value.

    Counts the characters that it reads.
    """

    def __init__(self, lines: Iterable[str], separator: str, source: Path) -> None:
        self._lines = iter(lines)
        self._taken: list[str] = []
        self.characters = 0
        self._source = source
        self._reader = csv.reader(self._take(), delimiter=separator, strict=True)

    def _take(self) -> Iterator[str]:
        for line in self._lines:
            self._taken.append(line)
            self.characters += len(line)
            yield line

    def __iter__(self) -> Iterator[tuple[list[str], str | None]]:
        while True:
            self._taken.clear()
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._check_quote_ends(str(error))
                text = "".join(self._taken).rstrip("\r\n")
                kept = f"; the first {KEPT_CHARACTERS:,} of {len(text):,} characters are kept"
                wrong = f"{error}{kept if len(text) > KEPT_CHARACTERS else ''}"
                yield [text[:KEPT_CHARACTERS]], wrong
                continue
            if row:
                yield row, None

    def _check_quote_ends(self, error: str) -> None:
        """Refuse a file in which a quote swallows the rows after it, down to the end or nearly."""
        swallows = "field larger" in error and len(self._taken) > 1
        if swallows or "unexpected end" in error:
            raise UserError(
                f"A quoted value of {self._source} never ends (from: "
                f"{self._taken[0].strip()[:80]!r}): close its quote. Nothing was loaded."
            )


def _shaped(rows: _Rows, width: int) -> Iterator[Row]:
    """Yield rows of the header's width, then what is wrong with their shape and what is left."""
    for row, error in rows:
        if error is None and len(row) == width:
            yield [*row, None, None]
            continue
        surplus = row[width:]
        wrong = error and f"the row cannot be read ({error})"
        if wrong is None and (len(row) < width or any(surplus)):
            wrong = f"the row has {len(row)} values, the header {width}"
        padding = [None] * (width - len(row))
        yield [*row[:width], *padding, wrong, " | ".join(surplus) if any(surplus) else None]

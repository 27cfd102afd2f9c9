"""Profile a delivered file: rows, and of each column its kind, gaps, distinct values, examples."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from la_pipeline_failure_predict.sources.reading import headers
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.base import quote

SAMPLED_ROWS = 100_000
"""Rows whose values are looked at; the counts are of all rows."""
KEPT_VALUES = 200
MOST = 0.9
"""Share of the values that must be of a kind for the column to be of it."""
NUMBER = re.compile(r"^\s*[-+]?(\d+|\d{1,3}([,. ']\d{3})+)?([.,]\d+)?([eE][-+]?\d+)?\s*$")
WHOLE = re.compile(r"^\s*[-+]?\d+(\.0+)?\s*$")
SHAPE = re.compile(r"^\s*(SRID=\d+;)?\s*(MULTI)?(POINT|LINESTRING|POLYGON|CIRCULAR|COMPOUND)", re.I)
WORDS_FOR_NOTHING = {
    *("na", "n/a", "nan", "null", "<null>", "none", "nil", "-", "--", "?", "unknown", "unk"),
    *("tbd", "blank", "<blank>", "not available", "no data", "nodata", "#n/a", "unbekannt"),
    *("inconnu", "desconocido", "sin dato", "k.a."),
}
ISO = re.compile(
    r"^\s*\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?\s*$"
)
# Formats in which people write days, the most telling first.
DATE_FORMATS = tuple(
    day + time
    for day in (
        *("%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y", "%d-%b-%Y"),
        *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%Y%m%d", "%Y.%m.%d"),
        *("%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d-%b-%y", "%m-%d-%y", "%d-%m-%y", "%m/%Y"),
        *("%b-%y", "%b-%Y", "%Y-%m"),
    )
    for time in (
        *("", " %H:%M:%S", " %H:%M", " %H:%M:%S+00", " %I:%M:%S %p", " %I:%M %p", " %H:%M:%S.%f"),
    )
)


@dataclass(frozen=True)
class ColumnProfile:
    """What a column of a file holds.

    Attributes
    ----------
    filled
        Number of rows that say something.
    values
        The most frequent values of the first rows, with their counts.
    """

    header: str
    rows: int
    filled: int
    distinct: int
    values: Mapping[str, int]

    @cached_property
    def telling(self) -> tuple[str, ...]:
        """Values that are not a word for nothing."""
        return tuple(value for value in self.values if value.lower() not in WORDS_FOR_NOTHING)

    def share(self, pattern: re.Pattern[str]) -> float:
        """Return the share of the telling values that fit a pattern."""
        given = self.telling
        return sum(bool(pattern.match(value)) for value in given) / len(given) if given else 0.0

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """The telling values that are numbers, once per row of the sample, sorted."""
        found: list[float] = []
        for value in self.telling:
            if NUMBER.match(value) and any(letter.isdigit() for letter in value):
                found += [_number(value)] * self.values[value]
        return tuple(sorted(found))

    @property
    def median(self) -> float:
        """Median of the numbers; not a number where there is none."""
        return self.numbers[len(self.numbers) // 2] if self.numbers else float("nan")

    @cached_property
    def kind(self) -> str:
        """What the values are, in a word or two."""
        if not self.telling:
            return "empty"
        if self.share(SHAPE) >= MOST:
            return "shape"
        if self.is_numeric:
            return "whole number" if self.share(WHOLE) >= MOST else "number"
        if self.day_formats:
            return "date"
        return "text"

    @property
    def is_numeric(self) -> bool:
        """Whether nearly all telling values are numbers."""
        return self.share(NUMBER) >= MOST

    @cached_property
    def day_formats(self) -> tuple[str, ...]:
        """Formats in which nearly all values are days: the best, then equally good ones.

        ISO days, which need none, are an empty text.
        """
        given = self.telling
        if not given or (self.is_numeric and not self._looks_like_day_number):
            return ()
        if self.share(ISO) >= MOST:
            return ("",)
        shares = {
            form: sum(_is_day(value, form) for value in given) / len(given) for form in DATE_FORMATS
        }
        best = max(shares.values())
        if best < MOST:
            return ()
        return tuple(form for form, share in shares.items() if share == best)

    @property
    def _looks_like_day_number(self) -> bool:
        return all(re.fullmatch(r"(1[89]|20)\d{6}", value) for value in self.telling)

    @property
    def is_key(self) -> bool:
        """Whether it tells the rows apart."""
        return self.filled >= 0.99 * self.rows and self.distinct >= 0.99 * self.filled

    @property
    def examples(self) -> str:
        """The three most frequent values, shortened."""
        shown = (value if len(value) <= 24 else f"{value[:24]}..." for value in self.values)
        return ", ".join(text.replace("\n", " ") for text, _ in zip(shown, range(3), strict=False))


def profile(scratch: Scratch, relation: str) -> list[ColumnProfile]:
    """Profile each column of a scratch table of text."""
    names = headers(scratch, relation)
    rows = int(str(scratch.scalar(f"select count(*) from {relation}")))
    found = []
    for name in names:
        text = f"nullif(trim({quote(name)}), '')"
        counts = scratch.query(
            f"select count({text}) as filled, count(distinct {text}) as different from {relation}"
        ).to_pylist()[0]
        values = scratch.query(
            f"select value, count(*) as row_count from (select {text} as value from {relation} "
            f"limit {SAMPLED_ROWS}) as sampled where value is not null "
            f"group by 1 order by 2 desc, 1 limit {KEPT_VALUES}"
        ).to_pylist()
        kept = {row["value"]: row["row_count"] for row in values}
        found.append(ColumnProfile(name, rows, counts["filled"], counts["different"], kept))
    return found


def _number(value: str) -> float:
    text = re.sub(r"[ ']", "", value)
    if "," in text and "." not in text:
        text = text.replace(",", "." if re.search(r",\d{1,2}$|,\d{4,}$", text) else "")
    return float(text.replace(",", ""))


def _is_day(value: str, form: str) -> bool:
    try:
        year = dt.datetime.strptime(value, form).year
    except ValueError:
        return False
    return 1700 <= year <= 2200

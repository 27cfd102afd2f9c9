"""SQL of the day that a text names: written out, with a year of two digits, or as a number."""

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import groupby

from la_pipeline_failure_predict.sources.mapping import NUMBERED_DAYS, ColumnRule
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.base import sql_text

# Unambiguous without being told; day/month orders must be named in a mapping.
ISO_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y")
# Of a moment with fractions or an offset, the day is the one that is written.
ISO_MOMENT = (
    r"^ *(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)? ?(?:Z|[+-]\d{2}(?::?\d{2})?)? *$"
)
SHORT_YEAR = "%y"
YEARS = (1800, 2100)
"""Between these, a number is rather a year than a count."""
# Of a number that is no day by itself -> the format that it probably is in.
LOOKS_LIKE = {r"-?\d{11,14}": "epoch_ms", r"-?\d{9,10}": "epoch_s", r"\d{5}": "excel"}
LATEST_MS = 253_402_300_799_999
"""The end of the year 9999."""
MS_PER_SECOND = 1000
LATEST_DAY_NUMBER = 2_958_465
"""31 December 9999, the last day that Excel has."""


def day_sql(text: str, rule: ColumnRule) -> str:
    """Return SQL of the day that a text names, null where it names none.

    The formats of the mapping are tried in their order, then the unambiguous ones.
    """
    # A date has a digit; the words for no moment in particular would be read as some day.
    dated = f"case when regexp_matches({text}, '[0-9]') then {text} end"
    days = [
        _day(dated, kind, tuple(formats), rule)
        for kind, formats in groupby((*rule.formats, *ISO_FORMATS), _kind)
    ]
    moment = f"regexp_extract({text}, {sql_text(ISO_MOMENT)}, 1)"
    return f"coalesce({', '.join(days)}, cast(try_strptime({moment}, '%Y-%m-%d') as date))"


def suspect_days(
    scratch: Scratch, delivered: str, name: str, text: str, rule: ColumnRule
) -> Iterator[str]:
    """Yield a sentence on the days of a column that a reading may have put into another time.

    Parameters
    ----------
    delivered
        Scratch table, called `delivered` in `text`.
    name, text, rule
        The column, SQL of its text, and how it is read.
    """
    formats = tuple(form for form in rule.formats if _kind(form) == SHORT_YEAR)
    if formats and rule.pivot is None:
        day = _day(text, SHORT_YEAR, formats, rule)
        count, first, last = _range(scratch, delivered, f"year({day})", f"{day} is not null")
        if count:
            yield (
                f"{name} has a year of two digits in {count:,} rows, read as {first} to {last}; "
                f"if that is wrong, name the newest year as pivot in the mapping."
            )
    number = f"try_cast({text} as double)"
    for form in ("epoch_ms", "epoch_s"):
        is_year = f"{number} between {YEARS[0]} and {YEARS[1]}"
        count = _range(scratch, delivered, number, is_year)[0] if form in rule.formats else 0
        if count:
            yield (
                f"{name} looks like a year in {count:,} rows, but is read as "
                f"{NUMBERED_DAYS[form]}, which is a day in January 1970."
            )


def _range(scratch: Scratch, delivered: str, value: str, condition: str) -> tuple:
    """Return the number of rows of which a condition holds, and their least and largest value."""
    rows = scratch.query(
        f"select count(*), min({value}), max({value}) from {delivered} as delivered "
        f"where {condition}"
    )
    return tuple(column[0].as_py() for column in rows.columns)


def advice_sql(text: str) -> str:
    """Return SQL of what would make a text that is no date readable, after what its digits are."""
    cases = " ".join(
        f"when regexp_full_match({text}, {sql_text(f' *{digits}([.][0-9]*)? *')}) "
        f"then {sql_text(f'it looks like {NUMBERED_DAYS[form]}: name formats: [{form}]')}"
        for digits, form in LOOKS_LIKE.items()
    )
    return f"case {cases} else 'name its format' end || ' in the mapping'"


def _kind(form: str) -> str:
    if form in NUMBERED_DAYS:
        return form
    return SHORT_YEAR if SHORT_YEAR in form.replace("%-", "%").replace("%%", "") else ""


def _day(text: str, kind: str, formats: Sequence[str], rule: ColumnRule) -> str:
    if kind in NUMBERED_DAYS:
        return _numbered(text, kind)
    day = f"cast(try_strptime({text}, [{', '.join(map(sql_text, formats))}]) as date)"
    if kind != SHORT_YEAR:
        return day
    newest = rule.pivot or dt.datetime.now(dt.UTC).year
    return (
        f"cast(case when year({day}) > {newest} then {day} - interval 100 year "
        f"when year({day}) <= {newest - 100} then {day} + interval 100 year "
        f"else {day} end as date)"
    )


def _numbered(text: str, kind: str) -> str:
    """Return SQL of the day that a number counts to."""
    number = f"try_cast({text} as double)"
    if kind == "excel":
        # Excel takes 1900 for a leap year, so that its first sixty days are one too low.
        start = f"case when {number} < 60 then date '1899-12-31' else date '1899-12-30' end"
        day = f"{start} + cast(floor({number}) as integer)"
        return f"case when {number} between 1 and {LATEST_DAY_NUMBER} then {day} end"
    scale = MS_PER_SECOND if kind == "epoch_s" else 1
    ms = f"floor({number} * {scale})"
    day = f"cast(epoch_ms(cast({ms} as bigint)) as date)"
    return f"case when abs({ms}) <= {LATEST_MS} then {day} end"

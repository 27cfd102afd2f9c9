"""Say which delivered words no code list knows, and which identifiers people take for one."""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from la_pipeline_failure_predict.tables import Table
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.base import quote

SHOWN = 8
"""Spellings of a column that are listed."""
SHOWN_CHARACTERS = 40
# Letters that are not an accent on another letter.
OTHER_LETTERS = str.maketrans({"ß": "ss", "Ø": "O", "ø": "o"})


def code_key(spelling: str) -> str:
    """Return what is left of a spelling without case, accents, spaces and punctuation.

    The same as the dbt macro code_key.
    """
    letters = unicodedata.normalize("NFKD", spelling.translate(OTHER_LETTERS))
    return re.sub(r"[^A-Z0-9]", "", letters.upper())


@lru_cache
def known_keys(seed: Path) -> dict[str, tuple[str, ...]]:
    """Return the rows of a code list by the key of their spelling, without the spelling."""
    with seed.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    return {code_key(spelling): tuple(codes) for spelling, *codes in rows}


def unplaced(scratch: Scratch, table: Table, accepted: str, filled: Iterable[str]) -> Iterator[str]:
    """Yield, for each column with a code list, the delivered words that are not in it.

    Parameters
    ----------
    accepted
        Scratch table of typed rows.
    filled
        Columns that the delivery fills.
    """
    for column in table.delivered:
        if column.spellings is None or column.name not in filled:
            continue
        known = known_keys(column.spellings.seed)
        words = scratch.query(
            f"select trim({quote(column.name)}) as word, count(*) as row_count from {accepted} "
            "where word not in ('', '#NULL#') group by 1 order by 2 desc, 1"
        ).to_pylist()
        strange = [row for row in words if code_key(row["word"]) not in {"", *known}]
        if not strange:
            continue
        listed = "; ".join(
            f'{row["row_count"]:,} rows "{row["word"][:SHOWN_CHARACTERS]}" -> '
            f"{column.spellings.otherwise}"
            for row in strange[:SHOWN]
        )
        rest = sum(row["row_count"] for row in strange[SHOWN:])
        if rest:
            listed += f"; {rest:,} rows of {len(strange) - SHOWN:,} other spellings"
        yield (
            f"{column.name}: {listed}. Name their codes in the mapping, or add the spellings to "
            f"seeds/{column.spellings.seed.name}."
        )


def case_twins(scratch: Scratch, table: Table, accepted: str) -> Iterator[str]:
    """Yield a sentence if identifiers differ only in case: Power BI takes them for one."""
    keys = {rule.columns[0] for rule in table.rules if rule.kind == "repeated"}
    for column in table.delivered:
        if column.name not in keys or not column.is_identifier:
            continue
        name = quote(column.name)
        # One of a pair has a small letter: most files have none, and need no grouping.
        mixed = f"select lower({name}) from {accepted} where {name} <> upper({name})"
        (found,) = scratch.query(
            "select count(*) as pairs, min(one) as one, min(other) as other from ("
            f"select min({name}) as one, max({name}) as other from {accepted} "
            f"where lower({name}) in ({mixed}) "
            f"group by lower({name}) having min({name}) <> max({name})) as twins"
        ).to_pylist()
        if found["pairs"]:
            yield (
                f"values of {column.name} that differ from another only in case, which Power BI "
                f"takes for one: {found['pairs']:,} (for example {found['one']!r} and "
                f"{found['other']!r}); ask the utility which is right."
            )

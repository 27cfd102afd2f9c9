"""Guess which header fills which column of the contract, with the reason."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from la_pipeline_failure_predict.sources.dates import LOOKS_LIKE, YEARS
from la_pipeline_failure_predict.sources.mapping import plain_spelling
from la_pipeline_failure_predict.sources.profile import MOST, WORDS_FOR_NOTHING, ColumnProfile
from la_pipeline_failure_predict.sources.shape_texts import SHAPE
from la_pipeline_failure_predict.sources.shapes import MEASURES
from la_pipeline_failure_predict.sources.spellings import code_key, known_keys
from la_pipeline_failure_predict.tables import Column, Table

WORDS_FILE = Path("schemas") / "header_words.yml"
LEAST_SCORE = 45.0
LAST_RESORT = {"objectid", "globalid", "fid", "gid", "oid", "ogrfid", "index"}
# Words of a header -> unit, as pint reads it.
UNIT_WORDS = {
    **dict.fromkeys(("ft", "feet", "foot", "lf"), "ft"),
    **dict.fromkeys(("in", "inch", "inches", "zoll", "pouces", "pulgadas", '"'), "inch"),
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetres"), "mm"),
    **dict.fromkeys(("cm", "centimeter", "centimeters"), "cm"),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres", "metros"), "m"),
    **dict.fromkeys(("km", "kilometer", "kilometers"), "km"),
    **dict.fromkeys(("mi", "mile", "miles"), "mile"),
    **dict.fromkeys(("yd", "yards"), "yard"),
}
# Of a diameter, by unit: medians that mains have.
USUAL_MM = (60, 1200)
MM = {"mm": 1.0, "cm": 10.0, "inch": 25.4, "ft": 304.8, "m": 1000.0}


@dataclass(frozen=True)
class Guess:
    """A column of the contract and the header that probably fills it.

    Attributes
    ----------
    why
        The reason, in words.
    doubt
        What a person should look at; empty where nothing.
    is_usable
        Whether a mapping with it loads; coordinates in an unknown system do not.
    """

    column: str
    header: str
    score: float
    why: str
    unit: str | None = None
    formats: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    doubt: str = ""
    is_usable: bool = True


@lru_cache
def header_words(root: Path) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Return the words by which headers are known: table -> column -> phrases."""
    content = yaml.safe_load((root / WORDS_FILE).read_text(encoding="utf-8"))
    return {
        table: {
            column: tuple(str(phrase) for line in lines for phrase in line)
            for column, lines in columns.items()
        }
        for table, columns in content.items()
    }


def guess(root: Path, table: Table, profiles: Sequence[ColumnProfile]) -> list[Guess]:
    """Return the best guess for each column of a table that has one, in the table's order."""
    phrases = header_words(root).get(table.name, {})
    found = [
        (score, -position, column, profile, why)
        for column in table.delivered
        for position, profile in enumerate(profiles)
        for score, why in [_score(table, column, profile, phrases.get(column.name, ()))]
        if score >= LEAST_SCORE
    ]
    found.sort(key=lambda item: item[:2], reverse=True)
    chosen: dict[str, Guess] = {}
    taken: set[str] = set()
    for score, _, column, profile, why in found:
        if column.name in chosen or profile.header in taken:
            continue
        chosen[column.name] = _described(column, profile, score, why)
        taken.add(profile.header)
    found_all = [chosen[column.name] for column in table.delivered if column.name in chosen]
    return [*found_all, *_shapes(table, profiles, taken)]


def _shapes(
    table: Table, profiles: Sequence[ColumnProfile], taken: Collection[str]
) -> Iterator[Guess]:
    """Yield the column of shapes, from which places and lengths come, if none was found by name."""
    names = {column.name for column in table.delivered}
    if names.isdisjoint((SHAPE, *MEASURES)):
        return
    for profile in profiles:
        if profile.kind == "shape" and profile.header not in taken:
            yield Guess(SHAPE, profile.header, 40.0, "the values are shapes")
            return


def guess_table(
    root: Path, tables: Sequence[Table], profiles: Sequence[ColumnProfile], file_name: str
) -> Table:
    """Return the table that a file is most probably for."""

    def likeness(table: Table) -> float:
        guesses = guess(root, table, profiles)
        names = {item.column for item in guesses}
        needed = [column.name for column in table.delivered if column.required]
        lacking = sum(name not in names for name in needed)
        hint = any(word in file_name.lower() for word in FILE_WORDS.get(table.name, ()))
        return sum(item.score for item in guesses) - 60 * lacking + 150 * hint

    return max(tables, key=likeness)


FILE_WORDS = {
    "pipes": ("main", "pipe", "leitung", "canalis", "conduite", "tuberia", "wmain"),
    "breaks": (
        "break",
        "leak",
        "burst",
        "incident",
        "failure",
        "schad",
        "casse",
        "fuite",
        "rotura",
    ),
    "areas": ("area", "district", "ward", "neighbo", "zone"),
    "soils": ("soil",),
    "climate": ("climate", "weather"),
}


def words_of(header: str) -> list[str]:
    """Return the words of a header: InstallDate, INSTALL_DATE and install date are the same."""
    plain = unicodedata.normalize("NFKD", header.replace("ß", "ss"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = plain.strip(" .").rsplit(".", 1)[-1]  # of a lookup, the header alone
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", plain)]


def _score(
    table: Table, column: Column, profile: ColumnProfile, phrases: Sequence[str]
) -> tuple[float, str]:
    """Return how well a header fits a column, 0 to about 130, and why."""
    score, why = _by_name(column, profile.header, phrases)
    evidence, seen = _by_values(table, column, profile)
    if not score and seen and evidence >= 40:
        return evidence + 6, seen
    if not score:
        return 0.0, ""
    return score + evidence, f"{why}; {seen}" if seen else why


def _by_name(column: Column, header: str, phrases: Sequence[str]) -> tuple[float, str]:
    words = words_of(header)
    joined = "".join(words)
    if not joined:
        return 0.0, ""
    own = {plain_spelling(name) for name in (column.name, *column.aliases)}
    if joined in own:
        return 100.0, "the contract's own name for it"
    best, said = 0.0, ""
    units = [word for word in words if word in UNIT_WORDS]
    bare = [word for word in words if word not in units] or words
    for rank, phrase in enumerate((*phrases, column.name.replace("_", " "))):
        parts = phrase.split()
        solid = "".join(parts)
        found = 0.0
        if solid in (joined, "".join(bare)):
            found = 90.0 - min(rank, 60) / 3 if solid not in LAST_RESORT else 50.0
        elif set(parts) <= set(bare) and not (len(parts) == 1 and column.is_identifier):
            found = 52.0 + 7 * len(parts) - 3 * (len(bare) - len(parts))
        elif len(solid) >= 5 and solid in joined:
            found = 50.0 + len(solid) - (len(joined) - len(solid))
        elif len(joined) >= 6 and solid.startswith(joined):
            found = 56.0  # cut off, as in a shapefile
        if found > best:
            best, said = found, f"the header says {phrase!r}"
    return best, said


def _by_values(table: Table, column: Column, profile: ColumnProfile) -> tuple[float, str]:
    """Return what the values say for or against a column, and what they are."""
    if profile.kind == "empty":
        return -30.0, "without values"
    if column.spellings is not None:
        return _by_codes(column, profile)
    if _is_key(table, column):
        if profile.is_key:
            return 15.0, "tells the rows apart"
        return -60.0, "with repeats"
    if column.sql_type == "date":
        return _by_days(column, profile)
    if column.sql_type == "text":
        if column.name == "geometry_wkt" or profile.kind == "shape":
            return (
                (40.0, "shapes")
                if (column.name, profile.kind) == ("geometry_wkt", "shape")
                else (-90.0, "")
            )
        return (-40.0, "") if profile.kind == "date" else (0.0, "")
    if not profile.is_numeric:
        return -70.0, ""
    if column.name.endswith("_year"):
        is_year = YEARS[0] <= profile.median <= YEARS[1]
        return (12.0, f"years such as {profile.median:.0f}") if is_year else (-70.0, "")
    if column.name.endswith(("longitude", "latitude")):
        return (10.0, "") if profile.share(re.compile(r".*\d.*")) >= MOST else (-70.0, "")
    if not any(profile.numbers):
        return -60.0, "zeros only"
    return 5.0, f"numbers, {profile.median:g} in the median"


def _by_codes(column: Column, profile: ColumnProfile) -> tuple[float, str]:
    if column.spellings is None or profile.kind in ("date", "shape", "number"):
        return -90.0, ""
    known = known_keys(column.spellings.seed)
    unknown = {key for key, codes in known.items() if "UNK" in codes}
    given = [value for value in profile.telling if code_key(value)]
    placed = [value for value in given if code_key(value) in known]
    if not given:
        return -30.0, "without codes"
    share = len(placed) / len(given)
    text = f"{len(placed)} of {len(given)} codes are in the seed {column.spellings.seed.stem}"
    if share >= 0.5:
        real = {code_key(value) for value in placed} - unknown
        strong = len(real) >= 2 and share >= 0.8 and len(given) <= 60
        return (45.0 if strong else 20.0), text
    is_list = column.name == "asset_type"
    return (-45.0 if is_list else -15.0), text


def _by_days(column: Column, profile: ColumnProfile) -> tuple[float, str]:
    if profile.day_formats:
        form = profile.day_formats[0]
        return 15.0, f"days written {form}" if form else "days"
    if number_format(profile):
        return 8.0, f"days as {number_format(profile)}"
    is_year = profile.is_numeric and YEARS[0] <= profile.median <= YEARS[1]
    if is_year and column.name == "installed_on":
        return -12.0, "years"
    return -70.0, ""


def number_format(profile: ColumnProfile) -> str:
    """Return what a column of numbers counts, if they look like days; empty where not."""
    if profile.kind != "whole number" or not profile.numbers:
        return ""
    digits = [f"{abs(number):.0f}" for number in profile.numbers if number]
    for pattern, form in LOOKS_LIKE.items():
        if sum(re.fullmatch(pattern, text) is not None for text in digits) > len(digits) / 2:
            return form
    return ""


def _is_key(table: Table, column: Column) -> bool:
    keys = {rule.columns[0] for rule in table.rules if rule.kind == "repeated"}
    return column.name in keys and column.is_identifier


def _described(column: Column, profile: ColumnProfile, score: float, why: str) -> Guess:
    """Return a guess with its unit, formats, codes for nothing and what is in doubt."""
    unit, unit_why, doubt = _unit(column, profile)
    formats: tuple[str, ...] = ()
    if column.sql_type == "date":
        formats, day_doubt = _formats(profile)
        doubt = doubt or day_doubt
    usable, place_doubt = _place(column, profile)
    parts = [part for part in (why, unit_why) if part]
    return Guess(
        column=column.name,
        header=profile.header,
        score=score,
        why="; ".join(parts),
        unit=unit,
        formats=formats,
        emptied=tuple(_for_nothing(column, profile)),
        doubt=doubt or place_doubt,
        is_usable=usable,
    )


def _unit(column: Column, profile: ColumnProfile) -> tuple[str | None, str, str]:
    """Return the unit of a length or diameter where it is not the contract's, why, and doubts."""
    if column.unit not in ("m", "mm", "km") or not profile.numbers:
        return None, "", ""
    said = [UNIT_WORDS[word] for word in words_of(profile.header) if word in UNIT_WORDS]
    if '"' in profile.header:
        said.append("inch")
    unit = said[-1] if said else None
    if column.name != "diameter_mm":
        if unit is None and "shape" in words_of(profile.header):
            return None, "", "a layer's own length, in the unit of its system: is that meters?"
        return (None if unit == column.unit else unit), (f"unit {unit}" if unit else ""), ""
    typical = profile.median
    if unit and not _is_usual(typical * MM.get(unit, 1.0)) and _is_usual(typical):
        return None, "", f"the header says {unit}, but {typical:g} is usual in mm"
    if unit is None and not _is_usual(typical) and _is_usual(typical * MM["inch"]):
        return "inch", f"{typical:g} is usual in inches", ""
    return (None if unit in (None, "mm") else unit), (f"unit {unit}" if unit else ""), ""


def _is_usual(diameter_mm: float) -> bool:
    return USUAL_MM[0] <= diameter_mm <= USUAL_MM[1]


def _formats(profile: ColumnProfile) -> tuple[tuple[str, ...], str]:
    """Return the formats of days, and whether another order is as good."""
    number = number_format(profile)
    if number:
        return (number,), ""
    formats = [form for form in profile.day_formats if form]
    if not formats:
        return (), ""
    first = formats[0]
    swapped = [form for form in formats[1:] if sorted(form) == sorted(first)]
    doubt = f"{swapped[0]} fits all values as well: which comes first?" if swapped else ""
    return (first.replace("%f", "%g") if "%f" in first else first,), doubt


def _place(column: Column, profile: ColumnProfile) -> tuple[bool, str]:
    """Return whether coordinates can be degrees, and what to ask where they cannot."""
    if not column.name.endswith(("longitude", "latitude")) or not profile.numbers:
        return True, ""
    limit = 180 if column.name.endswith("longitude") else 90
    if -limit <= profile.median <= limit:
        return True, ""
    return False, "not degrees: name their system as crs, such as EPSG:26917"


def _for_nothing(column: Column, profile: ColumnProfile) -> Iterator[str]:
    """Yield values that mean that there is none: words in a column of numbers, and zeros."""
    if column.sql_type == "text":
        return
    may_be_zero = column.name == "critical_customer_count" or column.name.endswith(
        ("longitude", "latitude", "length_m")
    )
    for value in profile.values:
        is_zero = re.fullmatch(r"0+(\.0+)?", value) is not None
        if value.lower() in WORDS_FOR_NOTHING or (is_zero and not may_be_zero):
            yield value

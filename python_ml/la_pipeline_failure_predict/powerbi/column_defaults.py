"""How a column of a view appears in Power BI where its YAML does not say otherwise."""

from collections.abc import Collection, Mapping
from typing import Any

from la_pipeline_failure_predict.contracts.consumer_contracts import UNITS_BY_ENDING, unit_of

# Types of the contracts and of Power BI; numbers with a fraction stay double, because a decimal of
# Power BI holds four places, eleven meters of latitude.
TYPES: Mapping[str, str] = {
    "text": "string",
    "integer": "int64",
    "bigint": "int64",
    "double precision": "double",
    "boolean": "boolean",
    "date": "dateTime",
    "timestamp": "dateTime",
}
# What Power Query calls them.
M_TYPES: Mapping[str, str] = {
    "text": "type text",
    "integer": "Int64.Type",
    "bigint": "Int64.Type",
    "double precision": "type number",
    "boolean": "type logical",
    "date": "type date",
    "timestamp": "type datetime",
}
# Words that readers know under another name; the field says main, identifiers say pipe.
WORDS: Mapping[str, str] = {"pipe": "Main", "id": "ID", "mm": "mm", "on": "On", "in": "in"}
SYMBOLS: Mapping[str, str] = {
    "km**2": "km2",
    "degC": "°C",
    "ohm*cm": "ohm-cm",
    "mile": "miles",
    "inch": "in",
    "year": "years",
    "month": "months",
    "degree": "",
}
LOWER = ("of", "per", "in", "to", "is", "and")
NUMBERED = ("_year", "_rank", "_number", "_sort", "tenth", "_project", "year_number")
CATEGORIES = {"longitude": "Longitude", "latitude": "Latitude"}


def friendly_name(column: Mapping[str, Any]) -> str:
    """Return the name of a column for readers: ``length_m`` is Length (m), ``joint_name`` Joint."""
    name, unit = str(column["name"]).removesuffix("_name"), unit_of(column)
    if unit:
        ending = next((end for end in UNITS_BY_ENDING if name.endswith(end)), "")
        symbol = SYMBOLS.get(unit, unit)
        stem = name.removesuffix(ending) if symbol else name
        return f"{_titled(stem)} ({symbol})" if symbol else _titled(stem)
    return _titled(name)


def _titled(name: str) -> str:
    words = name.strip("_").split("_")
    shown = [
        WORDS.get(word) or (word if place and word in LOWER else word.capitalize())
        for place, word in enumerate(words)
    ]
    return " ".join(shown)


def default_format(column: Mapping[str, Any]) -> str:
    """Return the format string of a column; empty for text and truth values."""
    name, kind = str(column["name"]), column["data_type"]
    if kind == "date":
        return "mmm yyyy" if name == "month_on" else "yyyy-mm-dd"
    if kind == "timestamp":
        return "yyyy-mm-dd hh:nn"
    if kind not in ("integer", "bigint", "double precision"):
        return ""
    if "_usd" in name:
        return "$#,0"
    if kind != "double precision":
        return "0" if name.endswith(NUMBERED) else "#,0"
    if name.endswith(("_share", "_probability")):
        return "0.0%"
    if category(name):
        return "0.00000"
    if name.endswith("_m") or name.startswith("diameter"):
        return "#,0"
    return "#,0.00"


def default_sort(name: str, columns: Collection[str]) -> str | None:
    """Return the column that one of names is ordered by: ``joint_name`` by ``joint_sort``."""
    order = name.removesuffix("_name") + "_sort"
    return order if name.endswith("_name") and order in columns else None


def is_hidden_by_name(name: str) -> bool:
    """Whether readers need not see a column: the order and the codes of names."""
    return name.endswith(("_sort", "_code"))


def category(name: str) -> str:
    """Return the data category that the name of a column tells, else nothing."""
    return next((kind for ending, kind in CATEGORIES.items() if name.endswith(ending)), "")

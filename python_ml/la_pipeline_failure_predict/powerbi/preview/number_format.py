"""Values written as Power BI writes them, by the format strings that the model uses."""

import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

BLANK = "(Blank)"
# What stands around the digits, the digits, and the digits after the point.
_SECTION = re.compile(r"([^#0]*)([#0,]+)(?:\.(0+))?(.*)")
_DATE_PARTS = {
    "yyyy": "%Y",
    "mmm": "%b",
    "mm": "%m",
    "dd": "%d",
    "hh": "%H",
    "nn": "%M",
}
_DATE_PART = re.compile("|".join(_DATE_PARTS))
_UNITS = ((Decimal(10**9), "bn"), (Decimal(10**6), "M"), (Decimal(10**3), "K"))
_FIRST_IN_UNITS = 10_000


def shown(value: object, text_format: str) -> str:
    """Return a value as a table shows it; nothing where it is blank."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.strftime(_DATE_PART.sub(lambda part: _DATE_PARTS[part[0]], text_format))
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and text_format:
        return _number(Decimal(str(value)), text_format)
    return str(value)


def shortened(value: float, text_format: str, largest: float) -> str:
    """Return a number as a chart shows it: in thousands, millions or billions of a large one."""
    number = Decimal(str(value))
    if "%" in text_format or abs(largest) < _FIRST_IN_UNITS:
        return _number(number, text_format)
    divisor, unit = next(item for item in _UNITS if abs(largest) >= item[0])
    prefix, _, _, suffix = _parts(text_format.split(";")[0])
    return f"{'-' if number < 0 else ''}{prefix}{abs(number) / divisor:.2f}{unit}{suffix}"


def _number(number: Decimal, text_format: str) -> str:
    """Write a number by the section for its sign, as it is after rounding."""
    sections = text_format.split(";")
    digits = _digits(number, sections[0])
    is_zero = not any(digit in digits for digit in "123456789")
    if is_zero and len(sections) > 2:
        return _with_digits(number, sections[2])
    if number < 0 and not is_zero:
        return (
            _with_digits(number, sections[1])
            if len(sections) > 1
            else "-" + _with_digits(number, sections[0])
        )
    return _with_digits(number, sections[0])


def _with_digits(number: Decimal, section: str) -> str:
    prefix, _, _, suffix = _parts(section)
    return f"{prefix}{_digits(number, section)}{suffix}"


def _digits(number: Decimal, section: str) -> str:
    _, whole, decimals, suffix = _parts(section)
    scaled = abs(number) * (100 if "%" in suffix else 1)
    rounded = scaled.quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP)
    return f"{rounded:,f}" if "," in whole else f"{rounded:f}"


def _parts(section: str) -> tuple[str, str, str, str]:
    found = _SECTION.fullmatch(section)
    if found is None:
        raise ValueError(f"no format of a number: {section!r}")
    prefix, whole, decimals, suffix = found.groups(default="")
    return prefix, whole, decimals, suffix

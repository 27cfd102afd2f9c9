"""Turn delivered text into the landing contract's columns, and set aside what does not fit."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pint
import pyarrow as pa

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.sources.archives import file_inside
from la_pipeline_failure_predict.sources.dates import advice_sql, day_sql, suspect_days
from la_pipeline_failure_predict.sources.mapping import ColumnRule, SourceMapping, plain_spelling
from la_pipeline_failure_predict.sources.places import COORDINATE_PAIRS, drop_zero_places
from la_pipeline_failure_predict.sources.reading import headers, read_file
from la_pipeline_failure_predict.sources.row_checks import (
    MISFIT,
    DeliveredText,
    check_rows,
    find_misfits,
    holds_text,
)
from la_pipeline_failure_predict.sources.shape_texts import (
    MAPPED_AS,
    SHAPE,
    find_shapes,
    take_from_shapes,
)
from la_pipeline_failure_predict.sources.shapes import MEASURES, to_wgs84
from la_pipeline_failure_predict.sources.spellings import case_twins, unplaced
from la_pipeline_failure_predict.tables import Column, Table
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.base import quote, sql_text

UNITS: pint.UnitRegistry = pint.UnitRegistry()
WORD = r"(°?[^\W\d_⁰¹²³⁴-⁹]+(_[^\W\d_⁰¹²³⁴-⁹]+)*|[\"'%°])(\s*(\*\*|\^)\s*-?[1-9]|[¹²³])?"
UNIT = re.compile(rf"\s*{WORD}(\s*[*/·. ]\s*{WORD}){{0,5}}\s*")
"""A unit with powers of one digit: pint works out any power, for hours if it must."""


@dataclass(frozen=True)
class Landed:
    """A delivery in the scratch database, ready to be written.

    Attributes
    ----------
    accepted, refused
        Scratch tables: the rows that fit the contract, and one row per fault of those that do not.
    typed
        Scratch table of all rows in the contract's types, null where a value does not fit.
    ignored_headers
        Headers of the file that no column of the contract takes.
    warnings
        What is suspect about the accepted rows, a sentence each.
    """

    accepted: str
    refused: str
    typed: str
    rows_in_file: int
    rows_accepted: int
    rows_refused: int
    ignored_headers: tuple[str, ...]
    warnings: tuple[str, ...]


def land(
    scratch: Scratch,
    table: Table,
    delivered: str,
    mapping: SourceMapping,
    taken: str | None = None,
) -> Landed:
    """Cast a scratch table of delivered text to the contract's columns, and check every row.

    Parameters
    ----------
    delivered
        Scratch table of text columns with `_row_number`.
    taken
        Scratch table of rows of the same delivery that are in the warehouse already, whose keys
        may not be repeated; None where there are none.

    Raises
    ------
    UserError
        If a required column is in no header, the mapping names a header or column that is not
        there, or a rule about the delivery as a whole is broken.
    """
    remarks, scratch.remarks = scratch.remarks, []
    present = headers(scratch, delivered)
    shapes = find_shapes(scratch, delivered, table, present, mapping)
    shapes = shapes and present_rule("the shapes", shapes, present)
    rules = column_rules(table, present, mapping, shapes)
    derived = tuple(name for name, rule in rules.items() if rule.derived)
    texts = {
        name: DeliveredText(
            sql=source_text(rule, mapping),
            kind=_kind(table.column(name)),
            never=_never(table.column(name), mapping),
            fix=_mend(rule, table.column(name), source_text(rule, mapping)),
        )
        for name, rule in rules.items()
        if not rule.derived
    }
    values = {
        column.name: _value(column, rules.get(column.name), mapping) for column in table.delivered
    }
    typed = f"{table.name}_typed"
    misfits = find_misfits(scratch, delivered, texts)
    listed = ", ".join(f"{value} as {quote(name)}" for name, value in values.items())
    given = "".join(f", {sql} as {name}" for name, sql in misfits.given.items())
    names = ", ".join(map(quote, values))
    scratch.execute(
        f"create or replace table {typed} as "
        f"select _row_number, {names}, {misfits.condition} as {MISFIT} "
        f"from (select _row_number, {listed}{given} from {delivered} as delivered)"
    )
    _project_coordinates(scratch, typed, table, mapping)
    strange: tuple[str, ...] = ()
    if shapes is not None:
        strange = _take_from_shapes(scratch, delivered, typed, table, rules, shapes, mapping)
    nowhere = tuple(drop_zero_places(scratch, typed, table))
    for name in derived:
        _derive(scratch, typed, table.column(name), taken)
    checked = check_rows(scratch, table, delivered, typed, texts, taken)
    suspect = [
        warning
        for name, rule in rules.items()
        if table.column(name).sql_type == "date"
        for warning in suspect_days(scratch, delivered, name, texts[name].sql, rule)
    ]
    notes = [*nowhere, *remarks, *strange, *suspect, *checked.warnings]
    if taken is None:
        notes += _derived_notes(scratch, typed, table, derived, mapping)
        notes += unplaced(scratch, table, checked.accepted, texts)
        notes += case_twins(scratch, table, checked.accepted)
    read = (*rules.values(), *mapping.further, *([shapes] if shapes else []))
    used = {header for rule in read for header in rule.headers}
    return Landed(
        accepted=checked.accepted,
        refused=checked.refused,
        typed=typed,
        rows_in_file=checked.rows_in_file,
        rows_accepted=checked.rows_accepted,
        rows_refused=checked.rows_refused,
        ignored_headers=tuple(name for name in present if name not in used and "." not in name),
        warnings=tuple(notes),
    )


def join_lookups(scratch: Scratch, delivered: str, path: Path, mapping: SourceMapping) -> str:
    """Join the mapping's second files to a delivery; returns the scratch table to go on with.

    Raises
    ------
    UserError
        If a second file or the shared header is missing, or its keys repeat.
    """
    for lookup in mapping.lookups:
        second = file_inside(path.parent, lookup.file, Path(f"the lookup {lookup.name}"))
        read_file(scratch, second, "lookup_rows", SourceMapping())
        key = quote(lookup.on)
        for relation in (delivered, "lookup_rows"):
            if lookup.on not in headers(scratch, relation):
                place = lookup.file if relation == "lookup_rows" else path
                raise UserError(f"{place} has no column {lookup.on!r} for lookup {lookup.name}.")
        columns = ", ".join(
            f"second.{quote(name)} as {quote(f'{lookup.name}.{name}')}"
            for name in headers(scratch, "lookup_rows")
            if name != lookup.on
        )
        # The first row of a repeated key wins: a lookup never multiplies mains.
        scratch.execute(
            f"create or replace table {delivered}_joined as "
            f"select delivered.*, {columns} from {delivered} as delivered left join ("
            f"select * from lookup_rows qualify row_number() over "
            f"(partition by {key} order by _row_number) = 1) as second using ({key})"
        )
        delivered = f"{delivered}_joined"
    return delivered


def column_rules(
    table: Table,
    present: Sequence[str],
    mapping: SourceMapping,
    shapes: ColumnRule | None = None,
) -> dict[str, ColumnRule]:
    """Return the rule of each column that the delivery fills.

    Parameters
    ----------
    shapes
        How its shapes are read, from which places and lengths can come.
    """
    known = {column.name for column in table.delivered}
    for name in mapping.columns:
        if name not in known and not (shapes and name in MAPPED_AS):
            raise UserError(
                f"The mapping names {name!r}, which {table.name} does not have; it has "
                f"{', '.join(sorted(known))}."
            )
    rules = {
        name: present_rule(name, rule, present) if rule.headers else rule
        for name, rule in mapping.columns.items()
        if name in known
    }
    rules |= _matching_headers(table, present, mapping)
    for column in table.delivered:
        if column.required and column.derived_from:
            rules.setdefault(column.name, ColumnRule(derived=True))
    for name, rule in rules.items():
        if rule.derived and not table.column(name).derived_from:
            raise UserError(
                f"The mapping derives {name} of {table.name}, which must be delivered: name the "
                "header that holds it."
            )
    if shapes is not None and SHAPE in known:
        rules[SHAPE] = present_rule(SHAPE, shapes, present)
    rules = {column.name: rules[column.name] for column in table.delivered if column.name in rules}
    _check_looks_like(table, rules, mapping)
    for column in table.delivered:
        is_measured = shapes is not None and column.name in MEASURES
        if column.required and column.name not in rules and not is_measured:
            raise UserError(
                f"No header for the column {column.name} of {table.name}: the file has "
                f"{_some(present)}; "
                "name the one that holds it in a mapping (--mapping)."
            )
    return rules


def _check_looks_like(table: Table, rules: dict[str, ColumnRule], mapping: SourceMapping) -> None:
    """Refuse a file of another kind than a provider's own format, which has its own headers."""
    is_own_format = all(column.sql_type == "text" for column in table.delivered)
    if is_own_format and len(rules) * 2 < len(table.delivered) and not mapping.columns:
        raise UserError(
            f"This does not look like {table.name}: only {len(rules)} of "
            f"{len(table.delivered)} expected headers are there; check the source's name."
        )


def _matching_headers(
    table: Table, present: Sequence[str], mapping: SourceMapping
) -> dict[str, ColumnRule]:
    """Return rules of the columns that the mapping leaves out and a header spells.

    A header is taken once: those that the mapping names are taken, and a column's own name comes
    before the aliases of others.
    """
    named = {header for rule in mapping.columns.values() for header in rule.headers}
    free = {plain_spelling(header): header for header in reversed(present) if header not in named}
    columns = [column for column in table.delivered if column.name not in mapping.columns]
    spellings = [(column.name, column.name) for column in columns]
    spellings += [(column.name, alias) for column in columns for alias in column.aliases]
    rules: dict[str, ColumnRule] = {}
    for name, spelling in spellings:
        if name not in rules and plain_spelling(spelling) in free:
            rules[name] = ColumnRule.model_validate(free.pop(plain_spelling(spelling)))
    return rules


def present_rule(name: str, rule: ColumnRule, present: Sequence[str]) -> ColumnRule:
    """Return a rule with the first of its headers that the file has.

    Parameters
    ----------
    name
        What it fills.

    Raises
    ------
    UserError
        If the file has none of them.
    """
    for header in rule.headers:
        if header in present:
            return rule.model_copy(update={"headers": (header,)})
    raise UserError(
        f"The mapping reads {name} from {' or '.join(repr(h) for h in rule.headers)}, "
        f"but the file has {_some(present)}."
    )


def _some(present: Sequence[str]) -> str:
    """List the first headers, shortened."""
    names = (name if len(name) <= 60 else f"{name[:60]}..." for name in present[:12])
    return ", ".join(names) + (" ..." if len(present) > 12 else "")


def _value(column: Column, rule: ColumnRule | None, mapping: SourceMapping) -> str:
    """Return the SQL expression of a column's value, null where the text does not fit."""
    if rule is None or rule.derived:
        return f"cast(null as {column.sql_type})"
    text = source_text(rule, mapping)
    scale, offset = _conversion(column, rule)
    if column.is_identifier:
        text = _identifier(text, mapping)
    if column.sql_type == "text":
        return f"case when {holds_text(text)} then {text} end" if column.required else text
    if column.sql_type == "date":
        return day_sql(text, rule)
    plain = _plain_number(text, mapping)
    number = f"try_cast({plain} as double)"
    if column.sql_type in ("integer", "bigint"):
        return (
            f"try_cast(case when {number} = floor({number}) then {number} end as {column.sql_type})"
        )
    number = f"case when isfinite({number}) then {number} end"
    if (scale, offset) == (1.0, 0.0):
        return number
    return f"{number} * {scale!r} + {offset!r}"


def _identifier(text: str, mapping: SourceMapping) -> str:
    """Return SQL of an identifier as it is compared with those of other files.

    Spreadsheets put an apostrophe before a number or ="..." around it, and tools write it as a
    decimal number.
    """
    if mapping.identifiers == "text":
        return text
    wrapped = r"""regexp_replace(TEXT, '^\s*="(.*)"\s*$', '\1')"""
    quoted = r"""regexp_replace(TEXT, '^\s*''([0-9])', '\1')"""
    # A look for a character is cheaper than a pattern.
    plain = (
        f"case when contains({text}, '''') then {quoted.replace('TEXT', text)} "
        f"when contains({text}, '=') then {wrapped.replace('TEXT', text)} else {text} end"
    )
    whole = f"regexp_replace({plain}, '^(\\s*[0-9]+)\\.0+(\\s*)$', '\\1\\2')"
    plain = f"case when contains({text}, '.0') then {whole} else {plain} end"
    if mapping.identifiers == "number":
        plain = f"regexp_replace({plain}, '^\\s*0+([0-9]+)\\s*$', '\\1')"
    return plain


def _derive(scratch: Scratch, typed: str, column: Column, taken: str | None) -> None:
    """Fill an identifier of the typed rows with one made of their content, the same in any file.

    Rows with the same content are numbered.
    """
    content = ", ".join(
        f"coalesce(cast({_identity(name)} as varchar), '')" for name in column.derived_from
    )
    base = f"'auto-' || left(md5(concat_ws(chr(31), {content})), 16)"
    number = f"row_number() over (partition by {base} order by _row_number)"
    if taken is not None:
        same = f"starts_with({taken}.{quote(column.name)}, {base})"
        number += f" + (select count(*) from {taken} where {same})"
    made = f"{base} || case when {number} > 1 then '-' || ({number}) else '' end"
    scratch.execute(
        f"create or replace table {typed} as "
        f"select * replace ({made} as {quote(column.name)}) from {typed}"
    )


def _identity(name: str) -> str:
    """Return SQL of what a column says of a row's identity: places to a tenth of a meter."""
    is_place = name.endswith(("longitude", "latitude"))
    return f"round({quote(name)}, 6)" if is_place else quote(name)


def _derived_notes(
    scratch: Scratch, typed: str, table: Table, derived: Sequence[str], mapping: SourceMapping
) -> Iterator[str]:
    for name in derived:
        if name in mapping.columns:
            continue
        origin = table.column(name).derived_from
        counts = ", ".join(f"count({quote(item)})" for item in origin)
        filled = scratch.query(f"select {counts} from {typed}")
        used = [
            item for item, count in zip(origin, filled.columns, strict=True) if count[0].as_py()
        ]
        yield (
            f"no header for {name}, so it is made of {', '.join(used)}; if the file has an "
            "identifier, name its header in the mapping."
        )


def _plain_number(text: str, mapping: SourceMapping) -> str:
    """Return SQL of a number as SQL writes it, without group separators and with a point."""
    if mapping.thousands:
        text = f"replace({text}, {sql_text(mapping.thousands)}, '')"
    if mapping.decimal != ".":
        text = f"replace({text}, {sql_text(mapping.decimal)}, '.')"
    return text


def _kind(column: Column) -> str | None:
    """Return what a value must be, in words; None where any text will do."""
    if column.sql_type == "text":
        return None
    return {"date": "a date", "double precision": "a number"}.get(column.sql_type, "a whole number")


def _never(column: Column, mapping: SourceMapping) -> str:
    """Return SQL of a character that no value of a column holds; empty where any may be."""
    if column.sql_type == "text":
        return "chr(0)"
    # SQL takes 1_000 for a thousand; in a delivery it is a slip.
    is_number = column.sql_type != "date" and "_" not in (mapping.thousands, mapping.decimal)
    return "'_'" if is_number else ""


def _mend(rule: ColumnRule, column: Column, text: str) -> str:
    """Return SQL of what in the mapping could make a value of the wrong kind readable."""
    if column.sql_type == "date":
        return advice_sql(text)
    if column.sql_type == "text" or rule.constant is not None:
        return sql_text("")
    return sql_text("name decimal, thousands or nulls in the mapping if it is written another way")


def source_text(rule: ColumnRule, mapping: SourceMapping) -> str:
    """Return SQL of the text that fills a column, over the delivered rows `delivered`."""
    if rule.constant is not None:
        return sql_text(rule.constant)
    text = f"delivered.{quote(rule.headers[0])}"
    nulls = ("", *mapping.nulls)
    if mapping.columns or mapping.nulls:
        text = f"trim({text})"
        text = f"case when {text} not in ({', '.join(map(sql_text, nulls))}) then {text} end"
    if rule.codes:
        cases = " ".join(
            f"when {sql_text(code)} then {'null' if name is None else sql_text(name)}"
            for code, name in rule.codes.items()
        )
        text = f"case {text} {cases} else {text} end"
    return text


def _conversion(column: Column, rule: ColumnRule) -> tuple[float, float]:
    """Return scale and offset from the delivered unit to the contract's."""
    if rule.unit is None:
        return 1.0, 0.0
    if column.unit is None:
        raise UserError(
            f"The mapping gives {column.name} the unit {rule.unit!r}, but it has no unit: "
            "remove it."
        )
    try:
        if not UNIT.fullmatch(rule.unit):
            raise ValueError(rule.unit)
        zero = UNITS.Quantity(0.0, rule.unit).to(column.unit).magnitude
        one = UNITS.Quantity(1.0, rule.unit).to(column.unit).magnitude
    except Exception as error:
        raise UserError(
            f"The mapping gives {column.name} the unit {rule.unit!r}, which cannot become "
            f"{column.unit}."
        ) from error
    return float(one - zero), float(zero)


def _project_coordinates(
    scratch: Scratch, typed: str, table: Table, mapping: SourceMapping
) -> None:
    """Replace coordinates in the mapping's system by longitude and latitude.

    Pairs that can be degrees are taken as such: no projected system has its plane there.
    """
    if mapping.crs is None:
        return
    names = {column.name for column in table.delivered}
    for x, y in COORDINATE_PAIRS:
        if x not in names:
            continue
        located = scratch.query(
            f"select _row_number, {x}, {y} from {typed} where abs({x}) > 180 or abs({y}) > 90"
        )
        longitude, latitude = to_wgs84(
            mapping.crs, located.column(x).to_numpy(), located.column(y).to_numpy()
        )
        scratch.register(
            "projected",
            pa.table({"at_row": located.column("_row_number"), "lon": longitude, "lat": latitude}),
        )
        scratch.execute(
            f"update {typed} set {x} = projected.lon, {y} = projected.lat "
            "from projected where _row_number = projected.at_row"
        )


def _take_from_shapes(
    scratch: Scratch,
    delivered: str,
    typed: str,
    table: Table,
    rules: dict[str, ColumnRule],
    shapes: ColumnRule,
    mapping: SourceMapping,
) -> tuple[str, ...]:
    """Fill what no header fills from the shapes; returns what is suspect."""
    text = source_text(shapes, mapping)
    fills = [c.name for c in table.delivered if c.name in MEASURES and c.name not in rules]
    unreadable = take_from_shapes(scratch, delivered, typed, table, text, fills, mapping.crs)
    if not unreadable or SHAPE in rules:  # then each of them is set aside
        return ()
    return (f"{shapes.headers[0]} holds no shape in {unreadable:,} rows, which have no place.",)

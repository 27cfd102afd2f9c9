"""Quality rules of the contracts: read from the Open Data Contract Standard, written as SQL.

A rule is written once, in `schemas/`, and evaluated at load, by dbt, by Great Expectations and by
any other reader of the standard. Conditions are SQL that every engine reads.
"""

import re
from collections.abc import Iterator

from open_data_contract_standard.model import DataQuality, SchemaObject, SchemaProperty

from la_pipeline_failure_predict.tables import NONE, Bound, Kind, Rule, Severity

Limit = int | float | str

# A table's own query that counts rows can be asked of a single row, so its rows can be set aside.
ROW_QUERY = re.compile(r"^select count\(\*\) from \{table\} where (.+)$", re.IGNORECASE | re.DOTALL)


def aggregate(rule: Rule) -> str:
    """Return a rule's figure as an expression to select from its table, beside other figures."""
    if rule.query:
        return f"({rule.query})"
    if rule.kind == "repeated":
        keys = ", ".join(f'"{name}"' for name in rule.columns)
        return (
            f"(select count(*) from (select 1 as one from {{table}} group by {keys} "
            "having count(*) > 1) as repeated)"
        )
    broken = f"count(case when {rule.condition} then 1 end)"
    if rule.is_share:
        return f"100 * cast({broken} as double precision) / nullif(count(*), 0)"
    return broken


def outside(bound: Bound) -> str:
    """Return SQL that holds where ``figure`` is outside a bound; false without a figure."""
    limits = []
    if bound.lower is not None:
        limits.append(f"figure {'<=' if bound.excludes_lower else '<'} {bound.lower:g}")
    if bound.upper is not None:
        limits.append(f"figure {'>=' if bound.excludes_upper else '>'} {bound.upper:g}")
    return f"coalesce({' or '.join(limits) or 'false'}, false)"


def column_rules(declared: SchemaProperty) -> Iterator[Rule]:
    """Yield the rules of a column: what the standard's own fields say, then its quality list."""
    name = str(declared.name)
    quoted = f'"{name}"'
    if declared.required:
        yield Rule(
            f"{name}_required", "required", "error", f"{name} is missing", name, f"{quoted} is null"
        )
    options = declared.logicalTypeOptions or {}
    if "minimum" in options or "maximum" in options:
        yield _range(name, options.get("minimum"), options.get("maximum"))
    if "pattern" in options:
        pattern = str(options["pattern"])
        reason = f"{name} is not written like {pattern}"
        yield Rule(f"{name}_pattern", "pattern", "error", reason, name, _pattern(name, pattern))
    if "maxLength" in options:
        longest = int(options["maxLength"])
        yield Rule(
            f"{name}_length",
            "length",
            "error",
            f"{name} is longer than {longest:,} characters",
            name,
            f"length({quoted}) > {longest}",
        )
    if options.get("format") == "wkt":
        yield Rule(f"{name}_wkt", "wkt", "error", f"{name} is not well-known text", name)
    for quality in declared.quality or []:
        yield _column_quality(name, quality)


def table_rules(declared: SchemaObject) -> Iterator[Rule]:
    """Yield the rules of a table as a whole, and of rows across columns."""
    for quality in declared.quality or []:
        name, severity, reason = _heading(quality)
        if quality.metric == "duplicateValues":
            columns = tuple(str(item) for item in (quality.arguments or {})["properties"])
            yield Rule(name, "repeated", severity, reason, bound=_bound(quality), columns=columns)
            continue
        query = " ".join(str(quality.query).split())
        row = ROW_QUERY.match(query)
        yield Rule(
            name,
            "row" if row else "sql",
            severity,
            reason,
            condition=row.group(1) if row else None,
            query=None if row else query,
            bound=_bound(quality),
        )


def _range(name: str, minimum: Limit | None, maximum: Limit | None) -> Rule:
    quoted, limits = f'"{name}"', []
    if minimum is not None:
        limits.append(f"{quoted} < {_literal(minimum)}")
    if maximum is not None:
        limits.append(f"{quoted} > {_literal(maximum)}")
    return Rule(
        f"{name}_range",
        "range",
        "error",
        f"{name} is outside {_span(minimum, maximum)}",
        name,
        " or ".join(limits),
    )


def _span(minimum: Limit | None, maximum: Limit | None) -> str:
    if minimum is None:
        return f"at most {maximum}"
    if maximum is None:
        return f"at least {minimum}"
    return f"{minimum} to {maximum}"


def _literal(limit: Limit) -> str:
    """Return a number, or the day that text spells, as SQL."""
    return f"date {_text(limit)}" if isinstance(limit, str) else repr(limit)


def _pattern(name: str, pattern: str) -> str:
    """Return SQL that holds where a column is not written like a pattern."""
    if not (pattern.startswith("^") and pattern.endswith("$")):
        raise ValueError(f"the pattern of {name} must be anchored with ^ and $, as engines differ")
    return f'not ("{name}" ~ {_text(pattern)})'


def _column_quality(name: str, quality: DataQuality) -> Rule:
    title, severity, reason = _heading(quality)
    arguments = quality.arguments or {}
    kind: Kind
    if quality.metric == "nullValues":
        kind, condition = "required", f'"{name}" is null'
    elif quality.metric == "invalidValues" and "validValues" in arguments:
        codes = ", ".join(_text(str(code)) for code in arguments["validValues"])
        kind, condition = "codes", f'"{name}" not in ({codes})'
    elif quality.metric == "invalidValues" and "pattern" in arguments:
        kind, condition = "pattern", _pattern(name, str(arguments["pattern"]))
    else:
        raise ValueError(f"{title}: la-pipes reads no metric {quality.metric} of a column")
    is_share = quality.unit == "percent"
    return Rule(
        title, kind, severity, reason, name, condition, bound=_bound(quality), is_share=is_share
    )


def _heading(quality: DataQuality) -> tuple[str, Severity, str]:
    severity: Severity = "warning" if quality.severity == "warning" else "error"
    return str(quality.name), severity, " ".join(str(quality.description).split())


def _bound(quality: DataQuality) -> Bound:
    if quality.mustBe is not None:
        return Bound(float(quality.mustBe), float(quality.mustBe))
    if quality.mustBeBetween:
        return Bound(float(quality.mustBeBetween[0]), float(quality.mustBeBetween[1]))
    if quality.mustBeLessThan is not None:
        return Bound(upper=float(quality.mustBeLessThan), excludes_upper=True)
    if quality.mustBeLessOrEqualTo is not None:
        return Bound(upper=float(quality.mustBeLessOrEqualTo))
    if quality.mustBeGreaterThan is not None:
        return Bound(lower=float(quality.mustBeGreaterThan), excludes_lower=True)
    if quality.mustBeGreaterOrEqualTo is not None:
        return Bound(lower=float(quality.mustBeGreaterOrEqualTo))
    return NONE


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

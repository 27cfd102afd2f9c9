"""Formulas of metrics as DAX, laid out to be read."""

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent

from la_pipeline_failure_predict.powerbi.metrics import (
    DAYS_IN_A_YEAR,
    Aggregate,
    Condition,
    Derived,
    Formula,
    LastYear,
    Metric,
    Ratio,
    Reference,
    Rolling,
    Value,
)
from la_pipeline_failure_predict.powerbi.names import Names, bracketed

FUNCTIONS = {
    "count_distinct": "DISTINCTCOUNTNOBLANK",
    "sum": "SUM",
    "average": "AVERAGE",
    "min": "MIN",
    "max": "MAX",
}
WIDTH = 80


def to_dax(metric: Metric, metrics: Mapping[str, Metric], names: Names) -> str:
    """Return the DAX of a metric; other metrics appear as their measures."""
    return _Writer(metrics, names).write(metric.formula)


@dataclass(frozen=True)
class _Writer:
    metrics: Mapping[str, Metric]
    names: Names

    def write(self, formula: Formula) -> str:
        match formula:
            case Aggregate():
                return self._aggregate(formula)
            case Reference():
                return bracketed(self.metrics[formula.metric].label)
            case Ratio():
                return _call(
                    "DIVIDE", self._part(formula.numerator), self._part(formula.denominator)
                )
            case Derived():
                return self._derived(formula)
            case LastYear():
                return self._last_year(formula.formula)
            case Rolling():
                return _call("CALCULATE", self._part(formula.formula), self._months(formula.months))

    def _part(self, formula: Formula) -> str:
        text = self.write(formula)
        return f"(\n{indent(text, INDENT)}\n)" if text.startswith("VAR ") else text

    def _aggregate(self, aggregate: Aggregate) -> str:
        if aggregate.aggregation == "count":
            text = _call("COUNTROWS", self.names.table(aggregate.view))
        else:
            column = self.names.column(aggregate.view, aggregate.column)
            text = _call(FUNCTIONS[aggregate.aggregation], column)
        if aggregate.conditions:
            # A filter that the reader set on the same column still applies, as it would in SQL.
            kept = (_call("KEEPFILTERS", self._condition(item)) for item in aggregate.conditions)
            text = _call("CALCULATE", text, *kept)
        return _call("COALESCE", text, "0") if aggregate.is_never_blank else text

    def _condition(self, condition: Condition) -> str:
        column = self.names.column(condition.view, condition.column)
        values = [_literal(value) for value in condition.values]
        if len(values) == 1:
            return f"{column} = {values[0]}"
        return f"{column} IN {{{', '.join(values)}}}"

    def _last_year(self, formula: Formula) -> str:
        days = _call("COUNTROWS", self.names.table(self.names.dates[0]))
        dates = _call("SAMEPERIODLASTYEAR", self.names.column(*self.names.dates))
        return _call(
            "IF", f"{days} <= {DAYS_IN_A_YEAR}", _call("CALCULATE", self._part(formula), dates)
        )

    def _months(self, months: int) -> str:
        dates = self.names.column(*self.names.dates)
        return _call("DATESINPERIOD", dates, _call("MAX", dates), f"-{months}", "MONTH")

    def _derived(self, derived: Derived) -> str:
        inputs = {name: self._part(formula) for name, formula in derived.inputs}
        if not set("+-") & set(derived.expression):
            return derived.written(inputs)
        # A sum takes a blank for zero; a metric of SQL is null then.
        variables = {name: f"_{name}" for name in inputs}
        lines = [f"VAR {variables[name]} = {text}" for name, text in inputs.items()]
        known = " && ".join(f"NOT ISBLANK({variable})" for variable in variables.values())
        result = _call("IF", known, derived.written(variables))
        return "\n".join([*lines, "RETURN", indent(result, INDENT)])


INDENT = " " * 4


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "TRUE()" if value else "FALSE()"
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return repr(value)


def _call(function: str, *arguments: str) -> str:
    flat = f"{function}({', '.join(arguments)})"
    if len(flat) <= WIDTH and "\n" not in flat:
        return flat
    listed = indent(",\n".join(arguments), INDENT)
    return f"{function}(\n{listed}\n)"

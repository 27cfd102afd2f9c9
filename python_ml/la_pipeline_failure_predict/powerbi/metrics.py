"""The measures that dbt declares as metrics, each as one small formula.

`dax` writes a formula as DAX and `metric_sql` as SQL. Only what both can express is read:
anything else that a metric holds is an error that names the metric.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from la_pipeline_failure_predict.errors import UserError

AGGREGATIONS = ("count", "count_distinct", "sum", "average", "min", "max")
DAYS_IN_A_YEAR = 366

Value = str | int | float | bool
Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Condition:
    """Keeps the rows of a view whose column is one of these values."""

    view: str
    column: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Aggregate:
    """An aggregate of a view's rows.

    Attributes
    ----------
    aggregation
        One of `AGGREGATIONS`; count counts rows, and `column` is then the key of the view.
    is_never_blank
        Whether it is zero where no row is left.
    """

    view: str
    aggregation: str
    column: str
    conditions: tuple[Condition, ...] = ()
    is_never_blank: bool = False


@dataclass(frozen=True)
class Reference:
    """Another metric, by its name."""

    metric: str


@dataclass(frozen=True)
class Ratio:
    """A quotient; blank where the denominator is zero."""

    numerator: "Formula"
    denominator: "Formula"


@dataclass(frozen=True)
class Derived:
    """Sums, differences and products of inputs; blank where one of the inputs is.

    Attributes
    ----------
    expression
        Numbers and names of inputs, joined by ``+ - *`` and parentheses.
    inputs
        Name in the expression and formula, in the order dbt has them.
    """

    expression: str
    inputs: tuple[tuple[str, "Formula"], ...]

    def written(self, names: Mapping[str, str]) -> str:
        """Return the expression with each input written as `names` says."""
        return re.sub(r"\b[A-Za-z_]\w*", lambda found: names[found.group()], self.expression)


@dataclass(frozen=True)
class LastYear:
    """A formula for the same period of the year before.

    Blank where the period is longer than a year, which would be compared with most of itself.
    """

    formula: "Formula"


@dataclass(frozen=True)
class Rolling:
    """A formula for the months that end with the last day of the period."""

    formula: "Formula"
    months: int


Formula = Aggregate | Reference | Ratio | Derived | LastYear | Rolling


@dataclass(frozen=True)
class Metric:
    """A metric that Power BI shows as a measure.

    Attributes
    ----------
    label
        Name of the measure.
    format
        Format string of Power BI.
    folder
        Display folder of the measure.
    view
        View whose table holds the measure: the first that its formula reads.
    """

    name: str
    label: str
    description: str
    format: str
    folder: str
    view: str
    formula: Formula


def read_metrics(manifest: Manifest) -> tuple[Metric, ...]:
    """Read the metrics that have `config.meta.powerbi`, ordered by name.

    A metric without it is no measure: it is written out in those that use it.

    Raises
    ------
    UserError
        If a metric holds what DAX and SQL cannot both express, lacks a format or reads a column
        that its model does not have, or if two have the same label.
    """
    reader = _Reader(manifest)
    formulas = {name: reader.formula(name) for name in sorted(reader.measured)}
    metrics = tuple(reader.metric(name, formulas) for name in formulas)
    labels: dict[str, str] = {}
    for metric in metrics:
        other = labels.setdefault(metric.label.lower(), metric.name)
        if other != metric.name:
            raise UserError(
                f"Metrics {other} and {metric.name} both have the label {metric.label!r}; "
                "give one of them another."
            )
    return metrics


def walk(formula: Formula, formulas: Mapping[str, Formula]) -> Iterator[Formula]:
    """Yield a formula and all that it is made of, through the metrics it refers to by name."""
    yield formula
    match formula:
        case Reference():
            parts: tuple[Formula, ...] = (formulas[formula.metric],)
        case Ratio():
            parts = (formula.numerator, formula.denominator)
        case Derived():
            parts = tuple(part for _, part in formula.inputs)
        case LastYear() | Rolling():
            parts = (formula.formula,)
        case Aggregate():
            parts = ()
    for part in parts:
        yield from walk(part, formulas)


class _Reader:
    """Reads formulas from the metrics and semantic models of a manifest."""

    def __init__(self, manifest: Manifest) -> None:
        self.declared = {metric["name"]: metric for metric in manifest["metrics"].values()}
        self.measured = {
            name for name, metric in self.declared.items() if _powerbi(metric) is not None
        }
        self.sources = {
            measure["name"]: (model, measure)
            for model in manifest["semantic_models"].values()
            for measure in model["measures"]
        }
        self.nodes = manifest["nodes"]
        self.simple = {
            self.formula(name): name
            for name in sorted(self.measured)
            if self.declared[name]["type"] == "simple"
        }

    def metric(self, name: str, formulas: Mapping[str, Formula]) -> Metric:
        """Return a metric as a measure."""
        declared, settings = self.declared[name], _powerbi(self.declared[name]) or {}
        if not declared["description"]:
            raise UserError(f"Metric {name} has no description: write one in its YAML.")
        if not settings.get("format"):
            raise UserError(f"Metric {name} has no format; add config.meta.powerbi.format.")
        parts = list(walk(formulas[name], formulas))
        for part in parts:
            if isinstance(part, LastYear) and any(
                isinstance(inner, LastYear) for inner in walk(part.formula, formulas)
            ):
                raise _unsupported(name, "the year before a year before")
        return Metric(
            name=name,
            label=declared["label"],
            description=declared["description"],
            format=settings["format"],
            folder=settings.get("folder", ""),
            view=next(part.view for part in parts if isinstance(part, Aggregate)),
            formula=formulas[name],
        )

    def formula(self, name: str) -> Formula:
        """Return the formula of a metric."""
        declared = self.declared[name]
        match declared["type"]:
            case "simple":
                return self._simple(declared)
            case "ratio":
                return self._ratio(declared)
            case "derived":
                return self._derived(declared)
            case "cumulative":
                return self._cumulative(declared)
            case other:
                raise _unsupported(name, f"the type {other}")

    def _simple(self, declared: Mapping[str, Any]) -> Aggregate:
        name, measure_input = declared["name"], declared["type_params"]["measure"]
        if measure_input["filter"] or measure_input["join_to_timespine"]:
            raise _unsupported(name, "a filter or join_to_timespine of a measure")
        if measure_input["fill_nulls_with"] not in (None, 0):
            raise _unsupported(name, "fill_nulls_with other than 0")
        model, measure = self.sources[measure_input["name"]]
        column = measure["expr"] or measure["name"]
        if measure["agg"] not in AGGREGATIONS or measure["non_additive_dimension"]:
            raise _unsupported(name, f"the aggregation {measure['agg']} as declared")
        if measure["agg"] == "count" and column != _key(model):
            raise UserError(
                f"Metric {name} counts {column}; count the key of {model['name']}, or filter."
            )
        self._require(name, model, column)
        return Aggregate(
            view=model["node_relation"]["alias"],
            aggregation=measure["agg"],
            column=column,
            conditions=tuple(self._conditions(declared, model)),
            is_never_blank=measure_input["fill_nulls_with"] == 0,
        )

    def _conditions(
        self, declared: Mapping[str, Any], model: Mapping[str, Any]
    ) -> Iterator[Condition]:
        name = declared["name"]
        dimensions = {
            f"{_entity(model)}__{dimension['name']}": dimension["expr"] or dimension["name"]
            for dimension in model["dimensions"]
        }
        for text in _filters(declared):
            for part in re.split(r"\s+and\s+", text.strip()):
                found = CONDITION.fullmatch(part.strip())
                if found is None or found["dimension"] not in dimensions:
                    raise UserError(
                        f"Metric {name} has the filter {part.strip()!r}; write it as "
                        "{{ Dimension('entity__dimension') }} = value, with a dimension of "
                        f"{model['name']}, and join several with and."
                    )
                column = dimensions[found["dimension"]]
                self._require(name, model, column)
                yield Condition(
                    model["node_relation"]["alias"], column, (_literal(found["value"]),)
                )

    def _require(self, name: str, model: Mapping[str, Any], column: str) -> None:
        node = self.nodes[model["depends_on"]["nodes"][0]]
        if column not in node["columns"]:
            raise UserError(
                f"Metric {name} reads the column {column}, which the model {node['name']} does not "
                "have; add it there, or change the metric or its semantic model."
            )

    def _ratio(self, declared: Mapping[str, Any]) -> Ratio:
        _refuse_filter(declared)
        parameters = declared["type_params"]
        return Ratio(
            self._input(declared["name"], parameters["numerator"]),
            self._input(declared["name"], parameters["denominator"]),
        )

    def _derived(self, declared: Mapping[str, Any]) -> Formula:
        _refuse_filter(declared)
        name, parameters = declared["name"], declared["type_params"]
        inputs = tuple(
            (item["alias"] or item["name"], self._input(name, item))
            for item in parameters["metrics"]
        )
        expression = str(parameters["expr"]).strip()
        _check_expression(name, expression, {alias for alias, _ in inputs})
        if len(inputs) == 1 and expression == inputs[0][0]:
            return inputs[0][1]
        return Derived(expression, inputs)

    def _cumulative(self, declared: Mapping[str, Any]) -> Rolling:
        name = declared["name"]
        parameters = declared["type_params"]["cumulative_type_params"] or {}
        window = parameters.get("window")
        if not window or window["granularity"] != "month" or parameters["grain_to_date"]:
            raise _unsupported(name, "a window that is not in months")
        if parameters["period_agg"] != "last":
            raise UserError(
                f"Metric {name} takes the {parameters['period_agg']} value of a longer period; "
                "Power BI shows the last: set period_agg to last."
            )
        aggregate = self._simple(declared)
        known = self.simple.get(aggregate)
        return Rolling(Reference(known) if known else aggregate, window["count"])

    def _input(self, name: str, item: Mapping[str, Any]) -> Formula:
        if item["filter"] or item["offset_to_grain"]:
            raise _unsupported(name, "a filter or offset_to_grain of an input")
        metric = item["name"]
        formula = Reference(metric) if metric in self.measured else self.formula(metric)
        if item["offset_window"] is None:
            return formula
        if item["offset_window"] != {"count": 1, "granularity": "year"}:
            raise _unsupported(name, "an offset_window other than 1 year")
        return LastYear(formula)


CONDITION = re.compile(
    r"\{\{\s*Dimension\(\s*(?P<quote>['\"])(?P<dimension>\w+)(?P=quote)\s*\)\s*\}\}"
    r"\s*=\s*(?P<value>true|false|-?\d+(\.\d+)?|'([^']|'')*')"
)


def _powerbi(metric: Mapping[str, Any]) -> Mapping[str, Any] | None:
    settings: Mapping[str, Any] | None = metric["config"]["meta"].get("powerbi")
    return settings


def _filters(declared: Mapping[str, Any]) -> list[str]:
    held = declared["filter"] or {"where_filters": []}
    return [item["where_sql_template"] for item in held["where_filters"]]


def _refuse_filter(declared: Mapping[str, Any]) -> None:
    if _filters(declared):
        raise _unsupported(declared["name"], f"a filter of a {declared['type']} metric")


def _primary(model: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((item for item in model["entities"] if item["type"] == "primary"), {})


def _entity(model: Mapping[str, Any]) -> str:
    return str(_primary(model).get("name") or model["primary_entity"])


def _key(model: Mapping[str, Any]) -> str | None:
    primary = _primary(model)
    return primary.get("expr") or primary.get("name")


def _literal(text: str) -> Value:
    if text in ("true", "false"):
        return text == "true"
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    return float(text) if "." in text else int(text)


def _check_expression(name: str, expression: str, inputs: set[str]) -> None:
    """Refuse an expression that is not of numbers, inputs, ``+ - *`` and parentheses."""
    allowed = (ast.Expression, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Load)
    try:
        parts = list(ast.walk(ast.parse(expression, mode="eval")))
    except SyntaxError:
        parts = [ast.Pass()]
    for part in parts:
        is_number = isinstance(part, ast.Constant) and type(part.value) in (int, float)
        is_input = isinstance(part, ast.Name) and part.id in inputs
        if not (is_number or is_input or isinstance(part, allowed)):
            raise UserError(
                f"Metric {name} has the expression {expression!r}; use its inputs, numbers, + - * "
                "and parentheses, and a ratio metric to divide."
            )


def _unsupported(name: str, what: str) -> UserError:
    return UserError(
        f"Metric {name} uses {what}, which is not written for Power BI; declare it another way."
    )

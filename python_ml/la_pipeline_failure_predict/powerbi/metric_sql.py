"""Formulas of metrics as SQL over the views, with the filters that Power BI would apply.

A filter or grouping by a table reaches the rows of every table from which a chain of many-to-one
relationships leads to it. The SQL runs on DuckDB and on Postgres.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import indent

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi import SCHEMA
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
from la_pipeline_failure_predict.powerbi.model import SemanticModel
from la_pipeline_failure_predict.powerbi.names import Names
from la_pipeline_failure_predict.warehouse.base import sql_text

FUNCTIONS = {
    "count": "nullif(count(*){kept}, 0)",
    "count_distinct": "nullif(count(distinct {column}){kept}, 0)",
    "sum": "sum({column}){kept}",
    "average": "avg({column}){kept}",
    "min": "min({column}){kept}",
    "max": "max({column}){kept}",
}
INDENT = " " * 4

ViewColumn = tuple[str, str]


@dataclass(frozen=True)
class Join:
    """A many-to-one relationship between two views."""

    view: str
    column: str
    to_view: str
    to_column: str


@dataclass(frozen=True)
class Star:
    """The views that a query may read, and what joins them.

    Attributes
    ----------
    dates
        View and column of the days of the date table.
    """

    joins: tuple[Join, ...]
    dates: ViewColumn
    schema: str = SCHEMA

    @classmethod
    def of(cls, model: SemanticModel) -> "Star":
        """Return the views of a model, joined by its relationships."""

        def source(table: str, column: str) -> ViewColumn:
            held = model.by_name[table]
            return held.view, next(c.source for c in held.columns if c.name == column)

        joins = tuple(
            Join(*source(r.from_table, r.from_column), *source(r.to_table, r.to_column))
            for r in model.relationships
        )
        return cls(joins, Names.of(model.tables).dates)

    def path(self, view: str, to_view: str) -> tuple[Join, ...] | None:
        """Return the shortest chain of relationships to a view, None where there is none."""
        paths: dict[str, tuple[Join, ...]] = {view: ()}
        reached = [view]
        for near in reached:
            for join in self.joins:
                if join.view == near and join.to_view not in paths:
                    paths[join.to_view] = (*paths[near], join)
                    reached.append(join.to_view)
        return paths.get(to_view)


def metric_table(
    names: Sequence[str],
    metrics: Mapping[str, Metric],
    star: Star,
    group_by: Sequence[ViewColumn] = (),
    filters: Sequence[Condition] = (),
) -> str:
    """Return a query for metrics by columns of views.

    It has one row for each combination that has a figure, or one row where nothing is grouped by.
    Columns are named as in their view (``view_column`` where two are alike), then like the metrics;
    figures are double precision. A filter on a view that no relationship leads to has no effect, as
    in Power BI. Without metrics, the rows are the combinations that occur.

    Raises
    ------
    UserError
        If no relationship leads from the rows of a metric to a column they are grouped by.
    """
    query = _Query(metrics, star, tuple(group_by), tuple(filters))
    return query.figures(names) if names else query.combinations()


@dataclass(frozen=True)
class _Scan:
    """One pass over a view: in the period asked for, the year before it, months to its end."""

    view: str = ""
    is_last_year: bool = False
    months: int = 0

    @property
    def is_moved(self) -> bool:
        """Whether rows count in another period than their own."""
        return self.is_last_year or self.months > 0

    @property
    def name(self) -> str:
        window = f"_{self.months}_months" if self.months else ""
        return f"{self.view}{window}{'_last_year' if self.is_last_year else ''}"


@dataclass
class _Query:
    metrics: Mapping[str, Metric]
    star: Star
    group_by: tuple[ViewColumn, ...]
    filters: tuple[Condition, ...]
    scans: dict[_Scan, dict[Aggregate, str]] = field(default_factory=dict)

    def figures(self, names: Sequence[str]) -> str:
        formulas = {name: self._formula(Reference(name), _Scan()) for name in names}
        keys = [f"key_{number}" for number, _ in enumerate(self.group_by, start=1)]
        figures = [figure for held in self.scans.values() for figure in held.values()]
        steps = {"periods": self._periods()} if any(scan.is_moved for scan in self.scans) else {}
        steps |= {scan.name: self._scan(scan) for scan in self.scans}
        if len(self.scans) > 1:
            steps["stacked"] = "\nunion all\n".join(
                _select([*keys, *_stacked(figures, held.values())], f"from {scan.name}")
                for scan, held in self.scans.items()
            )
            steps["combined"] = _select(
                [*keys, *(f"max({figure}) as {figure}" for figure in figures)],
                "from stacked",
                _group_by(keys),
            )
        columns = [
            *(f"{key} as {name}" for key, name in zip(keys, self._headings(), strict=True)),
            *(f"{text} as {name}" for name, text in formulas.items()),
        ]
        steps["final"] = _select(columns, f"from {list(steps)[-1]}")
        known = " or ".join(f"{name} is not null" for name in names)
        return _with(steps, f"where {known}" if keys else "", _order_by(keys))

    def combinations(self) -> str:
        """Return a query for the combinations of columns in the view that leads to all of them."""
        views = [view for view, _ in self.group_by]
        base = next((view for view in views if all(map(self._leads(view), views))), None)
        if base is None:
            raise UserError(
                f"Columns of {' and '.join(dict.fromkeys(views))} are used together without a "
                "measure, and no relationship leads from one of these to the others."
            )
        columns = [
            f"{view}.{column} as {name}"
            for (view, column), name in zip(self.group_by, self._headings(), strict=True)
        ]
        final = _select(columns, *self._rows(_Scan(base)), _group_by(columns))
        return _with({"final": final}, "", _order_by(columns))

    def _formula(self, formula: Formula, scan: _Scan) -> str:
        match formula:
            case Aggregate():
                held = self.scans.setdefault(replace(scan, view=formula.view), {})
                count = sum(len(figures) for figures in self.scans.values())
                figure = held.setdefault(formula, f"figure_{count + 1}")
                return f"coalesce({figure}, 0)" if formula.is_never_blank else figure
            case Reference():
                return self._formula(self.metrics[formula.metric].formula, scan)
            case Ratio():
                denominator = self._formula(formula.denominator, scan)
                return f"({self._formula(formula.numerator, scan)}) / nullif({denominator}, 0)"
            case Derived():
                return formula.written(
                    {name: f"({self._formula(part, scan)})" for name, part in formula.inputs}
                )
            case LastYear():
                return self._formula(formula.formula, replace(scan, is_last_year=True))
            case Rolling():
                return self._formula(formula.formula, replace(scan, months=formula.months))

    def _scan(self, scan: _Scan) -> str:
        for view, _ in self.group_by:
            if not self._leads(scan.view)(view):
                raise UserError(
                    f"Figures of {scan.view} cannot be broken down by {view}: no relationship "
                    "leads from one to the other."
                )
        keys = [
            f"{self._name_of(view, scan)}.{column} as key_{number}"
            for number, (view, column) in enumerate(self.group_by, start=1)
        ]
        figures = [f"{_aggregate(item)} as {name}" for item, name in self.scans[scan].items()]
        return _select([*keys, *figures], *self._rows(scan), _group_by(keys))

    def _rows(self, scan: _Scan) -> Iterator[str]:
        """Yield the clauses for a view with the views that group and filter it."""
        dates, _ = self.star.dates
        filters = [item for item in self.filters if self._leads(scan.view)(item.view)]
        if scan.months:
            # The periods were filtered.
            filters = [item for item in filters if item.view != dates]
        views = [*(view for view, _ in self.group_by), *(item.view for item in filters)]
        moved = self._path_to_dates(scan.view) if scan.is_moved else ()
        steps = [
            step
            for view in views
            if not (scan.is_moved and view == dates)
            for step in self.star.path(scan.view, view) or ()
        ]
        yield f"from {self._relation(scan.view)}"
        for step in dict.fromkeys([*steps, *moved[:-1]]):
            key = f"{step.view}.{step.column} = {step.to_view}.{step.to_column}"
            yield f"left join {self._relation(step.to_view)}\n{INDENT}on {key}"
        if moved:
            yield from self._moved(scan, f"{moved[-1].view}.{moved[-1].column}")
        yield _where(filters)

    def _path_to_dates(self, view: str) -> tuple[Join, ...]:
        path = self.star.path(view, self.star.dates[0])
        if not path:
            raise UserError(
                f"A metric of {view} looks back in time, but no relationship leads from there to "
                f"{self.star.dates[0]}."
            )
        return path

    def _moved(self, scan: _Scan, happened_on: str) -> Iterator[str]:
        """Yield the joins of rows to the days and periods they count in."""
        dates, day = self.star.dates
        conditions = [f"periods.day_count <= {DAYS_IN_A_YEAR}"] if scan.is_last_year else []
        if scan.is_last_year:
            # The 29th of February counts on the 28th: whole months stay whole.
            happened_on = f"cast({happened_on} + interval '1 year' as date)"
        if scan.months:
            first = f"periods.last_on + interval '1 day' - interval '{scan.months} months'"
            conditions += [
                f"{happened_on} >= cast({first} as date)",
                f"{happened_on} <= periods.last_on",
            ]
        else:
            yield f"inner join {self._relation(dates)}\n{INDENT}on {happened_on} = {dates}.{day}"
            conditions += [f"{dates}.{name} = periods.{name}" for name in self._period_columns()]
        listed = f"\n{INDENT * 2}and ".join(conditions)
        yield f"inner join periods\n{INDENT}on\n{INDENT * 2}{listed}"

    def _period_columns(self) -> list[str]:
        return [column for view, column in self.group_by if view == self.star.dates[0]]

    def _periods(self) -> str:
        """Return the last day and the number of days of each period."""
        dates, day = self.star.dates
        columns = [f"{dates}.{column}" for column in self._period_columns()]
        return _select(
            [*columns, f"max({dates}.{day}) as last_on", "count(*) as day_count"],
            f"from {self._relation(dates)}",
            _where(item for item in self.filters if item.view == dates),
            _group_by(columns),
        )

    def _leads(self, view: str) -> Callable[[str], bool]:
        return lambda to_view: self.star.path(view, to_view) is not None

    def _relation(self, view: str) -> str:
        return f"{self.star.schema}.{view}"

    def _name_of(self, view: str, scan: _Scan) -> str:
        return "periods" if scan.months and view == self.star.dates[0] else view

    def _headings(self) -> list[str]:
        count = Counter(column for _, column in self.group_by)
        return [c if count[c] == 1 else f"{view}_{c}" for view, c in self.group_by]


def _aggregate(aggregate: Aggregate) -> str:
    kept = " and ".join(map(_condition, aggregate.conditions))
    text = FUNCTIONS[aggregate.aggregation].format(
        column=f"{aggregate.view}.{aggregate.column}",
        kept=f" filter (where {kept})" if kept else "",
    )
    return f"cast({text} as double precision)"


def _condition(condition: Condition) -> str:
    column = f"{condition.view}.{condition.column}"
    values = [_literal(value) for value in condition.values]
    return f"{column} = {values[0]}" if len(values) == 1 else f"{column} in ({', '.join(values)})"


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return sql_text(value) if isinstance(value, str) else repr(value)


def _stacked(figures: Iterable[str], held: Iterable[str]) -> Iterator[str]:
    """Yield the figures of all scans as one of them has them."""
    known = set(held)
    for figure in figures:
        yield figure if figure in known else f"cast(null as double precision) as {figure}"


def _select(columns: Sequence[str], *clauses: str) -> str:
    listed = indent(",\n".join(columns), INDENT)
    return "\n".join(["select", listed, *(clause for clause in clauses if clause)])


def _where(conditions: Iterable[Condition]) -> str:
    kept = f"\n{INDENT}and ".join(map(_condition, conditions))
    return f"where {kept}" if kept else ""


def _group_by(keys: Sequence[str]) -> str:
    return f"group by {', '.join(str(n) for n, _ in enumerate(keys, start=1))}" if keys else ""


def _order_by(keys: Sequence[str]) -> str:
    listed = ", ".join(f"{number} nulls last" for number, _ in enumerate(keys, start=1))
    return f"order by {listed}" if keys else ""


def _with(steps: Mapping[str, str], *clauses: str) -> str:
    """Return steps as common table expressions, and all rows of the last one."""
    written = ",\n\n".join(
        f"{name} as (\n{indent(text, INDENT)}\n)" for name, text in steps.items()
    )
    last = list(steps)[-1]
    return "\n".join([f"with {written}\n", f"select * from {last}", *filter(None, clauses)]) + "\n"

"""What the visuals of a page show: rows of the warehouse, by the query that Power BI would ask."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.metric_sql import ViewColumn, metric_table
from la_pipeline_failure_predict.powerbi.metrics import Condition
from la_pipeline_failure_predict.powerbi.preview.number_format import BLANK, shown
from la_pipeline_failure_predict.powerbi.report import Field, Filter, Page, Visual
from la_pipeline_failure_predict.powerbi.specification import Specification
from la_pipeline_failure_predict.warehouse import Warehouse

# More points than a map of Power BI takes, and more rows than a table has room for.
MOST_ROWS, MOST_TABLE_ROWS = 30_000, 40
# Of several levels, these show the first until a reader drills down.
LEVELS = ("Category", "Rows", "Columns")
# Not seen until a reader points at something.
UNSEEN = ("Tooltips",)
EXAMPLE_COUNT = """
    select example, count(*) as row_count
    from (
    {query}) as asked (example)
    group by example
"""
EXAMPLE = """
select example
from ({counts}) as counted
group by example
order by count(*) desc, sum(row_count) desc, example
limit 1
"""


@dataclass(frozen=True)
class Rows:
    """Rows of a visual.

    Attributes
    ----------
    values
        Values by field, in the order of the rows.
    orders
        What the values of a column are ordered by, row by row.
    formats
        Format string by field.
    totals
        Of a matrix: the same figures by its rows alone, by its columns alone, and of everything.
    """

    values: Mapping[Field, Sequence[Any]]
    orders: Mapping[Field, Sequence[Any]]
    formats: Mapping[Field, str]
    totals: tuple["Rows", ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.values.values()), ()))

    @property
    def has_data(self) -> bool:
        """Whether there is a row with something in it."""
        return any(value is not None for values in self.values.values() for value in values)

    def distinct(self, column: Field) -> list[Any]:
        """Return the values of a column in their own order, blank last."""
        keys = dict(zip(self.values[column], self.orders[column], strict=True))
        known = (value for value in keys if keys[value] is not None)
        unknown = [value for value in keys if keys[value] is None]
        return sorted(known, key=keys.__getitem__) + unknown

    def figures(self, measure: Field, *columns: Field) -> dict[tuple[Any, ...], Any]:
        """Return a measure by the values of columns."""
        keys = zip(*(self.values[column] for column in columns), strict=True)
        return dict(zip(keys if columns else ((),), self.values[measure], strict=True))

    def numbers(self, of: Field) -> np.ndarray:
        """Return figures, not a number where they are blank."""
        return np.array(self.values[of], dtype=float)

    def text(self, of: Field, value: object) -> str:
        """Return a value as a table shows it."""
        return shown(value, self.formats[of])

    def name(self, of: Field, value: object) -> str:
        """Return a value as an axis or a legend names it."""
        return BLANK if value is None else self.text(of, value)


def read_page(warehouse: Warehouse, specification: Specification, page: Page) -> dict[str, Rows]:
    """Return the rows of each visual with fields but slicers, by its key.

    Raises
    ------
    UserError
        If no relationship leads from what a visual counts to what it is counted by.
    """
    reader = _Reader(warehouse, specification, tuple(_conditions(page.filters)))
    if page.drillthrough:
        example = reader.example(page.drillthrough, page.visuals)
        reader = replace(reader, filters=(*reader.filters, *example))
    rows = {}
    for visual in page.visuals:
        if visual.roles and visual.kind != "slicer":
            try:
                rows[visual.key] = reader.rows(visual)
            except UserError as error:
                raise UserError(f"Visual {visual.title} on page {page.name}: {error}") from None
    return rows


@dataclass(frozen=True)
class _Reader:
    """Reads rows of a page, which has filters of its own."""

    warehouse: Warehouse
    specification: Specification
    filters: tuple[Condition, ...]

    def rows(self, visual: Visual) -> Rows:
        """Return the rows of a visual, with the totals of a matrix."""
        fields = _seen(visual)
        rows = self._query(visual, fields)
        if visual.kind != "pivotTable":
            return rows
        totals = (
            self._query(visual, [one for one in fields if one.is_measure or one in kept])
            for kept in (_seen(visual, ["Rows"]), _seen(visual, ["Columns"]), [])
        )
        return replace(rows, totals=tuple(totals))

    def example(self, entrance: Field, visuals: Iterable[Visual]) -> Iterator[Condition]:
        """Yield a filter for the value that most visuals have rows of, and then most rows."""
        key = (entrance.view, entrance.source)
        counts = []
        for visual in visuals:
            columns = [(one.view, one.source) for one in _seen(visual) if not one.is_measure]
            if columns:
                keys = list(dict.fromkeys([key, *columns]))
                query = metric_table([], {}, self.specification.star, keys, self.filters)
                counts.append(EXAMPLE_COUNT.format(query=query))
        found = self.warehouse.scalar(EXAMPLE.format(counts="\nunion all\n".join(counts)))
        if isinstance(found, str | int | float):
            yield Condition(*key, (found,))

    def _query(self, visual: Visual, fields: Iterable[Field]) -> Rows:
        columns = [one for one in fields if not one.is_measure]
        measures = [one for one in fields if one.is_measure]
        order_keys = [self._order_key(one) for one in columns]
        if visual.sort and not visual.sort.field.is_measure:
            order_keys.insert(0, self._order_key(visual.sort.field))
        elif visual.sort and visual.sort.field not in measures:
            measures.append(visual.sort.field)
        keys = list(dict.fromkeys([*((one.view, one.source) for one in columns), *order_keys]))
        places = {key: place for place, key in enumerate([*keys, *measures], start=1)}
        query = metric_table(
            [one.source for one in measures],
            self.specification.metrics,
            self.specification.star,
            keys,
            [*self.filters, *_conditions(visual.filters)],
        )
        answer = self.warehouse.query(_limited(query, visual, places, order_keys))
        found = {key: answer.column(place - 1).to_pylist() for key, place in places.items()}
        return Rows(
            values={one: found[(one.view, one.source)] for one in columns}
            | {one: found[one] for one in measures},
            orders={one: found[self._order_key(one)] for one in columns},
            formats={one: self._format(one) for one in [*columns, *measures]},
        )

    def _order_key(self, one: Field) -> ViewColumn:
        """Return the column that orders the values of a column."""
        table = self.specification.model.by_name[one.table]
        column = table.column(one.name)
        order = table.column(column.sort_by) if column and column.sort_by else None
        return (one.view, order.source if order else one.source)

    def _format(self, one: Field) -> str:
        table = self.specification.model.by_name[one.table]
        held = table.measures if one.is_measure else table.columns
        return next(item.format for item in held if item.name == one.name)


def _seen(visual: Visual, roles: Iterable[str] = ()) -> list[Field]:
    """Return the fields that are seen, each once; those of all roles where none is named."""
    fields = (
        one
        for role in roles or visual.roles
        if role not in UNSEEN
        for one in visual.roles.get(role, ())[: 1 if role in LEVELS else None]
    )
    return list(dict.fromkeys(fields))


def _conditions(filters: Iterable[Filter]) -> Iterator[Condition]:
    for rule in filters:
        yield Condition(rule.field.view, rule.field.source, rule.values)


def _limited(
    query: str, visual: Visual, places: Mapping[Any, int], order_keys: Iterable[ViewColumn]
) -> str:
    """Return the first rows of a query, in the order of the visual."""
    order = []
    if visual.sort:
        first = visual.sort.field if visual.sort.field.is_measure else next(iter(order_keys))
        direction = "desc" if visual.sort.is_descending else "asc"
        order.append(f"{places[first]} {direction} nulls last")
    if size := visual.roles.get("Size"):
        order.append(f"{places[size[0]]} desc nulls last")
    order += [f"{places[key]} nulls last" for key in order_keys]
    listed = f"\norder by {', '.join(order)}" if order else ""
    limit = MOST_TABLE_ROWS if visual.kind == "tableEx" else MOST_ROWS
    return f"select * from (\n{query}) as asked{listed}\nlimit {limit}"

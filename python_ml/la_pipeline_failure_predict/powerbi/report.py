"""What a report is made of: pages of visuals, whose fields are columns and measures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """A column or measure as a visual uses it.

    Attributes
    ----------
    table, name
        Names in Power BI.
    is_measure
        Whether it is a measure; else a column.
    view, source
        View and column it is imported from; of a measure, the view of its table and the metric.
    """

    table: str
    name: str
    is_measure: bool
    view: str
    source: str


@dataclass(frozen=True)
class Filter:
    """A filter that keeps rows whose column is one of these values."""

    field: Field
    values: tuple[str | int | float | bool, ...]


@dataclass(frozen=True)
class Sort:
    """Order of a visual's rows."""

    field: Field
    is_descending: bool = False


@dataclass(frozen=True)
class Visual:
    """A visual of a page.

    Attributes
    ----------
    key
        Unique within the report; its name in the files is made from it.
    kind
        Type of the visual in Power BI, such as lineChart, cardVisual, slicer, tableEx, pivotTable,
        azureMap, scatterChart; or, without fields, textbox, which shows its title, and
        actionButton, which leads back from a page of drill-through.
    roles
        Fields by data role, such as Category, Y and Series.
    x, y, width, height
        Place on the page, pixels.
    """

    key: str
    kind: str
    title: str
    x: int
    y: int
    width: int
    height: int
    roles: Mapping[str, tuple[Field, ...]]
    filters: tuple[Filter, ...] = ()
    sort: Sort | None = None


@dataclass(frozen=True)
class Page:
    """A page of a report.

    Attributes
    ----------
    drillthrough
        Column by which other pages lead here; such a page is hidden from the tabs.
    """

    key: str
    name: str
    visuals: tuple[Visual, ...]
    filters: tuple[Filter, ...] = ()
    drillthrough: Field | None = None
    width: int = 1280
    height: int = 720


@dataclass(frozen=True)
class Report:
    """A report on the semantic model; one dbt exposure."""

    name: str
    label: str
    description: str
    pages: tuple[Page, ...]

    def fields(self) -> Iterator[Field]:
        """Yield every field that the report uses, as often as it uses it."""
        for page in self.pages:
            yield from (rule.field for rule in page.filters)
            if page.drillthrough:
                yield page.drillthrough
            for visual in page.visuals:
                for fields in visual.roles.values():
                    yield from fields
                yield from (rule.field for rule in visual.filters)
                if visual.sort:
                    yield visual.sort.field

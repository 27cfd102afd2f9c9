"""What a semantic model is made of, by the names that a reader sees in Power BI.

The same objects are made from dbt's manifest, written as TMDL, and read back from TMDL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    source
        Column of the view it is imported from.
    data_type
        Type in Power BI: string, int64, double, decimal, boolean or dateTime.
    format
        Format string; empty for text and booleans.
    category
        Data category, such as Latitude; empty for most.
    sort_by
        Name of the column of the same table that it is sorted by; None where by itself.
    """

    name: str
    source: str
    data_type: str
    description: str
    format: str = ""
    folder: str = ""
    category: str = ""
    sort_by: str | None = None
    is_hidden: bool = False
    is_key: bool = False


@dataclass(frozen=True)
class Measure:
    """A measure: a dbt metric as DAX.

    Attributes
    ----------
    metric
        Name of the dbt metric.
    expression
        DAX, one or more lines.
    """

    name: str
    metric: str
    expression: str
    description: str
    format: str
    folder: str = ""


@dataclass(frozen=True)
class Hierarchy:
    """A path to drill down; each level is a column of the same table, and named like it."""

    name: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table of the model, imported from one view.

    Attributes
    ----------
    view
        Name of the view in the schema `powerbi`.
    source
        Expression of its partition, in M; what `specification` makes is the same for every table
        but for the view and the types.
    standalone
        Why no relationship leads to or from it; empty for a table of the star.
    """

    name: str
    view: str
    description: str
    columns: tuple[Column, ...]
    source: str
    measures: tuple[Measure, ...] = ()
    hierarchies: tuple[Hierarchy, ...] = ()
    is_date_table: bool = False
    is_hidden: bool = False
    standalone: str = ""

    def column(self, name: str) -> Column | None:
        """Return the column of this name in Power BI, None where there is none."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True)
class Relationship:
    """A many-to-one relationship: `from` is the side of the many."""

    from_table: str
    from_column: str
    to_table: str
    to_column: str


@dataclass(frozen=True)
class Role:
    """Who may see which rows; `filters` holds the DAX of each table that is filtered."""

    name: str
    description: str
    filters: Mapping[str, str]


@dataclass(frozen=True)
class Parameter:
    """What a user types when the model is opened.

    Attributes
    ----------
    choices
        What may be typed, where it is a list.
    """

    name: str
    value: str
    description: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class SemanticModel:
    """A semantic model; tables in the order a reader sees them."""

    name: str
    description: str
    tables: tuple[Table, ...]
    relationships: tuple[Relationship, ...] = ()
    roles: tuple[Role, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    by_name: Mapping[str, Table] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {table.name: table for table in self.tables})

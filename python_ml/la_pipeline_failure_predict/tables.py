"""Tables as their contracts declare them: columns, and the rules that their rows must hold."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

Severity = Literal["error", "warning"]
Kind = Literal["required", "range", "pattern", "codes", "length", "wkt", "repeated", "row", "sql"]


@dataclass(frozen=True)
class Bound:
    """What a rule's figure must be: at least `lower`, at most `upper`; None where open."""

    lower: float | None = None
    upper: float | None = None
    excludes_lower: bool = False
    excludes_upper: bool = False

    def holds(self, figure: float | None) -> bool:
        """Whether a figure is within; no figure, for lack of rows, is."""
        if figure is None:
            return True
        above = self.lower is None or (
            figure > self.lower if self.excludes_lower else figure >= self.lower
        )
        below = self.upper is None or (
            figure < self.upper if self.excludes_upper else figure <= self.upper
        )
        return above and below

    def __str__(self) -> str:
        """Say the bound in words."""
        if self.lower is not None and self.lower == self.upper:
            return f"{self.lower:g}"
        words = []
        if self.lower is not None:
            words.append(f"{'over' if self.excludes_lower else 'at least'} {self.lower:g}")
        if self.upper is not None:
            words.append(f"{'under' if self.excludes_upper else 'at most'} {self.upper:g}")
        return " and ".join(words)


NONE = Bound(0, 0)


@dataclass(frozen=True)
class Rule:
    """One rule of a table.

    Attributes
    ----------
    name
        Unique within the table.
    column
        Column it is about; None for a rule of the table.
    reason
        What a broken row is told, with the fix where there is one.
    condition
        SQL that holds in a row that breaks the rule, over the table's bare column names; None for
        a rule about the table as a whole, and for well-known text, which SQL cannot judge.
    query
        SQL that gives the rule's figure of ``{table}``; None for a rule of single rows.
    bound
        What the figure, or the number (with `is_share` the percentage) of broken rows, must be.
    columns
        Columns of a repeated key.
    """

    name: str
    kind: Kind
    severity: Severity
    reason: str
    column: str | None = None
    condition: str | None = None
    query: str | None = None
    bound: Bound = NONE
    is_share: bool = False
    columns: tuple[str, ...] = ()

    @property
    def is_hard(self) -> bool:
        """Whether a row that breaks it is set aside at load."""
        return self.severity == "error" and self.kind != "sql" and self.bound == NONE

    @property
    def refuses_delivery(self) -> bool:
        """Whether a delivery that breaks it is refused as a whole."""
        return self.severity == "error" and not self.is_hard


@dataclass(frozen=True)
class Spellings:
    """The code list of a column.

    Attributes
    ----------
    seed
        CSV file whose first column has the spellings that are known.
    otherwise
        What a spelling that is not in it is taken for.
    """

    seed: Path
    otherwise: str


@dataclass(frozen=True)
class Reference:
    """The table and column in which the values of a column are looked up."""

    table: str
    column: str


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    sql_type
        ANSI name of the type, the same on every engine, such as ``double precision``.
    unit
        Unit of the values, in words that pint reads; None for a plain number or text.
    aliases
        Other headers that deliveries use for the column.
    spellings
        The code list that its values are looked up in.
    references
        Where the thing that its values name is.
    derived_from
        Columns of which an identifier is made where a delivery has none.
    """

    name: str
    sql_type: str
    description: str
    required: bool = False
    key_position: int = 0
    unit: str | None = None
    aliases: tuple[str, ...] = ()
    spellings: Spellings | None = None
    references: Reference | None = None
    derived_from: tuple[str, ...] = ()

    @property
    def is_identifier(self) -> bool:
        """Whether its values name things, and so are compared with those of other files."""
        return self.name.endswith("_id") and self.sql_type == "text"

    @property
    def is_lineage(self) -> bool:
        """Whether the loader writes the column, rather than the delivery."""
        return self.name.startswith("_")


@dataclass(frozen=True)
class Table:
    """One table that Python writes and dbt reads as a source.

    Attributes
    ----------
    rules
        What its rows must hold, column by column, then across columns and rows.
    late_after_days
        Days after which a delivery of a landing table is late; None where it never is.
    """

    name: str
    schema: str
    provider: str
    description: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    late_after_days: int | None = None

    @cached_property
    def delivered(self) -> tuple[Column, ...]:
        """Columns that come from the delivery."""
        return tuple(column for column in self.columns if not column.is_lineage)

    def column(self, name: str) -> Column:
        """Return a column by name."""
        return next(column for column in self.columns if column.name == name)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Names of the primary-key columns, in order."""
        keyed = [column for column in self.columns if column.key_position]
        return tuple(c.name for c in sorted(keyed, key=lambda column: column.key_position))

    @cached_property
    def is_landing(self) -> bool:
        """Whether deliveries are loaded into it."""
        return any(column.is_lineage for column in self.columns)

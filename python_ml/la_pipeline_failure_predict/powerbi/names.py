"""What views and their columns are called in Power BI, and how DAX writes the names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.model import Table


def written(table: str, name: str) -> str:
    """Return a column or measure of a table as DAX writes it."""
    return written_table(table) + bracketed(name)


def written_table(name: str) -> str:
    """Return a table as DAX writes it."""
    return "'" + name.replace("'", "''") + "'"


def bracketed(name: str) -> str:
    """Return a column or measure without its table, as DAX writes it."""
    return "[" + name.replace("]", "]]") + "]"


@dataclass(frozen=True)
class Names:
    """What views and their columns are called in Power BI.

    Attributes
    ----------
    tables
        Name of the table of each view.
    columns
        Name of each column, by view and source column.
    dates
        View and column of the days of the date table.
    """

    tables: Mapping[str, str]
    columns: Mapping[tuple[str, str], str]
    dates: tuple[str, str]

    @classmethod
    def of(cls, tables: Sequence[Table]) -> "Names":
        """Return the names that the tables of a model have.

        Raises
        ------
        UserError
            If none of them is the date table.
        """
        dates = [
            (table.view, column.source)
            for table in tables
            for column in table.columns
            if table.is_date_table and column.is_key
        ]
        if not dates:
            raise UserError("No table is the date table; set date_table in the meta of its model.")
        return cls(
            tables={table.view: table.name for table in tables},
            columns={
                (table.view, column.source): column.name
                for table in tables
                for column in table.columns
            },
            dates=dates[0],
        )

    def table(self, view: str) -> str:
        """Return the table of a view, quoted."""
        return written_table(self.tables[view])

    def column(self, view: str, column: str) -> str:
        """Return a column with its table."""
        return written(self.tables[view], self.columns[view, column])

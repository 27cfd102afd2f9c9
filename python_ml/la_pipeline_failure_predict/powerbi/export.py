"""The views that Power BI imports, as files: for people who have no server, only DuckDB."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from pyarrow import csv, parquet

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi import SCHEMA
from la_pipeline_failure_predict.powerbi.warehouse_views import read_view_types
from la_pipeline_failure_predict.spreadsheets import without_formulas
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.base import ARROW_TYPES, quote


@dataclass(frozen=True)
class ExportedView:
    """A view that was written: its rows, and one file for each format."""

    name: str
    rows: int
    files: tuple[Path, ...]


@dataclass(frozen=True)
class View:
    """A view and the Arrow types of its columns, in order."""

    name: str
    schema: pa.Schema

    @property
    def query(self) -> str:
        """All rows, sorted: the same rows give the same file."""
        columns = ", ".join(quote(field.name) for field in self.schema)
        # Numbers with decimals last, so that they decide only if all else is equal.
        keys = sorted(self.schema, key=lambda field: pa.types.is_floating(field.type))
        return f"select {columns} from {SCHEMA}.{quote(self.name)} order by " + ", ".join(
            quote(field.name) + (' collate "C"' if pa.types.is_string(field.type) else "")
            for field in keys
        )


@dataclass(frozen=True)
class Format:
    """How rows become a file; `open` takes its path and schema."""

    open: Callable[[Path, pa.Schema], parquet.ParquetWriter | csv.CSVWriter]
    prepare: Callable[[pa.RecordBatch], pa.RecordBatch] = lambda batch: batch


FORMATS: Mapping[str, Format] = {
    "parquet": Format(parquet.ParquetWriter),
    # Texts in double quotes, nulls without. People open it with a double click.
    "csv": Format(csv.CSVWriter, without_formulas),
}


def export_views(
    warehouse: Warehouse,
    folder: Path,
    formats: Sequence[str] = tuple(FORMATS),
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> list[ExportedView]:
    """Write every view of the schema `powerbi` to a folder, a file for each view and format.

    The files are moved into place when all of them are written; until then, and after an error,
    older ones stay. Other files in the folder also stay.

    Parameters
    ----------
    formats
        Names of `FORMATS`, which are the files' extensions too.
    progress
        Told views done, views in all and the view under way.

    Raises
    ------
    UserError
        If there are no views, a format is not known, a column has a type that no file can hold, or
        the folder cannot be written.
    """
    _check_formats(formats)
    views = read_views(warehouse)
    _refuse_what_is_no_file([folder / f"{view.name}.{name}" for view in views for name in formats])
    exported = []
    with _all_or_nothing(folder) as staging:
        for number, view in enumerate(views):
            progress(number, len(views), view.name)
            files = {name: staging / f"{view.name}.{name}" for name in formats}
            rows = _write(warehouse, view, files)
            places = tuple(folder / file.name for file in files.values())
            exported.append(ExportedView(view.name, rows, places))
    return exported


def read_views(warehouse: Warehouse) -> list[View]:
    """Return the views of the schema `powerbi` by name, with their columns in order.

    Raises
    ------
    UserError
        If there are none, or a column has a type that marts do not use.
    """
    return [
        View(name, pa.schema([_field(name, *column) for column in types.items()]))
        for name, types in read_view_types(warehouse).items()
    ]


def _field(view: str, column: str, data_type: str) -> pa.Field:
    if data_type not in ARROW_TYPES:
        raise UserError(
            f"Column {column} of the view {SCHEMA}.{view} has the type {data_type}, which cannot "
            f"be exported: cast it in the model to one of {', '.join(ARROW_TYPES)}."
        )
    return pa.field(column, ARROW_TYPES[data_type])


def _write(warehouse: Warehouse, view: View, files: Mapping[str, Path]) -> int:
    """Write the rows of a view to a file in each format, in one pass; returns how many."""
    rows = 0
    with ExitStack() as open_files:
        writers = {
            name: open_files.enter_context(FORMATS[name].open(file, view.schema))
            for name, file in files.items()
        }
        for batch in warehouse.stream(view.query):
            typed = batch.cast(view.schema)
            for name, writer in writers.items():
                writer.write_batch(FORMATS[name].prepare(typed))
            rows += typed.num_rows
    return rows


def _check_formats(formats: Sequence[str]) -> None:
    for name in formats:
        if name not in FORMATS:
            raise UserError(f"Unknown format {name!r}: choose {' or '.join(FORMATS)}.")


def _refuse_what_is_no_file(places: Sequence[Path]) -> None:
    for place in places:
        if place.is_symlink() or (place.exists() and not place.is_file()):
            raise UserError(f"{place} is not a regular file: move it away, or name another folder.")


@contextmanager
def _all_or_nothing(folder: Path) -> Iterator[Path]:
    """Yield a folder whose files move to their places when all went well."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Inside the folder, because a file moves at once only within a file system.
        with TemporaryDirectory(dir=folder, prefix=".export-") as staging:
            yield Path(staging)
            for file in sorted(Path(staging).iterdir()):
                file.replace(folder / file.name)
    except OSError as error:
        raise UserError(
            f"Cannot write the export to {folder} ({error.strerror or error}): name a folder that "
            "can be written and has space."
        ) from error

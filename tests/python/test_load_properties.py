"""Whatever a file holds: load answers with a sentence, loses no row, and is the same twice."""

import csv
import io
import math
import os
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cities import ROOT
from la_pipeline_failure_predict.contracts.reader import read_tables
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.load import Loaded, load_files
from la_pipeline_failure_predict.rejects import RejectLimit
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.duckdb_engine import DuckDBWarehouse
from la_pipeline_failure_predict.warehouse.postgres_engine import PostgresWarehouse

TABLES = read_tables(ROOT)
HEADERS = ("pipe_id", "length_m", "material", "diameter_mm", "installed_on", "install_year")
NUMBERS = ("length_m", "diameter_mm", "install_year")
TEXTS = ("pipe_id", "material")

settings.register_profile(
    "load",
    derandomize=bool(os.environ.get("CI")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
FEW = settings(settings.get_profile("load"), max_examples=25)
MANY = settings(settings.get_profile("load"), max_examples=100)

ALL = RejectLimit(100, is_share=True)

# Of a lone surrogate there is no UTF-8.
letters = st.characters(exclude_categories=["Cs"])
anything = st.text(letters, max_size=12)
NUMBERLIKE = ("1", "007", "5.5", "-3", "1e3", "1_0", "NaN", "inf", "0")
DATELIKE = ("1950", "1950-02-29", "2020-02-29", "2020-02-29T01:02:03.5Z", "epoch")
AWKWARD = ("", " ", "\t", "a,b", 'a"b', "a\nb", "a\r\nb", "\0", ";")
likely = st.sampled_from((*NUMBERLIKE, *DATELIKE, *AWKWARD))
cells = likely | anything
# What most cells of a real file hold, so that some of the rows are accepted.
usual = {
    "pipe_id": st.integers(1, 30).map(str),
    "length_m": st.sampled_from(["5", "12.5", " 7 ", "1e2"]),
    "material": st.sampled_from(["CI", 'say "DI"', "a,b", "l\nm", " steel "]),
    "diameter_mm": st.sampled_from(["150", "", "6000"]),
    "installed_on": st.sampled_from(["1950-05-06", "1950", "", "1999-12-31 23:59:59"]),
    "install_year": st.sampled_from(["1950", "1950.0", ""]),
}
good_row = st.fixed_dictionaries(usual)
extra_headers = st.lists(
    st.sampled_from(["remark", "Remark", "_malformed", "_row_number", "", "x.y", 'quo"te', "Ünï"]),
    max_size=3,
)
headers = st.builds(
    lambda known, more: [*known, *more],
    st.permutations(HEADERS).map(lambda names: [n for n in names if n in TEXTS or n == "length_m"]),
    extra_headers,
).flatmap(st.permutations) | st.permutations(HEADERS)


def row_of(names: list[str]) -> st.SearchStrategy[list[str]]:
    """Draw a row: a good one in which a cell or two hold something else."""
    strange = st.dictionaries(st.sampled_from(range(len(names))), cells, max_size=2)
    return st.builds(
        lambda good, odd: [odd.get(at, good.get(name, "x")) for at, name in enumerate(names)],
        good_row,
        st.just({}) | strange,
    )


def written(row: list[str]) -> str:
    """Write a row as a line of CSV, without its end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(row)
    return line.getvalue()


@st.composite
def well_formed(draw: st.DrawFn) -> tuple[list[str], list[list[str]], str]:
    """Draw a header, rows of its width, and the file's text as a CSV writer writes it."""
    names = draw(headers)
    rows = draw(st.lists(row_of(names), max_size=8))
    lines = io.StringIO()
    writer = csv.writer(
        lines,
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )
    writer.writerow(names)
    writer.writerows(rows)
    return names, rows, lines.getvalue()


@st.composite
def mangled(draw: st.DrawFn) -> str:
    """Draw a header and lines of any kind: ragged, empty, with quotes anywhere."""
    names = draw(headers)
    good = row_of(names).map(written)
    line = good | good | st.lists(cells, max_size=len(names) + 2).map(",".join) | anything
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    header = io.StringIO()
    csv.writer(header, lineterminator=end).writerow(names)
    return header.getvalue() + end.join(draw(st.lists(line, max_size=8)))


KINDS = (
    (pa.string(), anything),
    (pa.float64(), st.floats()),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.bool_(), st.booleans()),
    (pa.date32(), st.dates()),
    (pa.timestamp("us"), st.datetimes()),
    (pa.timestamp("us", tz="UTC"), st.datetimes()),
    (pa.binary(), st.binary(max_size=5)),
    (pa.list_(pa.string()), st.lists(anything, max_size=2)),
    (pa.struct([("a", pa.int32())]), st.fixed_dictionaries({"a": st.integers(0, 9)})),
)
USUAL_KINDS = {
    "pipe_id": (pa.int64(), st.integers(1, 30)),
    "length_m": (pa.float64(), st.floats(0, 1000)),
    "installed_on": (pa.timestamp("us"), st.datetimes(datetime(1900, 1, 1), datetime(2000, 1, 1))),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Draw a table whose columns are of the kinds that Parquet has."""
    count = draw(st.integers(1, 6))
    columns = {}
    for name in draw(headers):
        kind, values = draw(st.sampled_from(KINDS))
        if name in USUAL_KINDS and draw(st.integers(0, 3)):
            kind, values = USUAL_KINDS[name]
        drawn = draw(st.lists(st.none() | values, min_size=count, max_size=count))
        columns[name or "unnamed"] = pa.array(drawn, kind)
    return pa.table(columns)


class Loader:
    """Loads one file after another into one warehouse."""

    def __init__(self, warehouse: Warehouse, folder: Path) -> None:
        self.warehouse, self.folder, self.count = warehouse, folder, 0

    def __call__(self, suffix: str, write: Callable[[Path], object]) -> tuple[Loaded | None, Path]:
        """Load a new file; None where it is refused with a sentence."""
        self.count += 1
        path = self.folder / f"file-{self.count}{suffix}"
        write(path)
        return self.again(path), path

    def again(self, path: Path) -> Loaded | None:
        """Load a file; None where it is refused with a sentence that says why."""
        try:
            (loaded,) = load_files(self.warehouse, "pipes", [path], None, ALL)
        except UserError as error:
            refusal = str(error)
        else:
            return loaded
        assert refusal.strip()
        assert "cannot be read as pipes" not in refusal  # what is said of a fault nobody foresaw
        return None

    def rows(self, path: Path) -> list[dict]:
        """Return the landed rows of a file, in its order."""
        return self.warehouse.query(
            "select pipes.* from raw.pipes as pipes "
            "inner join raw.loads as loads on pipes._load_id = loads.load_id "
            "where loads.source_file = $1 order by pipes._row_number",
            (path.name,),
        ).to_pylist()

    def counts(self) -> list[dict]:
        return self.warehouse.query(
            "select (select count(*) from raw.pipes) as loaded, "
            "(select count(*) from raw.quarantine) as faults, "
            "(select sum(rows_in_file) from raw.loads) as given, "
            "(select sum(rows_loaded + rows_quarantined) from raw.loads) as accounted, "
            "(select count(*) from raw.loads) as loads"
        ).to_pylist()


@pytest.fixture(scope="module")
def duckdb_loader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loader]:
    """A loader into a DuckDB of its own."""
    with DuckDBWarehouse(":memory:") as warehouse:
        warehouse.declare(lambda: TABLES).create_declared()
        yield Loader(warehouse, tmp_path_factory.mktemp("properties-duckdb"))


@pytest.fixture(scope="module")
def postgres_loader(
    make_city: Callable, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Loader]:
    """A loader into a Postgres database of its own."""
    with make_city("postgres").connect() as warehouse:
        assert isinstance(warehouse, PostgresWarehouse)
        warehouse.declare(lambda: TABLES).create_declared()
        yield Loader(warehouse, tmp_path_factory.mktemp("properties-postgres"))


def csv_rows(text: str) -> list[list[str]] | None:
    """Return the rows that Python's reader finds, without the header; None where it cannot."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error:
        return None
    return rows[1:]


def check(loader: Loader, text: str) -> tuple[Loaded | None, Path]:
    """Load a text and assert what holds of any: nothing lost, and twice is once."""
    before = loader.counts()
    loaded, path = loader(".csv", lambda path: path.write_bytes(text.encode()))
    after = loader.counts()
    if loaded is None:
        assert after == before
        return loaded, path
    assert loaded.rows_in_file == loaded.rows_loaded + loaded.rows_quarantined
    assert after[0]["given"] == after[0]["accounted"]
    rows = csv_rows(text)
    if rows is not None:
        assert loaded.rows_in_file == len(rows)
    again = loader.again(path)
    assert again is not None
    assert again.was_loaded_before
    assert (again.rows_in_file, again.rows_loaded) == (loaded.rows_in_file, loaded.rows_loaded)
    assert loader.counts() == after
    return loaded, path


def check_values(loader: Loader, names: list[str], rows: list[list[str]], path: Path) -> None:
    """Assert that accepted values are what Python makes of the cells."""
    given = [dict(zip(names, row, strict=True)) for row in rows if any(row) or len(row) > 1]
    for loaded in loader.rows(path):
        cells = given[loaded["_row_number"] - 1]
        for name in TEXTS:
            is_wrapped = name == "pipe_id" and cells[name].strip()[:1] in ("'", "=")
            assert is_wrapped or loaded[name] == (cells[name] or None)
        for name in NUMBERS:
            if name in cells and loaded[name] is not None:
                assert math.isclose(loaded[name], float(cells[name]), rel_tol=1e-12)
        day = loaded["installed_on"]
        if day is not None:
            cell = cells["installed_on"].strip()
            assert day == (
                date(int(cell), 1, 1) if cell.isdigit() else date.fromisoformat(cell[:10])
            )


@MANY
@given(well_formed())
def test_a_written_table_is_loaded_as_it_is(duckdb_loader: Loader, table: tuple) -> None:
    names, rows, text = table
    loaded, path = check(duckdb_loader, text)
    if loaded is not None and not loaded.was_loaded_before:
        check_values(duckdb_loader, names, rows, path)


@MANY
@given(mangled())
def test_lines_of_any_kind_are_accounted_for(duckdb_loader: Loader, text: str) -> None:
    check(duckdb_loader, text)


@MANY
@given(tables())
def test_parquet_of_any_kind_is_accounted_for(duckdb_loader: Loader, table: pa.Table) -> None:
    loaded, path = duckdb_loader(".parquet", lambda path: pq.write_table(table, path))
    if loaded is not None:
        assert loaded.rows_in_file == table.num_rows
        assert loaded.rows_in_file == loaded.rows_loaded + loaded.rows_quarantined
        again = duckdb_loader.again(path)
        assert again is not None
        assert again.was_loaded_before


@FEW
@given(well_formed())
def test_postgres_takes_a_written_table_too(postgres_loader: Loader, table: tuple) -> None:
    names, rows, text = table
    loaded, path = check(postgres_loader, text)
    if loaded is not None and not loaded.was_loaded_before:
        check_values(postgres_loader, names, rows, path)


@FEW
@given(mangled())
def test_postgres_accounts_for_lines_of_any_kind(postgres_loader: Loader, text: str) -> None:
    check(postgres_loader, text)

"""Views as Parquet and CSV: the same rows, typed, whole or not at all."""

import csv
import os
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from benchmarks.import_rates import import_rates
from cities import City
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.export import ExportedView, export_views
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.base import ARROW_TYPES

READERS: dict[pa.DataType, Callable[[str], object]] = {
    pa.string(): str,
    pa.int32(): int,
    pa.int64(): int,
    pa.float64(): float,
    pa.bool_(): {"true": True, "false": False}.__getitem__,
    pa.date32(): date.fromisoformat,
    pa.timestamp("us"): datetime.fromisoformat,
}


def read_csv(file: Path, schema: pa.Schema) -> list[dict]:
    """Read a CSV file as Power BI does, by the types of the view; empty is null."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [
            {
                name: READERS[schema.field(name).type](text) if text else None
                for name, text in row.items()
            }
            for row in csv.DictReader(lines)
        ]


def write_view(warehouse: Warehouse, select: str, name: str = "shown") -> None:
    warehouse.execute("create schema if not exists powerbi")
    warehouse.execute(f"drop view if exists powerbi.{name}")
    warehouse.execute(f"create view powerbi.{name} as {select}")


@pytest.fixture
def warehouse(empty_city: City) -> Iterator[Warehouse]:
    """An empty warehouse of each engine."""
    with empty_city.connect() as opened:
        yield opened


def test_sample_has_the_same_rows_in_both_formats_and_engines(
    sample_cities: dict[str, City], tmp_path: Path
) -> None:
    exported: dict[str, list[ExportedView]] = {}
    for engine, city in sample_cities.items():
        with city.connect() as warehouse:
            exported[engine] = export_views(warehouse, tmp_path / engine)
            for view in exported[engine]:
                (count,) = warehouse.query(f"select count(*) from powerbi.{view.name}").column(0)
                schema = parquet.read_schema(view.files[0])
                listed = parquet.read_table(view.files[0]).to_pylist()
                assert [file.suffix for file in view.files] == [".parquet", ".csv"]
                assert len(listed) == view.rows == count.as_py(), view.name
                blank_is_null = [
                    {name: None if value == "" else value for name, value in row.items()}
                    for row in listed
                ]
                assert read_csv(view.files[1], schema) == blank_is_null, view.name

    names = {engine: [view.name for view in views] for engine, views in exported.items()}
    assert names["duckdb"] == names["postgres"] == sorted(names["duckdb"])
    assert len(names["duckdb"]) >= 13
    for one, other in zip(exported["duckdb"], exported["postgres"], strict=True):
        assert parquet.read_schema(one.files[0]) == parquet.read_schema(other.files[0]), one.name
        if one.name != "data_quality":  # what was checked when is each city's own
            assert one.rows == other.rows, one.name


def test_same_rows_in_another_order_give_the_same_bytes(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.execute("create schema if not exists powerbi")
    for order in "asc", "desc":
        warehouse.execute("drop table if exists powerbi.shown")
        warehouse.execute(
            f"""
            create table powerbi.shown as
            select names.name, cast(shares.share as double precision) as share
            from (values ('a'), ('B'), ('ä'), ('Z'), ('_'), (null)) as names (name)
            cross join (values (0.1), (0.2), (null)) as shares (share)
            order by names.name {order}, shares.share {order}
            """
        )
        export_views(warehouse, tmp_path / order)
    for file in (tmp_path / "asc").iterdir():
        assert file.read_bytes() == (tmp_path / "desc" / file.name).read_bytes(), file.name
    lines = (tmp_path / "asc" / "shown.csv").read_text().splitlines()
    assert [line[1] for line in lines[1:16:3]] == ["B", "Z", "_", "a", "ä"], "sorted by bytes"


def test_every_type_and_awkward_text_arrives(warehouse: Warehouse, tmp_path: Path) -> None:
    write_view(
        warehouse,
        """
        select
            cast('Straße "A", Süd' || chr(10) || '2. Zeile' as text) as street_name,
            cast(2147483647 as integer) as install_year,
            cast(9007199254740993 as bigint) as break_count,
            cast(0.1 as double precision) as length_m,
            true as is_in_record,
            cast('1931-07-01' as date) as broke_on,
            cast('2024-03-10 02:30:00.000001' as timestamp) as checked_at
        union all
        select null, null, null, null, null, null, null
        """,
    )
    (view,) = export_views(warehouse, tmp_path)
    wanted = {
        "street_name": 'Straße "A", Süd\n2. Zeile',
        "install_year": 2147483647,
        "break_count": 9007199254740993,
        "length_m": 0.1,
        "is_in_record": True,
        "broke_on": date(1931, 7, 1),
        "checked_at": datetime(2024, 3, 10, 2, 30, 0, 1),
    }
    rows = parquet.read_table(view.files[0])
    assert dict(zip(rows.schema.names, rows.schema.types, strict=True)) == {
        name: ARROW_TYPES[kind] for name, kind in zip(wanted, ARROW_TYPES, strict=True)
    }
    assert rows.to_pylist() == [wanted, dict.fromkeys(wanted)]
    assert read_csv(view.files[1], rows.schema) == [wanted, dict.fromkeys(wanted)]
    assert view.files[1].read_bytes().startswith(b'"street_name","install_year"')


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "@SUM(1+1)", "+1+1", "-2+3", "\t=1+1"])
def test_csv_runs_no_formula(warehouse: Warehouse, tmp_path: Path, text: str) -> None:
    write_view(warehouse, f"select cast('{text.replace(chr(39), chr(39) * 2)}' as text) as pipe_id")
    (view,) = export_views(warehouse, tmp_path)
    assert parquet.read_table(view.files[0]).to_pylist() == [{"pipe_id": text}]
    with view.files[1].open(newline="") as lines:
        assert list(csv.DictReader(lines)) == [{"pipe_id": f"'{text}"}]


def test_a_view_without_rows_has_its_columns(warehouse: Warehouse, tmp_path: Path) -> None:
    write_view(warehouse, "select cast('x' as text) as pipe_id, 1 as row_count where 1 = 0")
    (view,) = export_views(warehouse, tmp_path)
    assert view.rows == 0
    assert parquet.read_table(view.files[0]).schema.names == ["pipe_id", "row_count"]
    assert view.files[1].read_text() == '"pipe_id","row_count"\n'


def test_an_empty_city_exports_every_view(empty_city: City, tmp_path: Path) -> None:
    models_alone = "+marts.powerbi,resource_type:model +marts.powerbi,resource_type:seed"
    built = empty_city.la_pipes("build", "--select", models_alone)
    assert built.exit_code == 0, built.output
    with empty_city.connect() as warehouse:
        exported = {view.name: view for view in export_views(warehouse, tmp_path)}
    assert exported["pipe_risk"].rows == 0
    for view in exported.values():
        schema = parquet.read_schema(view.files[0])
        with view.files[1].open(newline="") as lines:
            assert next(csv.reader(lines)) == schema.names, view.name


def test_a_failed_export_leaves_all_old_files(empty_city: City, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with empty_city.connect() as warehouse:
        write_view(warehouse, "select 1 as old", "first")
        write_view(warehouse, "select 1 as old", "second")
        export_views(warehouse, tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert len(before) == 5

    with empty_city.connect() as warehouse:
        write_view(warehouse, "select 2 as new", "first")
        # Fails when it is read, after the first is written.
        write_view(warehouse, "select cast(9e9 + random() as integer) as new", "second")
        with pytest.raises(Exception, match=r"(?i)range|overflow"):
            export_views(warehouse, tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before

    with empty_city.connect() as warehouse:
        write_view(warehouse, "select 3 as new", "second")
        export_views(warehouse, tmp_path)
    assert (tmp_path / "first.csv").read_text() == '"new"\n2\n'
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert {file.name for file in tmp_path.iterdir()} == set(before)


def test_chosen_format_and_progress(warehouse: Warehouse, tmp_path: Path) -> None:
    write_view(warehouse, "select 1 as id", "second")
    write_view(warehouse, "select 1 as id", "first")
    told: list[tuple[int, int, str]] = []
    exported = export_views(
        warehouse, tmp_path, ["csv"], lambda done, total, what: told.append((done, total, what))
    )
    assert [view.files for view in exported] == [
        (tmp_path / "first.csv",),
        (tmp_path / "second.csv",),
    ]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["first.csv", "second.csv"]
    assert told == [(0, 2, "first"), (1, 2, "second")]


def test_wrong_use_is_reported_in_a_sentence(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no Power BI views .* run la-pipes run"):
        export_views(warehouse, tmp_path / "none")
    assert not (tmp_path / "none").exists()

    write_view(warehouse, "select 1 as id")
    with pytest.raises(UserError, match="'xlsx': choose parquet or csv"):
        export_views(warehouse, tmp_path, ["xlsx"])
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match=r"Cannot write the export to .*file"):
        export_views(warehouse, tmp_path / "file")
    os.mkfifo(tmp_path / "shown.csv")
    with pytest.raises(UserError, match=r"shown\.csv is not a regular file"):
        export_views(warehouse, tmp_path)
    assert (tmp_path / "shown.csv").is_fifo()

    write_view(warehouse, "select cast(1 as numeric(9, 2)) as length_m")
    with pytest.raises(UserError, match=r"length_m of the view powerbi\.shown has the type"):
        export_views(warehouse, tmp_path / "new")


def test_the_benchmark_reads_every_row(warehouse: Warehouse) -> None:
    write_view(warehouse, "select 1 as id union all select 2", "numbers")
    write_view(warehouse, "select 1 as id where 1 = 0", "nothing")
    assert [(one.view, one.rows) for one in import_rates(warehouse, rounds=2)] == [
        ("nothing", 0),
        ("numbers", 2),
    ]

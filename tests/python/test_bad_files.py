"""Small bad files: what the user is told, and that rows in the file = loaded + quarantined.

A delivery that is refused leaves the warehouse exactly as it was.
"""

import gzip
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from bad_files import (
    NOT_A_NUMBER,
    NOTHING,
    Case,
    archive,
    beside,
    bomb,
    folder,
    grid,
    mains,
    parquet,
    row_counts,
    run_case,
    setting,
    swap_places,
    text,
    wide,
)
from cities import ENGINES, City

HUGE = 10_000_000
GERMAN = 'pipes: {decimal: ",", thousands: "."}'
INJECTION = "'); drop table raw.pipes; --"
LAID = "pipe_id,length_m,installed_on"
SIZED = "pipe_id,length_m,diameter_mm"


def dated(order: str) -> str:
    """Return a mapping that names an order of day, month and year."""
    return f'pipes: {{columns: {{installed_on: {{from: laid, formats: ["{order}"]}}}}}}'


THREE_DATES = mains(
    "1,5,31/12/1990", "2,5,12/31/1990", "3,5,1990/12/31", header="pipe_id,length_m,laid"
)

SMALL = [
    # Numbers
    Case(
        "feet-for-meters",
        "pipes",
        grid(setting(1, 363.8)),
        loaded=20,
        says="warning: Length over the distance between both ends, in the median; feet",
    ),
    Case(
        "nan-and-infinity",
        "pipes",
        mains("1,NaN,CI", "2,inf,CI", "3,-Infinity,CI", "4,4,CI"),
        loaded=1,
        faults=((1, "length_m", "type"), (2, "length_m", "type"), (3, "length_m", "type")),
    ),
    Case(
        "too-large-a-number",
        "pipes",
        mains("1,1e400,CI", "2,1e9,CI", "3,1e2,CI"),
        loaded=1,
        faults=((1, "length_m", "type"), (2, "length_m", "range")),
        holds=("select length_m from {load}", 100.0),
    ),
    Case(
        "percent-signs",
        "pipes",
        mains("1,5%,CI", "2,5,CI"),
        loaded=1,
        faults=((1, "length_m", "type"),),
    ),
    Case(
        "units-in-the-cell",
        "pipes",
        mains("1,5 m,CI", "2,5,DI"),
        loaded=1,
        faults=((1, "length_m", "type"),),
    ),
    Case(
        "underscore-for-a-point",
        "pipes",
        mains("1,1_5,CI", "2,15,CI"),
        loaded=1,
        faults=((1, "length_m", "type"),),
    ),
    Case(
        "german-numbers",
        "pipes",
        mains("1;1.234,5;CI", "2;5;CI", header="pipe_id;length_m;material"),
        loaded=2,
        mapping=GERMAN,
        holds=("select max(length_m) from {load}", 1234.5),
    ),
    Case(
        "true-and-false",
        "pipes",
        mains("1,5,true", "2,6,1", header="pipe_id,length_m,critical_customer_count"),
        loaded=1,
        faults=((1, "critical_customer_count", "type"),),
    ),
    Case(
        "half-a-customer",
        "pipes",
        mains("1,5,0.5", "2,6,1.0", header="pipe_id,length_m,critical_customer_count"),
        loaded=1,
        faults=((1, "critical_customer_count", "type"),),
    ),
    Case(
        "not-available",
        "pipes",
        mains("1,5,N/A", "2,6,100", header=SIZED),
        loaded=1,
        faults=((1, "diameter_mm", "type"),),
    ),
    Case(
        "not-available-named",
        "pipes",
        mains("1,5,N/A", "2,7,100", header=SIZED),
        loaded=2,
        mapping="pipes: {nulls: [N/A]}",
    ),
    # Dates
    Case(
        "day-month-year",
        "pipes",
        THREE_DATES,
        loaded=1,
        faults=((2, "installed_on", "type"), (3, "installed_on", "type")),
        mapping=dated("%d/%m/%Y"),
    ),
    Case(
        "month-day-year",
        "pipes",
        THREE_DATES,
        loaded=1,
        faults=((1, "installed_on", "type"), (3, "installed_on", "type")),
        mapping=dated("%m/%d/%Y"),
    ),
    Case(
        "year-month-day",
        "pipes",
        THREE_DATES,
        loaded=1,
        faults=((1, "installed_on", "type"), (2, "installed_on", "type")),
        mapping=dated("%Y/%m/%d"),
    ),
    Case(
        "days-that-are-none",
        "pipes",
        mains("1,5,2019-02-29", "2,5,2019-13-01", "3,5,0000-01-01", "4,5,2020-02-29", header=LAID),
        loaded=1,
        faults=(
            (1, "installed_on", "type"),
            (2, "installed_on", "type"),
            (3, "installed_on", "range"),
        ),
    ),
    Case(
        "words-for-days",
        "pipes",
        mains("1,5,epoch", "2,5,infinity", "3,5,today", "4,5,unknown", "5,5,1950", header=LAID),
        loaded=1,
        faults=tuple((row, "installed_on", "type") for row in (1, 2, 3, 4)),
    ),
    Case(
        "days-as-excel-counts-them",
        "pipes",
        mains("1,5,43831", "2,5,18264", header=LAID),
        says="installed_on is not a date; it looks like a day number of Excel: name formats: "
        "[excel] in the mapping (for example '18264')",
    ),
    Case(
        "moments",
        "pipes",
        mains("1,5,2020-06-30T23:59:59.999-08:00", "2,5,2020-06-30 01:00+02", header=LAID),
        loaded=2,
        holds=(
            "select cast(min(installed_on) as text) || cast(max(installed_on) as text) from {load}",
            "2020-06-302020-06-30",
        ),
    ),
    Case(
        "taken-out-before-laid",
        "pipes",
        mains(
            "1,5,1990-01-01,1980-01-01",
            "2,5,1990-01-01,2000-01-01",
            header=f"{LAID},decommissioned_on",
        ),
        loaded=1,
        faults=((1, "", "decommissioned_before_installed"),),
    ),
    # Text
    Case(
        "emoji",
        "pipes",
        mains("\N{POTABLE WATER SYMBOL}1,5,Straße \N{PIG NOSE}"),
        loaded=1,
        holds=(
            "select pipe_id || material from {load}",
            "\N{POTABLE WATER SYMBOL}1Straße \N{PIG NOSE}",
        ),
    ),
    Case(
        "nul",
        "pipes",
        mains("1\0,5,CI", "2,5\0,CI", "3,5,C\0I", "4,5,DI"),
        loaded=1,
        faults=((1, "pipe_id", "type"), (2, "length_m", "type"), (3, "material", "type")),
    ),
    Case(
        "nul-where-none-looks",
        "pipes",
        mains("1,5,\0", "2,x,\0", header="pipe_id,length_m,remark"),
        loaded=1,
        faults=((2, "length_m", "type"),),
    ),
    Case(
        "sql-in-a-name",
        "pipes",
        mains(f'1,5,"{INJECTION}"'),
        loaded=1,
        holds=("select material from {load}", INJECTION),
    ),
    Case(
        "sql-in-a-header",
        "pipes",
        mains("1,5,x", header=f'pipe_id,length_m,"""{INJECTION}"'),
        loaded=1,
    ),
    Case(
        "formula",
        "pipes",
        mains("=1+1,5,CI"),
        loaded=1,
        holds=("select pipe_id from {load}", "=1+1"),
    ),
    Case(
        "leading-zeros",
        "pipes",
        mains("007,5,CI", "7,5,CI"),
        loaded=2,
        holds=("select min(pipe_id) from {load}", "007"),
    ),
    Case(
        "blank-ids",
        "pipes",
        mains("  ,5,CI", "\t,5,CI", "\N{NO-BREAK SPACE},5,CI", "4,5,CI"),
        loaded=1,
        faults=tuple((row, "pipe_id", "required") for row in (1, 2, 3)),
    ),
    Case(
        "huge-name",
        "pipes",
        mains(f"1,5,{'x' * HUGE}", "2,5,CI"),
        loaded=1,
        faults=((1, "material", "length"),),
    ),
    Case(
        "huge-remark",
        "pipes",
        mains(f"1,5,{'x' * HUGE}", "2,y,z", header="pipe_id,length_m,remark"),
        loaded=1,
        faults=((2, "length_m", "type"),),
    ),
    Case(
        "huge-shape",
        "areas",
        text(f'area_id,geometry_wkt\n1,"LINESTRING({"1.5 2.5," * (HUGE // 8 - 5)}3 4)"\n'),
        loaded=1,
        holds=("select length(geometry_wkt) from {load}", 12 + 8 * (HUGE // 8 - 5) + 3),
    ),
    Case(
        "longer-than-any-line",
        "pipes",
        mains(f"1,5,{'x' * 21_000_000}", "2,5,CI"),
        loaded=1,
        faults=((1, "", "shape"), (1, "pipe_id", "length"), (1, "length_m", "required")),
    ),
    # The shape of a table
    Case(
        "ragged",
        "pipes",
        mains("1,5", "2,5,CI,more", "3", "4,5,CI"),
        loaded=1,
        faults=((1, "", "shape"), (2, "", "shape"), (3, "", "shape"), (3, "length_m", "required")),
    ),
    Case("only-ragged", "pipes", mains("1,5", "2,5,CI,more"), says=NOTHING),
    Case("delimiter-after-the-last", "pipes", mains("1,5,CI,", "2,5,CI,,"), loaded=2),
    Case(
        "quote-within",
        "pipes",
        mains('1,5,6" CI', '2,5,"a ""b"" c"', '3,5,"x"y', "4,5,CI"),
        loaded=3,
        faults=((3, "", "shape"), (3, "length_m", "required")),
        holds=("select min(material) from {load}", '6" CI'),
    ),
    Case(
        "quote-never-closed",
        "pipes",
        mains("1,5,CI", '2,5,"DI', "3,5,ST"),
        says="never ends (from: '2,5,\"DI'): close its quote",
    ),
    Case(
        "quote-never-closed-long",
        "pipes",
        mains("1,5,CI", '2,5,"DI', *(["3,5,ST"] * 3_000_000)),
        says="never ends (from: '2,5,\"DI'): close its quote",
    ),
    Case(
        "line-within-quotes",
        "pipes",
        mains('1,5,"C\nI"', "2,5,CI"),
        loaded=2,
        holds=("select min(material) from {load}", "C\nI"),
    ),
    Case(
        "blank-lines",
        "pipes",
        text("pipe_id,length_m,material\n\n\n1,5,CI\n\n2,5,DI\n\n\n"),
        loaded=2,
    ),
    Case(
        "carriage-returns",
        "pipes",
        text("pipe_id,length_m\r1,5\r2,x\r"),
        loaded=1,
        faults=((2, "length_m", "type"),),
    ),
    Case("mixed-line-ends", "pipes", text("pipe_id,length_m\r\n1,5\n2,6\r3,7\r\n"), loaded=3),
    Case("header-only", "pipes", mains(), says="has no rows: ask for the delivery again"),
    Case(
        "no-header",
        "pipes",
        text("\n1,5,CI\n"),
        says="has no header in its first line: add the names",
    ),
    Case(
        "one-header-thrice",
        "pipes",
        mains("1,5,a,b,c", header="pipe_id,length_m,x,X,x_1"),
        loaded=1,
        says="1 loaded + 0 quarantined; 3 headers not in the contract",
    ),
    Case("headers-without-names", "pipes", mains("1,5,a,b", header="pipe_id,length_m,,"), loaded=1),
    Case(
        "our-own-headers",
        "pipes",
        mains("1,5,9,a,b", "2,x,9,a,b", header="pipe_id,length_m,_row_number,_malformed,_surplus"),
        loaded=1,
        faults=((2, "length_m", "type"),),
    ),
    Case(
        "nul-in-a-header",
        "pipes",
        mains("1,5,a", header="pipe_id,length_m,a\0b"),
        says="contains NUL characters",
    ),
    Case(
        "long-header",
        "pipes",
        mains("1,5,a", header=f"number,length_m,{'x' * 200_000}"),
        says="xxx...; name the one that holds it in a mapping",
    ),
    Case("five-thousand-columns", "pipes", wide, loaded=1, faults=((2, "length_m", "type"),)),
    Case("semicolons", "pipes", mains("1;5;CI", header="pipe_id;length_m;material"), loaded=1),
    Case(
        "tabs",
        "pipes",
        mains("1\t5\tCI", header="pipe_id\tlength_m\tmaterial"),
        loaded=1,
        suffix=".txt",
    ),
    # Encodings and kinds of file
    Case("byte-order-mark", "pipes", text("pipe_id,length_m\nb1,5\n", "utf-8-sig"), loaded=1),
    Case(
        "utf-16",
        "pipes",
        text("pipe_id,length_m,material\n1,5,Straße\n", "utf-16"),
        loaded=1,
        holds=("select material from {load}", "Straße"),
    ),
    Case(
        "utf-16-without-mark",
        "pipes",
        text("pipe_id,length_m\n1,5\n", "utf-16-le"),
        says="say `encoding: utf-16-le` in a mapping",
    ),
    Case(
        "utf-16-without-mark-named",
        "pipes",
        text("pipe_id,length_m\nu1,5\n", "utf-16-le"),
        loaded=1,
        mapping="pipes: {encoding: utf-16-le}",
    ),
    Case(
        "latin-1",
        "pipes",
        text("pipe_id,length_m,material\n1,5,Straße\n", "latin-1"),
        says="name its encoding in a mapping, for example `encoding: latin-1`",
    ),
    Case(
        "not-an-encoding",
        "pipes",
        text("pipe_id,length_m,material\n1,5,Straße\n", "latin-1"),
        says="Unknown encoding 'hex'",
        mapping="pipes: {encoding: hex}",
    ),
    Case(
        "workbook",
        "pipes",
        archive(("xl/workbook.xml", b"x")),
        says="cannot be read as an Excel workbook",
        suffix=".xlsx",
    ),
    Case(
        "workbook-named-csv",
        "pipes",
        archive(("xl/workbook.xml", b"x")),
        says="is an Excel workbook or a zip: name it .xlsx or .zip",
    ),
    Case(
        "gzip",
        "pipes",
        lambda path: path.write_bytes(gzip.compress(b"pipe_id,length_m\n1,5\n")),
        says="is compressed with gzip: unpack it",
        suffix=".csv.gz",
    ),
    Case("folder", "pipes", folder, says="is a folder: name the files in it"),
    Case(
        "name-with-a-star",
        "pipes",
        beside("name-with-a-star-1.csv", "pipe_id,length_m\nwrong,1\n", mains("right,5,CI")),
        loaded=1,
        holds=("select pipe_id from {load}", "right"),
        suffix="-*.csv",
    ),
    Case(
        "name-with-brackets",
        "pipes",
        beside("name-with-brackets1.csv", "pipe_id,length_m\nwrong,1\n", mains("right-one,5,CI")),
        loaded=1,
        holds=("select pipe_id from {load}", "right-one"),
        suffix="[1].csv",
    ),
    Case(
        "name-not-in-utf-8",
        "pipes",
        mains("1,5,CI"),
        says="is not UTF-8: rename the file",
        suffix="\udcff.csv",
    ),
    # Parquet
    Case(
        "parquet-lengths-as-text",
        "pipes",
        parquet(pipe_id=["1", "2"], length_m=["5.5", "x"]),
        loaded=1,
        faults=((2, "length_m", "type"),),
        suffix=".parquet",
    ),
    Case(
        "parquet-lengths-in-lists",
        "pipes",
        parquet(pipe_id=["1", "2"], length_m=[[5.5], [6.5]]),
        says=f"length_m {NOT_A_NUMBER}",
        suffix=".parquet",
    ),
    Case(
        "parquet-moments",
        "pipes",
        parquet(
            pipe_id=["1"],
            length_m=[5],
            installed_on=pa.array([datetime(2020, 6, 30, 23, 59, 59, 7, UTC)]),
        ),
        loaded=1,
        holds=("select cast(installed_on as text) from {load}", "2020-06-30"),
        suffix=".parquet",
    ),
    Case(
        "parquet-nested",
        "pipes",
        parquet(pipe_id=["1"], length_m=[5], material=[{"code": "CI"}]),
        loaded=1,
        suffix=".parquet",
    ),
    Case(
        "parquet-nan",
        "pipes",
        parquet(pipe_id=["1", "2"], length_m=[float("nan"), 5.0]),
        loaded=1,
        faults=((1, "length_m", "type"),),
        suffix=".parquet",
    ),
    Case(
        "parquet-our-own-headers",
        "pipes",
        parquet(pipe_id=["1"], length_m=[5], _malformed=["x"], _row_number=[7]),
        loaded=1,
        suffix=".parquet",
    ),
    Case(
        "parquet-cut-off",
        "pipes",
        parquet(0.6, pipe_id=["1"], length_m=[5]),
        says="looks truncated",
        suffix=".parquet",
    ),
    Case(
        "parquet-without-rows",
        "pipes",
        parquet(pipe_id=pa.array([], pa.string()), length_m=pa.array([], pa.int64())),
        says="has no rows",
        suffix=".parquet",
    ),
    # Places and shapes
    Case(
        "one-place-swapped",
        "pipes",
        grid(swap_places),
        loaded=19,
        faults=((1, "start_latitude", "range"), (1, "end_latitude", "range")),
    ),
    Case(
        "places-in-meters",
        "pipes",
        grid(setting(4, 3768000)),
        says="start_latitude is outside -90 to 90",
    ),
    Case(
        "shapes",
        "areas",
        text(
            'area_id,geometry_wkt\n1,"POLYGON((0 0,1 1,1 0,0 1,0 0))"\n'
            "2,POLYGON((0 0\n3,POINT EMPTY\n4,POINT(500000 4000000)\n"
        ),
        loaded=1,
        says="warning: geometry_wkt crosses itself in 1 rows (the first is row 1)",
        faults=((2, "geometry_wkt", "wkt"), (3, "geometry_wkt", "wkt"), (4, "geometry_wkt", "wkt")),
    ),
    Case(
        "shapes-in-a-named-system",
        "areas",
        text("area_id,geometry_wkt\n1,POINT(541741.1448 4812353.846)\n"),
        loaded=1,
        mapping="areas: {crs: EPSG:26917}",
        holds=("select geometry_wkt from {load}", "POINT (-80.4840009 43.4629307)"),
    ),
    # Archives, and paths that lead elsewhere
    Case(
        "zip", "pipes", archive(("mains.csv", b"pipe_id,length_m\nz1,5\n")), loaded=1, suffix=".zip"
    ),
    Case("zip-bomb", "pipes", bomb, says="unpack it by hand and look at it", suffix=".zip"),
    Case(
        "zip-that-climbs",
        "pipes",
        archive(("../../mains.csv", b"pipe_id,length_m\n1,5\n")),
        says="would be written outside of its folder",
        suffix=".zip",
    ),
    Case(
        "zip-to-the-root",
        "pipes",
        archive(("/tmp/mains.csv", b"pipe_id,length_m\n1,5\n")),
        says="would be written outside of its folder",
        suffix=".zip",
    ),
    Case(
        "zip-of-two-tables",
        "pipes",
        archive(("a.csv", b"x\n1\n"), ("b.csv", b"x\n1\n")),
        says="holds a.csv, b.csv: name one without its suffix as `layer:` in a mapping",
        suffix=".zip",
    ),
    Case(
        "zip-of-nothing",
        "pipes",
        archive(("readme.txt", b"x")),
        says="holds nothing that can be read",
        suffix=".zip",
    ),
    Case(
        "lookup-that-climbs",
        "pipes",
        mains("1,5,CI"),
        says="which leads outside",
        mapping='pipes: {lookups: [{name: r, file: ../../etc/passwd, "on": x}]}',
    ),
    Case(
        "lookup-to-the-root",
        "pipes",
        mains("1,5,CI"),
        says="which leads outside",
        mapping='pipes: {lookups: [{name: r, file: /etc/passwd, "on": x}]}',
    ),
    Case(
        "lookup-with-a-bare-on",
        "pipes",
        beside("sizes.csv", "material,mm\nCI,150\n", mains("1,5,CI")),
        loaded=1,
        mapping="pipes: {lookups: [{name: s, file: sizes.csv, on: material}], "
        "columns: {diameter_mm: s.mm}}",
        holds=("select diameter_mm from {load}", 150.0),
    ),
    Case(
        "second-lookup-is-ragged",
        "pipes",
        beside(
            "sizes.csv",
            "material,mm\nCI,150\n",
            beside("ages.csv", "material,laid\nCI,1926,x\n", mains("1,5,CI")),
        ),
        loaded=1,
        mapping="pipes: {lookups: [{name: s, file: sizes.csv, on: material}, "
        "{name: a, file: ages.csv, on: material}], "
        "columns: {diameter_mm: s.mm, install_year: a.laid}}",
        holds=("select install_year from {load}", 1926),
    ),
    # Mappings
    Case(
        "section-of-another-source",
        "pipes",
        mains("1,5,CI"),
        says="has no section 'pipes'",
        mapping="breaks: {}",
    ),
    Case(
        "constant-of-a-wrong-kind",
        "pipes",
        mains("1,5,CI"),
        says="diameter_mm is not a number (for example 'wide')",
        mapping="pipes: {columns: {diameter_mm: {constant: wide}}}",
    ),
    Case(
        "constant-without-quotes",
        "pipes",
        mains("1,5,CI"),
        loaded=1,
        mapping="pipes: {columns: {diameter_mm: {constant: 5}}}",
        holds=("select diameter_mm from {load}", 5.0),
    ),
    Case(
        "header-that-is-a-word-of-yaml",
        "pipes",
        mains("1,5,CI", header="No,length_m,material"),
        loaded=1,
        mapping="pipes: {columns: {pipe_id: No}}",
        holds=("select pipe_id from {load}", "1"),
    ),
    Case(
        "unit-of-a-text",
        "pipes",
        mains("1,5,CI"),
        says="gives material the unit 'ft', but it has no unit",
        mapping="pipes: {columns: {material: {from: material, unit: ft}}}",
    ),
    Case(
        "unknown-date-letter",
        "pipes",
        mains("1,5,CI"),
        says="'%Q' is not a date format",
        mapping=dated("%Q"),
    ),
    Case(
        "one-mark-for-both",
        "pipes",
        mains("1,5,CI"),
        says="thousands must be one character that differs from decimal",
        mapping='pipes: {decimal: ",", thousands: ","}',
    ),
    Case(
        "two-characters-between",
        "pipes",
        mains("1,5,CI"),
        says="delimiter must be one character",
        mapping='pipes: {delimiter: "::"}',
    ),
    Case(
        "unknown-system",
        "pipes",
        mains("1,5,CI"),
        says="Unknown coordinate system 'klingon'",
        mapping="pipes: {crs: klingon, "
        "columns: {length_m: length_m, start_longitude: length_m, start_latitude: length_m}}",
    ),
]

ON_POSTGRES = {
    "emoji",
    "nul",
    "nul-where-none-looks",
    "sql-in-a-name",
    "sql-in-a-header",
    "huge-name",
    "huge-shape",
    "ragged",
    "nan-and-infinity",
    "blank-ids",
    "utf-16",
    "line-within-quotes",
    "words-for-days",
    "moments",
    "parquet-moments",
    "shapes",
    "only-ragged",
    "quote-never-closed",
    "name-with-a-star",
}


@pytest.fixture(scope="module")
def cities(make_city: Callable[[str], City]) -> dict[str, City]:
    """One warehouse an engine, into which every case is loaded."""
    made = {engine: make_city(engine) for engine in ENGINES}
    for city in made.values():
        assert city.la_pipes("init").exit_code == 0
    return made


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.id)
def test_small_bad_files(cities: dict[str, City], tmp_path: Path, case: Case) -> None:
    run_case(cities["duckdb"], case, tmp_path)


@pytest.mark.parametrize(
    "case", [case for case in SMALL if case.id in ON_POSTGRES], ids=lambda case: case.id
)
def test_postgres_takes_what_duckdb_takes(
    cities: dict[str, City], tmp_path: Path, case: Case
) -> None:
    run_case(cities["postgres"], case, tmp_path)


def test_a_path_that_climbs_out_of_a_delivery(cities: dict[str, City], tmp_path: Path) -> None:
    for name in ("../mains.csv", "/etc/passwd", "a/../../mains.csv"):
        (tmp_path / "delivery.yml").write_text(f"deliveries: [{{source: pipes, file: {name}}}]")
        before = row_counts(cities["duckdb"])
        result = cities["duckdb"].la_pipes("run", "--delivery", tmp_path / "delivery.yml")
        assert result.exit_code == 2
        assert "which leads outside" in result.output
        assert row_counts(cities["duckdb"]) == before


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="Windows has other permissions, root has them all"
)
def test_a_file_that_may_not_be_read(cities: dict[str, City], tmp_path: Path) -> None:
    mains("1,5,CI")(tmp_path / "mains.csv")
    (tmp_path / "mains.csv").chmod(0)
    result = cities["duckdb"].la_pipes("load", "pipes", tmp_path / "mains.csv")
    assert result.exit_code == 2
    assert "cannot be read (Permission denied): check its permissions" in result.output

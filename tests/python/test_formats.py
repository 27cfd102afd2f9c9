"""Files as people have them: layers, workbooks, encodings, dates and shapes in many notations."""

import datetime as dt
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from pyogrio import list_layers
from pyogrio.raw import write
from pyproj import CRS, Transformer

from cities import City
from workbook_files import write_workbook

NEW_YEAR = dt.datetime(2024, 1, 1)
ZONED = {"type": "Feature", "properties": {"break_id": "g1", "broke_on": "2024-01-01T00:00:00Z"}}
POINT = {"type": "Point", "coordinates": [-118.25, 34.05]}


def text(folder: Path, name: str, content: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content.encode(encoding))
    return path


def layer(
    path: Path,
    columns: dict[str, Iterable[object]],
    shapes: list[shapely.Geometry],
    name: str | None = None,
    **options: object,
) -> Path:
    """Write a map layer with GDAL, beside those that the file already has."""
    fields = {key: np.array(list(values)) for key, values in columns.items()}
    fields = {
        key: values.astype(object) if values.dtype.kind == "U" else values
        for key, values in fields.items()
    }
    write(
        path,
        geometry=shapely.to_wkb(np.array(shapes)),
        field_data=list(fields.values()),
        fields=list(fields),
        geometry_type=shapes[0].geom_type,
        layer=name,
        append=path.exists(),
        **{"crs": "EPSG:4326"} | options,
    )
    return path


def lines(count: int, x: float = -118.25, y: float = 34.05, step: float = 0.001) -> list:
    return [shapely.LineString([(x + n * step, y), (x + n * step, y + step)]) for n in range(count)]


def load(city: City, source: str, path: Path, mapping: str = "", *options: str) -> str:
    """Load a file, which must fit; returns what was printed."""
    arguments = ["--mapping", text(path.parent, "city.yml", mapping)] if mapping else []
    result = city.la_pipes("load", source, path, *arguments, *options)
    assert result.exit_code == 0, result.output
    return result.output


def refused(city: City, source: str, path: Path, mapping: str = "") -> str:
    """Load a file that is refused with a sentence; returns it."""
    arguments = ["--mapping", text(path.parent, "city.yml", mapping)] if mapping else []
    result = city.la_pipes("load", source, path, *arguments)
    assert result.exit_code == 2, result.output
    assert result.output.startswith("Error: ")
    return result.output


def test_a_day_is_the_written_one_wherever_it_is_loaded(empty_city: City, tmp_path: Path) -> None:
    """A machine west of Greenwich must not move a break into the day before."""
    feature = ZONED | {"geometry": POINT}
    geojson = json.dumps({"type": "FeatureCollection", "features": [feature]})
    in_zone = [dt.datetime(2024, 1, 1, 5, tzinfo=dt.UTC)]
    for name, zone, moments in (
        ("utc", "UTC", [NEW_YEAR.replace(tzinfo=dt.UTC)]),
        ("toronto", "America/Toronto", in_zone),
        ("offset", "-05:00", in_zone),
        ("naive", None, [NEW_YEAR]),
    ):
        rows = {"break_id": [name], "broke_on": pa.array(moments, pa.timestamp("us", tz=zone))}
        pq.write_table(pa.table(rows), tmp_path / f"{name}.parquet")
    layer(
        tmp_path / "breaks.gpkg",
        {"break_id": ["gpkg"], "broke_on": np.array([NEW_YEAR], "datetime64[ms]")},
        [shapely.Point(-118.25, 34.05)],
    )
    with closing(sqlite3.connect(tmp_path / "breaks.gpkg")) as database:  # measured, as in ArcGIS
        database.execute("update gpkg_geometry_columns set m = 1")
        database.commit()
    text(tmp_path, "breaks.geojson", geojson)
    text(tmp_path, "breaks.csv", "break_id,broke_on\nc1,2024-01-01T00:00:00+09:00\n")
    esri = {
        "geometryType": "esriGeometryPoint",
        "spatialReference": {"wkid": 4326},
        "fields": [
            {"name": "break_id", "type": "esriFieldTypeString"},
            {"name": "broke_on", "type": "esriFieldTypeDate"},
        ],
        "features": [
            {
                "attributes": {"break_id": "esri", "broke_on": 1704067200000},
                "geometry": {"x": -118.25, "y": 34.05},
            }
        ],
    }
    text(tmp_path, "esri.json", json.dumps(esri))
    files = sorted(file for file in tmp_path.iterdir())
    command = [sys.executable, "-m", "la_pipeline_failure_predict.cli", "load", "breaks", *files]
    zone = {"TZ": "America/Los_Angeles", "PGTZ": "America/Los_Angeles"}
    done = subprocess.run(
        command, env=os.environ | empty_city.environment | zone, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    found = empty_city.rows("select break_id, broke_on from raw.breaks order by 1")
    assert len(found) == len(files)
    assert {row["broke_on"] for row in found} == {NEW_YEAR.date()}, found


@pytest.mark.parametrize("suffix", [".gpkg", ".gdb"])
def test_several_layers_are_listed_and_one_is_chosen(
    duckdb_city: City, tmp_path: Path, suffix: str
) -> None:
    """The first layer of a geodatabase is rarely the mains in service."""
    path = tmp_path / f"net{suffix}"
    driver = "GPKG" if suffix == ".gpkg" else "OpenFileGDB"
    layer(path, {"pipe_id": ["old"]}, lines(1), "abandoned_mains", driver=driver)
    layer(path, {"pipe_id": ["1", "2"]}, lines(2), "mains", driver=driver)
    assert len(list_layers(path)) == 2
    said = refused(duckdb_city, "pipes", path)
    assert "has 2 layers: abandoned_mains (1 rows, " in said
    assert "`layer: abandoned_mains`" in said
    assert "has no layer 'Mains_2'" in refused(
        duckdb_city, "pipes", path, "pipes: {layer: Mains_2}"
    )
    assert "2 loaded" in load(duckdb_city, "pipes", path, "pipes: {layer: Mains}")
    assert duckdb_city.value("select max(pipe_id) from raw.pipes") == "2"


def test_a_feature_id_can_be_the_identifier(duckdb_city: City, tmp_path: Path) -> None:
    """A geodatabase often has no other identifier than its OBJECTID."""
    path = tmp_path / "net.gdb"
    layer(path, {"material": ["CI", "DI"]}, lines(2), "mains", driver="OpenFileGDB")
    load(duckdb_city, "pipes", path, "pipes: {columns: {pipe_id: OBJECTID}}")
    found = duckdb_city.rows("select pipe_id, material from raw.pipes order by 1")
    assert [tuple(row.values()) for row in found] == [("1", "CI"), ("2", "DI")]
    features = [ZONED | {"id": number, "geometry": POINT} for number in (31, 47)]
    file = text(tmp_path, "f.json", json.dumps({"type": "FeatureCollection", "features": features}))
    load(duckdb_city, "breaks", file, "breaks: {columns: {break_id: id}}")
    found = duckdb_city.rows("select break_id from raw.breaks order by 1")
    assert [row["break_id"] for row in found] == ["31", "47"]


def test_a_shapefile_is_read_in_the_encoding_that_the_mapping_names(
    duckdb_city: City, tmp_path: Path
) -> None:
    """Many shapefiles come without the .cpg that says it."""
    path = tmp_path / "mains.shp"
    columns = {"pipe_id": ["1"], "street": ["Žižkova"]}
    layer(path, columns, lines(1), encoding="CP1250")
    path.with_suffix(".cpg").unlink()
    assert "`encoding: cp1252`" in refused(duckdb_city, "pipes", path)
    load(duckdb_city, "pipes", path, "pipes: {encoding: cp1250}")
    assert duckdb_city.value("select street_name from raw.pipes") == "Žižkova"


def test_a_system_that_the_layer_does_not_name_is_asked_for(
    duckdb_city: City, tmp_path: Path
) -> None:
    path = tmp_path / "mains.shp"
    layer(path, {"pipe_id": ["1"]}, lines(1, 538_000, 4_813_000, 100.0), crs=None)
    said = refused(duckdb_city, "pipes", path)
    assert "does not say in which coordinate system its shapes are" in said
    load(duckdb_city, "pipes", path, "pipes: {crs: EPSG:26917}")
    assert duckdb_city.value("select round(start_longitude, 1) from raw.pipes") == -80.5


def test_a_large_layer_is_read_in_pieces(duckdb_city: City, tmp_path: Path) -> None:
    """Rows keep their order and number beyond the first batch."""
    count = 45_000
    path = layer(tmp_path / "n.gpkg", {"pipe_id": map(str, range(count))}, lines(count, step=1e-5))
    load(duckdb_city, "pipes", path)
    found = duckdb_city.value(
        "select count(*) from raw.pipes where cast(pipe_id as int) = _row_number - 1"
    )
    assert found == count


def days(city: City, table: str, key: str, day: str) -> dict[str, str]:
    """Return the day of each row, as text."""
    rows = city.rows(f"select {key} as key, cast({day} as text) as day from raw.{table}")
    return {row["key"]: row["day"] for row in rows}


def test_dates_that_are_numbers_are_read_as_the_mapping_says(
    empty_city: City, tmp_path: Path
) -> None:
    """ArcGIS exports count milliseconds, databases seconds, and workbooks days."""
    file = text(
        tmp_path,
        "breaks.csv",
        "break_id,Ms,S,Day\na,1293840000000,1293840000,40544\nb,-631152000001.0,0,1\n"
        "c,1.5e12,1293926399,59\nd,1293840000000,1293840000,60.99\n",
    )
    expected = {
        "[epoch_ms]": ("Ms", "2011-01-01", "1949-12-31", "2017-07-14", "2011-01-01"),
        "epoch_s": ("S", "2011-01-01", "1970-01-01", "2011-01-01", "2011-01-01"),
        '["%d.%m.%Y", excel]': ("Day", "2011-01-01", "1900-01-01", "1900-02-28", "1900-02-28"),
    }
    for formats, (header, *right) in expected.items():
        mapping = f"breaks: {{columns: {{broke_on: {{from: {header}, formats: {formats}}}}}}}"
        load(empty_city, "breaks", file, mapping)
        rows = empty_city.rows(
            "select cast(broke_on as text) as day from raw.breaks "
            "where _loaded_at = (select max(_loaded_at) from raw.breaks) order by break_id"
        )
        assert [row["day"] for row in rows] == right


@pytest.mark.parametrize(
    ("value", "form"),
    [("1293840000000", "epoch_ms"), ("1293840000", "epoch_s"), ("40544.5", "excel")],
)
def test_a_number_for_a_date_says_what_it_looks_like(
    duckdb_city: City, tmp_path: Path, value: str, form: str
) -> None:
    file = text(tmp_path, "breaks.csv", f"break_id,broke_on\n1,{value}\n")
    assert f"name formats: [{form}] in the mapping" in refused(duckdb_city, "breaks", file)


def test_a_year_of_two_digits_is_of_the_past_unless_a_pivot_says_otherwise(
    empty_city: City, tmp_path: Path
) -> None:
    """A main of 1962 must not be one of 2062, nor silently a year what nobody wrote."""
    next_year = dt.date.today().year + 1
    rows = "".join(f"{year},5,01-JAN-{year:02}\n" for year in (23, 45, 62, 98, next_year - 2000))
    file = text(tmp_path, "mains.csv", f"pipe_id,length_m,laid\n{rows}")
    columns = 'pipes: {columns: {installed_on: {from: laid, formats: "%d-%b-%y"PIVOT}}}'
    said = load(empty_city, "pipes", file, columns.replace("PIVOT", ""))
    assert f"in 5 rows, read as {next_year - 100} to 2023" in said
    assert "pivot" in said
    assert days(empty_city, "pipes", "pipe_id", "installed_on") == {
        "23": "2023-01-01",
        "45": "1945-01-01",
        "62": "1962-01-01",
        "98": "1998-01-01",
        str(next_year - 2000): f"{next_year - 100}-01-01",
    }
    said = load(empty_city, "pipes", file, columns.replace("PIVOT", ", pivot: 2022"))
    assert "two digits" not in said
    said = refused(empty_city, "pipes", file, columns.replace("PIVOT", ", pivot: 22"))
    assert "the newest year that two digits can mean, such as 2010" in said
    assert empty_city.value("select min(installed_on) from raw.pipes") == dt.date(1923, 1, 1)


def written(shape: shapely.Geometry) -> dict[str, str]:
    """Return a shape in each way in which people write one into a table."""
    tagged = shapely.set_srid(shape, 4326)
    utm = Transformer.from_crs(4326, 32611, always_xy=True)
    in_utm = shapely.transform(shape, utm.transform, interleaved=False)
    return {
        "wkt": shape.wkt,
        "no_space": shape.wkt.replace(" (", "(").replace("LINESTRING", "LineString"),
        "multi": f"MULTILINESTRING ({shape.wkt.removeprefix('LINESTRING ')})",
        "collection": f"GEOMETRYCOLLECTION ({shape.wkt})",
        "ewkt": f"SRID=4326;{shape.wkt}",
        "wkb": shapely.to_wkb(shape, hex=True),
        "ewkb": shapely.to_wkb(tagged, hex=True, include_srid=True).lower(),
        "bytea": f"\\x{shapely.to_wkb(shape, hex=True)}",
        "geojson": shapely.to_geojson(shape),
        "python": shapely.to_geojson(shape).replace('"', "'"),
        "utm": f"SRID=32611;{in_utm.wkt}",
    }


def test_a_main_takes_its_place_and_length_from_a_shape_in_any_notation(
    empty_city: City, tmp_path: Path
) -> None:
    """Without places no break finds its main, and without lengths there is no rate."""
    texts = written(shapely.LineString([(-118.25, 34.05), (-118.25, 34.051)]))
    rows = pa.table({"pipe_id": list(texts), "the_geom": list(texts.values())})
    pq.write_table(rows, tmp_path / "mains.parquet")
    load(empty_city, "pipes", tmp_path / "mains.parquet")
    found = empty_city.rows("select * from raw.pipes")
    assert {row["pipe_id"] for row in found} == set(texts)
    for row in found:
        assert row["length_m"] == pytest.approx(110.9, abs=0.2), row
        assert row["start_longitude"] == pytest.approx(-118.25, abs=1e-4), row
        assert row["end_latitude"] == pytest.approx(34.051, abs=1e-4), row
        line = shapely.from_wkt(row["geometry_wkt"])
        assert line.length == pytest.approx(0.001, abs=1e-5), row


def test_a_length_that_is_delivered_wins_over_that_of_the_shape(
    duckdb_city: City, tmp_path: Path
) -> None:
    file = text(
        tmp_path,
        "mains.csv",
        'pipe_id,length_m,axis\n1,7,"LINESTRING (538000 4813000, 538100 4813000)"\n'
        "2,8,\n3,9,LINESTRING EMPTY\n4,9,no shape\n5,9,POINT (538000 4813000)\n",
    )
    mapping = "pipes: {crs: EPSG:26917, columns: {geometry: axis}}"
    said = load(duckdb_city, "pipes", file, mapping, "--max-rejects", "50%")
    assert "3 loaded + 2 quarantined" in said
    assert "headers not in the contract" not in said
    found = duckdb_city.rows("select pipe_id, length_m, start_longitude from raw.pipes order by 1")
    assert [row["length_m"] for row in found] == [7, 8, 9]
    assert [row["start_longitude"] is None for row in found] == [False, True, True]
    assert found[0]["start_longitude"] == pytest.approx(-80.53, abs=0.01)


def test_a_break_takes_its_place_from_a_point_in_any_notation(
    duckdb_city: City, tmp_path: Path
) -> None:
    """Portals export a place as one column, some with the latitude first."""
    points = {
        "wkt": "POINT (-118.25 34.05)",
        "one_of_many": "MULTIPOINT ((-118.25 34.05))",
        "with_height": "POINT Z (-118.25 34.05 80)",
        "pair": "(34.05, -118.25)",
        "address": "1 Main St\nLos Angeles, CA\n(34.05, -118.25)",
        "geo_point": "34.05, -118.25",
        "object": "{'latitude': '34.05', 'longitude': '-118.25'}",
        "none": "beside the bridge",
    }
    columns = {"break_id": list(points), "location": list(points.values())}
    rows = pa.table(columns | {"broke_on": ["2020-01-01"] * len(points)})
    pq.write_table(rows, tmp_path / "breaks.parquet")
    said = load(duckdb_city, "breaks", tmp_path / "breaks.parquet")
    assert "location holds no shape in 1 rows, which have no place" in said
    found = duckdb_city.rows("select break_id, longitude, latitude from raw.breaks")
    places = {row["break_id"]: (row["longitude"], row["latitude"]) for row in found}
    assert places.pop("none") == (None, None)
    assert set(places.values()) == {(-118.25, 34.05)}


def test_a_location_in_words_is_no_shape(duckdb_city: City, tmp_path: Path) -> None:
    file = text(tmp_path, "breaks.csv", "break_id,broke_on,location\n1,2020-01-01,Main St\n")
    assert "warning" not in load(duckdb_city, "breaks", file)


@pytest.mark.parametrize("crs", ["EPSG:26917", None, ""])
def test_shapes_of_geoparquet_are_in_the_system_that_it_names(
    duckdb_city: City, tmp_path: Path, crs: str | None
) -> None:
    """GeoParquet without a system is in degrees; with null, in one that nobody knows."""
    line = shapely.LineString([(538_000, 4_813_000), (538_100, 4_813_000)])
    if crs is None:
        line = shapely.LineString([(-80.53, 43.47), (-80.5288, 43.47)])
    column: dict[str, object] = {"encoding": "WKB", "geometry_types": ["LineString"]}
    if crs is not None:
        column["crs"] = CRS(crs).to_json_dict() if crs else None
    geo = {"version": "1.1.0", "primary_column": "shape", "columns": {"shape": column}}
    rows = pa.table({"pipe_id": ["1"], "shape": [shapely.to_wkb(line)]})
    path = tmp_path / "mains.parquet"
    pq.write_table(rows.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    if crs == "":
        assert "name it in a mapping, for example `crs: " in refused(duckdb_city, "pipes", path)
    load(duckdb_city, "pipes", path, "pipes: {crs: EPSG:26917}" if crs == "" else "")
    found = duckdb_city.rows("select length_m, start_longitude from raw.pipes")[0]
    assert found["length_m"] == pytest.approx(100, rel=0.05)
    assert found["start_longitude"] == pytest.approx(-80.53, abs=0.01)


def test_curves_become_lines_and_what_is_none_is_set_aside(
    empty_city: City, tmp_path: Path
) -> None:
    """ArcGIS draws bends as arcs; one of them must not refuse all mains."""
    shapes = {
        "straight": "LINESTRING (0 0, 2 0)",
        "arc": "CIRCULARSTRING (0 0, 1 1, 2 0)",
        "arc_with_height": "CIRCULARSTRING Z (0 0 5, 1 1 5, 2 0 5)",
        "compound": "COMPOUNDCURVE (CIRCULARSTRING (0 0, 1 1, 2 0), (2 0, 3 0))",
        "many": "MULTICURVE ((0 0, 1 0), CIRCULARSTRING (1 0, 2 1, 3 0))",
        "circle": "CIRCULARSTRING (0 0, 2 0, 0 0)",
        "in_a_collection": "GEOMETRYCOLLECTION (CIRCULARSTRING (0 0, 1 1, 2 0))",
        "cut_off": "CIRCULARSTRING (0 0, 1 1, 2 0",
        "two_places": "CIRCULARSTRING (0 0, 1 1)",
    }
    rows = "".join(f'{name},5,"{shape}"\n' for name, shape in shapes.items())
    file = text(tmp_path, "mains.csv", f"pipe_id,length_m,geometry_wkt\n{rows}")
    said = load(empty_city, "pipes", file, "", "--max-rejects", "50%")
    assert "7 loaded + 2 quarantined" in said
    found = empty_city.rows("select pipe_id, geometry_wkt from raw.pipes")
    lengths = {row["pipe_id"]: shapely.from_wkt(row["geometry_wkt"]).length for row in found}
    half = np.pi
    assert lengths == pytest.approx(
        {
            "straight": 2,
            "arc": half,
            "arc_with_height": half,
            "compound": half + 1,
            "many": half + 1,
            "circle": 2 * half,
            "in_a_collection": half,
        },
        rel=1e-3,
    )


BREAK_ROWS = [
    ["No", "Date\n(of repair)", "Size", "Note"],
    [1431, dt.date(2020, 1, 2), 6.5, "it's"],
    ["00017", dt.date(2021, 12, 31), 8, None],
    [],
    [1432.0, 44562, None, "a day without its format"],
]
REPAIRS = (
    'breaks: {SHEETcolumns: {break_id: "No", diameter_mm: {from: Size, unit: inch}, '
    'broke_on: {from: "Date (of repair)", formats: [excel]}}}'
)


def found_repairs(city: City) -> list[tuple]:
    rows = city.rows(
        "select break_id, cast(broke_on as text) as day, round(cast(diameter_mm as numeric), 1) "
        "as mm from raw.breaks order by 2"
    )
    return [(row["break_id"], row["day"], row["mm"] and float(row["mm"])) for row in rows]


@pytest.mark.parametrize("title", [[], [["City of Somewhere"], [], [None, "Repairs", None, 2022]]])
def test_a_workbook_is_read_as_people_see_it(
    empty_city: City, tmp_path: Path, title: list[list]
) -> None:
    """Titles above the table, dates of Excel, whole numbers without decimals, texts as they are."""
    path = write_workbook(tmp_path / "breaks.xlsx", {"Repairs": title + BREAK_ROWS, "Notes": []})
    said = load(empty_city, "breaks", path, REPAIRS.replace("SHEET", ""))
    assert "3 rows in breaks.xlsx = 3 loaded + 0 quarantined" in said
    assert ("the header is row 4 of the sheet 'Repairs'" in said) == bool(title)
    assert found_repairs(empty_city) == [
        ("1431", "2020-01-02", 165.1),
        ("00017", "2021-12-31", 203.2),
        ("1432", "2022-01-01", None),
    ]


@pytest.mark.parametrize("named", ["sheet: repairs", "sheet: 2", "sheet: 2, header_row: 1"])
def test_one_of_several_sheets_is_named(duckdb_city: City, tmp_path: Path, named: str) -> None:
    sheets = {"Summary": [["Breaks by year"], [2020, 1]], "Repairs": BREAK_ROWS, "Old": [["x"]]}
    path = write_workbook(tmp_path / "breaks.xlsx", sheets, hidden=["Old"])
    said = refused(duckdb_city, "breaks", path, REPAIRS.replace("SHEET", ""))
    assert "has 2 sheets: Summary, Repairs; name one" in said
    said = refused(duckdb_city, "breaks", path, REPAIRS.replace("SHEET", "sheet: Rep, "))
    assert "has no sheet 'Rep'" in said
    load(duckdb_city, "breaks", path, REPAIRS.replace("SHEET", f"{named}, "))
    assert len(found_repairs(duckdb_city)) == 3


def test_a_header_is_found_without_a_mapping(duckdb_city: City, tmp_path: Path) -> None:
    """A group of headers fills fewer cells than the header under it."""
    rows = [
        ["Water mains, as of", dt.date(2024, 1, 1)],
        ["Identity", None, "Size", None],
        ["pipe_id", "material", "diameter_mm", "length_m"],
        [1, "CI", 150, 20.25],
        [2, None, 100, 30],
    ]
    path = write_workbook(tmp_path / "mains.xlsx", {"Mains": rows})
    assert "2 loaded" in load(duckdb_city, "pipes", path)
    assert duckdb_city.value("select sum(length_m) from raw.pipes") == 50.25
    said = refused(duckdb_city, "pipes", path, "pipes: {header_row: 9}")
    assert "has no header in row 9" in said


def test_a_cell_far_out_is_refused_before_it_fills_the_memory(
    duckdb_city: City, tmp_path: Path
) -> None:
    rows = [["pipe_id", "length_m"], *([] for _ in range(9_999)), [None] * 16_000 + [1]]
    path = write_workbook(tmp_path / "mains.xlsx", {"Mains": rows})
    assert "reaches to row 10,001 and column 16,001" in refused(duckdb_city, "pipes", path)


@pytest.mark.parametrize(
    "total", ["Total,,650.5", "GRAND TOTAL:,,650.5", ",Total length,650.5", '"",Total,1']
)
def test_a_total_at_the_end_is_no_main(duckdb_city: City, tmp_path: Path, total: str) -> None:
    file = text(tmp_path, "mains.csv", f"pipe_id,material,length_m\n1,CI,600\n2,CI,50.5\n{total}\n")
    said = load(duckdb_city, "pipes", file)
    assert "3 rows in mains.csv = 2 loaded + 1 quarantined" in said
    reason = duckdb_city.value("select min(reason) from raw.quarantine where rule = 'shape'")
    assert reason == "the row is a total of the others, and none of them"


def test_a_main_in_total_street_is_a_main(duckdb_city: City, tmp_path: Path) -> None:
    file = text(tmp_path, "mains.csv", "pipe_id,street_name,length_m\n1,Total Ave,6\n2,Total,7\n")
    assert "2 loaded" in load(duckdb_city, "pipes", file)


@pytest.mark.parametrize("at", ["top", "properties", "end"])
def test_an_export_that_the_server_cut_off_is_told(
    duckdb_city: City, tmp_path: Path, at: str
) -> None:
    """ArcGIS gives the first 2,000 rows and says so where nobody looks."""
    features = [ZONED | {"geometry": POINT}]
    layer = {"type": "FeatureCollection", "features": features}
    if at == "properties":
        layer["properties"] = {"exceededTransferLimit": True}
    elif at == "top":
        layer = {"exceededTransferLimit": True} | layer
    else:
        layer["exceededTransferLimit"] = True
    file = text(tmp_path, "breaks.geojson", json.dumps(layer))
    assert "there are more rows than it gave (exceededTransferLimit)" in load(
        duckdb_city, "breaks", file
    )


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_a_header_may_be_written_in_two_lines(
    duckdb_city: City, tmp_path: Path, ending: str
) -> None:
    rows = ['ID,"Date\n(of repair)",Note', '1,2010-01-02,"two\nlines"', "2,2011-02-03,x"]
    file = text(tmp_path, "breaks.csv", ending.join(rows) + ending)
    for number, header in enumerate((r"Date\n(of repair)", "Date (of repair)")):
        mapping = f'breaks: {{columns: {{break_id: ID, broke_on: "{header}"}}}}'
        assert "2 loaded + 0 quarantined" in load(duckdb_city, "breaks", file, mapping)
        assert duckdb_city.value("select count(*) from raw.breaks") == 2 * (number + 1)


def test_a_zip_of_several_shapefiles_is_told_which_one(duckdb_city: City, tmp_path: Path) -> None:
    for name, ids in (("mains", ["1", "2"]), ("hydrants", ["h"])):
        layer(tmp_path / f"{name}.shp", {"pipe_id": ids}, lines(len(ids)))
    path = tmp_path / "network.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in tmp_path.glob("[mh]*.*"):
            archive.write(file, file.name)
    assert "name one without its suffix as `layer:`" in refused(duckdb_city, "pipes", path)
    load(duckdb_city, "pipes", path, "pipes: {layer: mains}")
    assert duckdb_city.value("select count(*) from raw.pipes") == 2

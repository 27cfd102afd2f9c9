"""Deliveries that try to read something else, and rows that a reader would lose or take for others.

Each ends in a sentence, with the warehouse as it was, or has every row accounted for.
"""

import http.server
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely

from bad_files import Case, mains, parquet, row_counts, run_case, text
from cities import City
from la_pipeline_failure_predict.sources.landing import UNIT, UNITS

SECRET = "never-to-be-loaded"


@pytest.fixture(scope="module")
def city(make_city: Callable[[str], City]) -> City:
    made = make_city("duckdb")
    assert made.la_pipes("init").exit_code == 0
    return made


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file that no delivery may read."""
    path = tmp_path / "outside" / "secret.csv"
    path.parent.mkdir()
    path.write_text(f"area_id,x,y\n{SECRET},1,2\n")
    return path


@pytest.fixture
def address() -> Iterator[tuple[str, list[str]]]:
    """An address of this machine, and the paths that were asked of it."""
    asked: list[str] = []

    class Asked(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/x", asked
        server.shutdown()


def refused(city: City, source: str, path: Path) -> str:
    """Load a file that must be refused, and return what is said."""
    before = row_counts(city)
    result = city.la_pipes("load", source, path)
    assert result.exit_code == 2, result.output
    assert result.output.startswith("Error: ")
    assert "cannot be read as" not in result.output  # the sentence of an error nobody foresaw
    assert SECRET not in result.output
    assert row_counts(city) == before
    return result.output


def vrt(source: object) -> str:
    return (
        f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{source}</SrcDataSource>'
        '<GeometryField encoding="PointFromColumns" x="x" y="y"/></OGRVRTLayer></OGRVRTDataSource>'
    )


@pytest.mark.parametrize("suffix", [".geojson", ".json", ".gpkg", ".shp", ".fgb", ".gdb"])
def test_another_format_by_a_map_layers_name(
    city: City, tmp_path: Path, outside: Path, suffix: str
) -> None:
    (tmp_path / f"areas{suffix}").write_text(vrt(outside))
    said = refused(city, "areas", tmp_path / f"areas{suffix}")
    assert "is not what its name says" in said or "is no file geodatabase" in said


def test_another_format_in_a_zip(city: City, tmp_path: Path, outside: Path) -> None:
    with zipfile.ZipFile(tmp_path / "areas.zip", "w") as archive:
        archive.writestr("areas.geojson", vrt(outside))
    assert "is not what its name says" in refused(city, "areas", tmp_path / "areas.zip")


@pytest.mark.parametrize(
    "system",
    [
        lambda address: {"type": "url", "properties": {"url": address}},
        lambda address: {"type": "link", "properties": {"href": address, "type": "ogcwkt"}},
    ],
    ids=["url", "link"],
)
def test_no_address_in_a_layer_is_opened(
    city: City,
    tmp_path: Path,
    address: tuple[str, list[str]],
    system: Callable[[str], object],
) -> None:
    url, asked = address
    ring = shapely.to_geojson(shapely.box(-118.3, 34.0, -118.2, 34.1))
    feature = {"type": "Feature", "properties": {"area_id": url}, "geometry": json.loads(ring)}
    layer = {"type": "FeatureCollection", "crs": system(url), "features": [feature]}
    (tmp_path / "areas.geojson").write_text(json.dumps(layer))
    command = [sys.executable, "-m", "la_pipeline_failure_predict.cli", "load", "areas"]
    environment = os.environ | city.environment | {"NO_PROXY": "*"}
    subprocess.run([*command, tmp_path / "areas.geojson"], env=environment, check=True)
    assert asked == []


def geopackage(path: Path) -> None:
    shape = pa.array([shapely.to_wkb(shapely.box(-118.3, 34.0, -118.2, 34.1))], pa.binary())
    rows = pa.table({"area_id": ["g1"], "geom": shape})
    pyogrio.write_arrow(
        rows,
        path,
        layer="areas",
        geometry_name="geom",
        geometry_type="Polygon",
        crs="EPSG:4326",
        SPATIAL_INDEX="NO",
    )


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("areas", "create virtual table areas using VirtualText('{file}', 'UTF-8', 1)"),
        ("areas", "create /* using rtree */ virtual table areas using VirtualText('{file}')"),
        ("a using rtree", "create virtual table \"a using rtree\" using VirtualText('{file}')"),
        ("areas", "create virtual table areas using VirtualOGR('{file}')"),
    ],
)
def test_a_geopackage_whose_table_is_another_file(
    city: City, tmp_path: Path, outside: Path, name: str, statement: str
) -> None:
    path = tmp_path / "areas.gpkg"
    geopackage(path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("pragma writable_schema = on")
        database.execute("delete from gpkg_geometry_columns")
        database.execute("delete from sqlite_master where tbl_name = 'areas'")
        database.execute(
            "insert into sqlite_master values ('table', ?1, ?1, 0, ?2)",
            (name, statement.format(file=outside)),
        )
        database.execute("update gpkg_contents set data_type = 'attributes'")
    assert "which reads from outside of the file" in refused(city, "areas", path)


def test_a_geopackage_that_is_open_elsewhere(city: City, tmp_path: Path) -> None:
    path = tmp_path / "areas.gpkg"
    geopackage(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("pragma journal_mode = wal")
        database.execute("update areas set area_id = 'newer'")
        database.commit()
        assert "is still open in another program" in refused(city, "areas", path)
    # The last who closes it writes what was left.
    result = city.la_pipes("load", "areas", path)
    assert "1 rows in areas.gpkg = 1 loaded" in result.output


def test_links_out_of_a_delivery(city: City, tmp_path: Path, outside: Path) -> None:
    delivery = tmp_path / "delivery"
    delivery.mkdir()
    (delivery / "areas.csv").symlink_to(outside)
    (delivery / "delivery.yml").write_text("deliveries: [{source: areas, file: areas.csv}]")
    before = row_counts(city)
    result = city.la_pipes("run", "--delivery", delivery / "delivery.yml")
    assert result.exit_code == 2
    assert "which leads outside" in result.output
    assert row_counts(city) == before


def test_a_shapefile_with_a_side_file_elsewhere(city: City, tmp_path: Path, outside: Path) -> None:
    path = tmp_path / "delivery" / "areas.shp"
    path.parent.mkdir()
    shape = pa.array([shapely.to_wkb(shapely.box(-118.3, 34.0, -118.2, 34.1))], pa.binary())
    rows = pa.table({"area_id": ["s1"], "geom": shape})
    pyogrio.write_arrow(rows, path, geometry_name="geom", geometry_type="Polygon", crs="EPSG:4326")
    shutil.move(path.with_suffix(".dbf"), outside.with_suffix(".dbf"))
    path.with_suffix(".dbf").symlink_to(outside.with_suffix(".dbf"))
    assert "is a link that leads outside" in refused(city, "areas", path)


def test_a_shapefile_whose_table_changed_is_another_delivery(city: City, tmp_path: Path) -> None:
    shape = pa.array([shapely.to_wkb(shapely.box(-118.3, 34.0, -118.2, 34.1))], pa.binary())
    for name in ("s2", "s3"):
        pyogrio.write_arrow(
            pa.table({"area_id": [name], "geom": shape}),
            tmp_path / "districts.shp",
            geometry_name="geom",
            geometry_type="Polygon",
            crs="EPSG:4326",
        )
        result = city.la_pipes("load", "areas", tmp_path / "districts.shp")
        assert "= 1 loaded + 0 quarantined" in result.output


@pytest.mark.parametrize("name", ["length_m=999", "material=HIVE", "~", "file:", "s3:"])
def test_a_folders_name_is_no_value(city: City, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    holds = ("select concat(length_m, material) from {load}", "5.0CI")
    table = mains(f"{name},5,CI")
    run_case(city, Case(f"table-in-{name}", "pipes", table, loaded=1, holds=holds), folder)
    columns = parquet(pipe_id=[name], length_m=[5.0], material=["CI"])
    run_case(
        city,
        Case(f"columns-in-{name}", "pipes", columns, loaded=1, holds=holds, suffix=".parquet"),
        folder,
    )


def test_a_relative_path_that_looks_like_another_place(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("~", "file:"):
        (tmp_path / folder).mkdir()
        mains(f"{folder},7,CI")(tmp_path / folder / "mains.csv")
        result = city.la_pipes("load", "pipes", f"{folder}/mains.csv")
        assert "1 rows in mains.csv = 1 loaded" in result.output


@pytest.mark.parametrize(
    "case",
    [
        Case(
            "last-row-longer-than-the-readers-buffer",
            "pipes",
            lambda path: path.write_bytes(b"pipe_id,length_m\n1,5\n2,6" + b"x" * 41_000_000),
            loaded=1,
            faults=((2, "", "shape"), (2, "pipe_id", "length"), (2, "length_m", "required")),
        ),
        Case(
            "last-row-of-one-column",
            "pipes",
            lambda path: path.write_bytes(b"pipe_id,length_m\n1,5\n2,6\n" + b"\0" * 41_000_000),
            loaded=2,
            faults=(
                (3, "", "shape"),
                (3, "pipe_id", "type"),
                (3, "pipe_id", "length"),
                (3, "length_m", "required"),
            ),
        ),
        Case(
            "lines-within-quotes-are-no-rows",
            "pipes",
            mains('1,5,"C\n\nI\n"', "", '2,6,"\r\n"', "\r", '3,7,"""\n"', "4,8,CI\n\n"),
            loaded=4,
        ),
    ],
    ids=lambda case: case.id,
)
def test_rows_are_counted_without_the_reader(city: City, tmp_path: Path, case: Case) -> None:
    run_case(city, case, tmp_path)


def deep(depth: int) -> str:
    return "GEOMETRYCOLLECTION(" * depth + "POINT(-118 34)" + ")" * depth


SQUARE = "POLYGON((-118.3 34,-118.2 34,-118.2 34.1,-118.3 34))"


@pytest.mark.parametrize("mapping", [None, "areas: {crs: EPSG:26911}"])
def test_a_shape_that_would_end_the_process_is_set_aside(
    city: City, tmp_path: Path, mapping: str | None
) -> None:
    rows = f'1,"{SQUARE}"\n2,{deep(40_000)}\n3,{"POINT(" * 40_000}\n'
    name = "deep-in-a-system" if mapping else "deep"
    case = Case(
        name,
        "areas",
        lambda path: path.write_text(f"area_id,geometry_wkt\n{rows}"),
        loaded=1,
        faults=((2, "geometry_wkt", "wkt"), (3, "geometry_wkt", "wkt")),
        mapping=mapping,
    )
    run_case(city, case, tmp_path)


def test_a_shape_in_a_geopackage_that_would_end_the_process(city: City, tmp_path: Path) -> None:
    path = tmp_path / "deep.gpkg"
    geopackage(path)
    head = b"GP\0\x01\xe6\x10\0\0"
    shape = b"\x01\x07\0\0\0\x01\0\0\0" * 40_000 + shapely.to_wkb(shapely.Point(-118, 34))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("insert into areas values (2, ?, 'deep')", (head + shape,))
    result = city.la_pipes("load", "areas", path, "--max-rejects", "1")
    assert "2 rows in deep.gpkg = 1 loaded + 1 quarantined" in result.output


def test_a_star_is_linked_and_a_scribble_is_set_aside(city: City, tmp_path: Path) -> None:
    random = np.random.default_rng(1)

    def star(points: int) -> str:
        corners = np.round(random.uniform((-118.3, 34.0), (-118.1, 34.2), (points, 2)), 6)
        return shapely.Polygon(corners).wkt

    rows = f'S,"{star(300)}"\nT,"{star(3000)}"\n'
    case = Case(
        "stars",
        "areas",
        lambda path: path.write_text(f"area_id,geometry_wkt\n{rows}"),
        loaded=1,
        faults=((2, "geometry_wkt", "wkt"),),
        says="crosses itself in 1 rows (the first is row 1)",
    )
    run_case(city, case, tmp_path)
    assert city.la_pipes("link").exit_code == 0
    assert city.value("select max(area_km2) from raw.area_measures") > 200


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("columns: {length_m: {from: l, unit: 9**9**9**9 ft}}", "which cannot become m"),
        ("columns: {length_m: {from: l, unit: 'm^99999999'}}", "which cannot become m"),
        ("columns: {length_m: {from: l, unit: m⁹⁹⁹⁹⁹⁹⁹⁹}}", "which cannot become m"),
        ("record: {from: 2020-01-01, until: 2010-01-01}", "is not before until 2010-01-01"),
        ("record: {from: 2020-01-01, until: 2999-01-01}", "until 2999-01-01 is in the future"),
        ("record: {until: 2024-02-31}", "record.until: must be a day that exists"),
        ("[" * 100_000, "is nested too deep"),
        ("nulls: ['\0']", "contains NUL characters"),
    ],
)
def test_a_mapping_that_leads_nowhere(city: City, tmp_path: Path, mapping: str, says: str) -> None:
    (tmp_path / "mains.csv").write_text("pipe_id,l\n1,5\n")
    (tmp_path / "city.yml").write_text(f"pipes: {{{mapping}}}")
    result = city.la_pipes(
        "load", "pipes", tmp_path / "mains.csv", "--mapping", tmp_path / "city.yml"
    )
    assert result.exit_code == 2
    assert says in result.output
    assert len(result.output) < 500


@pytest.mark.parametrize("unit", ["ft", "survey_foot", "m**2/m", "m²/m", "°C", "kg*m^2/s^2"])
def test_units_that_people_write(unit: str) -> None:
    assert UNIT.fullmatch(unit)
    assert UNITS.Quantity(1.0, unit).magnitude == 1


def test_a_table_of_fifty_thousand_columns(city: City, tmp_path: Path) -> None:
    names = ",".join(f"c{number}" for number in range(50_000))
    (tmp_path / "mains.csv").write_text(f"pipe_id,{names}\n1,{names}\n")
    assert "The file has 50,001 columns" in refused(city, "pipes", tmp_path / "mains.csv")


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-be", "utf-16"])
def test_wide_text_is_read(city: City, tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding.endswith("be") else ""
    case = Case(
        f"wide-{encoding}",
        "pipes",
        text(f"{mark}pipe_id,length_m,street_name\n{encoding},5,Ü\n", encoding),
        loaded=1,
        holds=("select street_name from {load}", "Ü"),
    )
    run_case(city, case, tmp_path)

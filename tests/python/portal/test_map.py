"""The map: tiles hold the mains of an account's areas, and its library is as released."""

import gzip
import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import duckdb
import mapbox_vector_tile
import numpy as np
import pyarrow as pa
import pytest
import shapely

from la_pipeline_failure_predict import portal as portal_package
from la_pipeline_failure_predict.portal.data.store import Store
from la_pipeline_failure_predict.portal.tiles.build import EXTENT, build
from la_pipeline_failure_predict.portal.tiles.layers import LAYERS, MOST_BYTES, MOST_ZOOM
from la_pipeline_failure_predict.portal.tiles.read import read_tile
from portal.conftest import Portal

VENDOR = Path(portal_package.__file__).parent / "static" / "vendor"
VENDORED = json.loads((VENDOR / "vendor.json").read_text(encoding="utf-8"))


def all_tiles(file: Path) -> dict[tuple[int, int, int], bytes]:
    import sqlite3

    with sqlite3.connect(file) as database:
        return {tuple(row[:3]): row[3] for row in database.execute("select * from tiles")}


def decoded(data: bytes) -> dict[str, dict]:
    """Layers of a tile, read by a program that has not written it."""
    return mapbox_vector_tile.decode(gzip.decompress(data), default_options={"y_coord_down": True})


def on_earth(x: float, y: float, place: tuple[int, int, int]) -> tuple[float, float]:
    zoom, column, row = place
    across = (column + x / EXTENT) / 2**zoom
    down = (row + y / EXTENT) / 2**zoom
    latitude = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * down))))
    return 360 * across - 180, float(latitude)


def table(**lines: str) -> pa.Table:
    return pa.table(
        {
            "layer": ["high"] * len(lines),
            "pipe_id": list(lines),
            "area_id": ["north"] * len(lines),
            "line_wkt": list(lines.values()),
        }
    )


@pytest.fixture(scope="module")
def store(published: Path) -> Store:
    return Store(published)


@pytest.fixture(scope="module")
def tiles(store: Store) -> Path:
    return store.tiles(str(store.current_id()))


def test_every_main_in_the_ground_is_where_it_lies(store: Store, tiles: Path) -> None:
    with duckdb.connect(str(store.database(str(store.current_id()))), read_only=True) as snapshot:
        rows = snapshot.execute(
            "select l.pipe_id, l.line_wkt, l.area_id, coalesce(risk_class_code, 'not_scored') "
            "from published.pipe_lines as l join published.pipes using (pipe_id) "
            "left join published.pipe_risk using (pipe_id) where is_in_service"
        ).fetchall()
    expected = {pipe_id: (line, area, layer) for pipe_id, line, area, layer in rows}
    found: dict[str, list] = {}
    for place, data in all_tiles(tiles).items():
        if place[0] != MOST_ZOOM:
            continue
        for layer, content in decoded(data).items():
            for feature in content["features"]:
                said = feature["properties"]
                line, area, expected_layer = expected[said["pipe_id"]]
                assert (layer, said["area_id"]) == (expected_layer, area)
                shape = shapely.geometry.shape(feature["geometry"])
                points = [on_earth(*point, place) for point in shapely.get_coordinates(shape)]
                found.setdefault(said["pipe_id"], []).extend(points)
    short = {  # shorter than a unit of the closest tiles, about a meter
        pipe_id
        for pipe_id in expected.keys() - found.keys()
        if shapely.from_wkt(expected[pipe_id][0]).length < 2e-5
    }
    assert found.keys() | short == expected.keys()
    for pipe_id, points in found.items():
        line = shapely.from_wkt(expected[pipe_id][0])
        away = shapely.distance(shapely.points(points), line)
        assert away.max() < 1.5e-5, pipe_id  # degrees, so 1.6 m: a unit and a half


def test_far_views_show_the_worst_mains_alone(tiles: Path) -> None:
    least = {layer.name: layer.least_zoom for layer in LAYERS}
    seen: dict[str, int] = {}
    for (zoom, _, _), data in sorted(all_tiles(tiles).items()):
        assert len(data) <= MOST_BYTES
        for name in decoded(data):
            assert zoom >= least[name]
            seen.setdefault(name, zoom)
    assert seen["very_high"] == least["very_high"]
    assert seen["low"] == least["low"]


def test_a_long_main_is_in_each_tile_that_it_crosses(tmp_path: Path) -> None:
    line = "LINESTRING (-118.6 34.0, -118.1 34.2)"
    build(table(long=line, bent="LINESTRING (-118.6 34, -118.5 34, -118.5 34.1)"), tmp_path / "t")
    drawn = []
    for place, data in all_tiles(tmp_path / "t").items():
        if place[0] == MOST_ZOOM:
            for feature in decoded(data)["high"]["features"]:
                shape = shapely.geometry.shape(feature["geometry"])
                assert np.abs(shapely.get_coordinates(shape)).max() <= EXTENT + 64
                if feature["properties"]["pipe_id"] == "long":
                    points = [on_earth(*point, place) for point in shapely.get_coordinates(shape)]
                    drawn.append(shapely.LineString(points))
    # In Web Mercator, where it is straight, the pieces cover all of it.
    assert shapely.unary_union(drawn).length > 0.99 * shapely.from_wkt(line).length
    assert len(drawn) > 10


def test_what_does_not_fit_is_left_to_closer_views(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("la_pipeline_failure_predict.portal.tiles.build.MOST_BYTES", 500)
    lines = {
        f"main {i}": f"LINESTRING (-118.4{i:03} 34.0{i % 97:02}, -118.4{i:03}5 34.0{i % 89:02}5)"
        for i in range(200)
    }
    build(table(**lines), tmp_path / "t")
    made = all_tiles(tmp_path / "t")
    closest = {place: data for place, data in made.items() if place[0] == MOST_ZOOM}
    assert max(map(len, closest.values())) > 500
    assert all(len(data) <= 500 for place, data in made.items() if place not in closest)
    ids = {
        feature["properties"]["pipe_id"]
        for data in closest.values()
        for feature in decoded(data)["high"]["features"]
    }
    assert ids == lines.keys()


def test_tiles_name_no_main_of_another_area(tiles: Path, areas_of: dict[str, list[str]]) -> None:
    (mine, *_), foreign = sorted(areas_of.items())[0], {}
    own = {*areas_of[mine]}
    foreign = {pipe_id for area, ids in areas_of.items() if area != mine for pipe_id in ids}
    seen: set[str] = set()
    for place in all_tiles(tiles):
        data = read_tile(tiles, *place, area_ids={mine})
        if data is None:
            continue
        plain = gzip.decompress(data)
        for content in decoded(data).values():
            for feature in content["features"]:
                assert feature["properties"]["area_id"] == mine
                seen.add(feature["properties"]["pipe_id"])
        assert not [name for name in foreign if name.encode() in plain]
    assert own <= seen
    assert all(read_tile(tiles, *place, area_ids=set()) is None for place in all_tiles(tiles))


def test_the_portal_sends_tiles_of_the_account(
    portal: Portal, tiles: Path, areas_of: dict[str, list[str]]
) -> None:
    (mine, other, *_) = sorted(areas_of)
    snapshot_id = tiles.parent.name
    zoom, x, y = next(place for place in all_tiles(tiles) if place[0] == MOST_ZOOM)
    address = f"/tiles/{snapshot_id}/{zoom}/{x}/{y}.mvt"
    assert portal.browser().get(address).status_code == 302
    everything = portal.signed_in("viewer")
    answer = everything.get(address)
    assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "gzip")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data == read_tile(tiles, zoom, x, y)
    assert everything.get(address.replace(snapshot_id, "..%2Fx")).status_code in (204, 404)
    assert everything.get(f"/tiles/{snapshot_id}/3/0/0.mvt").status_code == 204
    some = portal.signed_in("viewer", (mine,))
    areas = some.get("/map/areas.geojson").json
    assert {area["properties"]["area_id"] for area in areas["features"]} == {mine}
    one, another = areas_of[mine][0], areas_of[other][0]
    assert len(some.get(f"/map/main/{one}.geojson").json["features"]) == 1
    assert some.get(f"/map/main/{another}.geojson").json["features"] == []
    listed = some.get("/map/mains.geojson").json["features"]
    assert listed
    assert {feature["properties"]["pipe_id"] for feature in listed} <= {*areas_of[mine]}
    assert 'id="map"' in some.get("/risk").text
    assert 'id="map"' in some.get(f"/pipe/{one}").text


@pytest.mark.parametrize("package", VENDORED)
def test_vendored_files_are_those_of_the_release(package: str, tmp_path: Path) -> None:
    said = VENDORED[package]
    present = {path.name for path in (VENDOR / package).iterdir()}
    assert present == said["files"].keys()
    for name, file in said["files"].items():
        content = (VENDOR / package / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"], name
    if shutil.which("npm") is None:
        pytest.skip("no npm to fetch the release with")
    packed = subprocess.run(
        ["npm", "pack", "--silent", f"{package}@{said['version']}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    if packed.returncode:
        pytest.skip(f"npm cannot fetch {package}: {packed.stderr[-200:]}")
    with tarfile.open(next(tmp_path.glob("*.tgz"))) as release:
        assert json.load(release.extractfile("package/package.json"))["license"] == said["license"]
        for name, file in said["files"].items():
            content = release.extractfile(f"package/{file['from']}").read()
            assert hashlib.sha256(content).hexdigest() == file["sha256"], name

"""The sample looks like Los Angeles, keeps its own rules, and is written whole or not at all."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
import yaml
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from la_pipeline_failure_predict.sample import (
    PROTOCOL_TARGETS,
    SampleFiles,
    protocol_figures,
    write,
    write_sample,
)
from la_pipeline_failure_predict.sample.mains import lay_mains
from la_pipeline_failure_predict.sample.network import Network, lay_streets
from la_pipeline_failure_predict.sample.places import (
    PLACES,
    cells_m,
    hilliness,
    sea_m,
    to_metres,
    visiting_order,
)

CONTRACT = Path(__file__).parents[3] / "schemas" / "data_schema.yaml"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    return write_sample(tmp_path_factory.mktemp("city") / "sample", pipes=20_000, seed=1)


@pytest.fixture(scope="module")
def figures(sample: SampleFiles) -> dict[str, float]:
    return protocol_figures(sample.directory)


@pytest.fixture(scope="module")
def pipes(sample: SampleFiles) -> pd.DataFrame:
    dates = ["installed_on", "decommissioned_on"]
    return pd.read_csv(sample.pipes, parse_dates=dates, low_memory=False)


@pytest.fixture(scope="module")
def breaks(sample: SampleFiles) -> pd.DataFrame:
    return pd.read_csv(sample.breaks, parse_dates=["broke_on"])


@pytest.fixture(scope="module")
def lines(pipes: pd.DataFrame) -> np.ndarray:
    """Axes of the mains in meters."""
    shapes = shapely.from_wkt(pipes["geometry_wkt"].to_numpy())
    return shapely.transform(shapes, to_metres, interleaved=False)


@pytest.fixture(scope="module")
def city() -> Network:
    """All streets of the city."""
    return lay_streets(np.random.default_rng(5), 258_500)


def read_areas(sample: SampleFiles) -> np.ndarray:
    """Neighborhoods in meters."""
    features = json.loads(sample.areas.read_text())["features"]
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    return shapely.transform(np.array(shapes), to_metres, interleaved=False)


def largest_part(lines: np.ndarray) -> float:
    """Share of lines in the largest group that is joined within 60 m, less than half a block."""
    near = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=60)
    joined = coo_array((np.ones(near.shape[1]), near), shape=(len(lines), len(lines)))
    _, part = connected_components(joined, directed=False)
    return float(np.bincount(part).max() / len(lines))


def read_properties(path: Path) -> list[dict[str, object]]:
    return [feature["properties"] for feature in json.loads(path.read_text())["features"]]


@pytest.mark.parametrize("name", PROTOCOL_TARGETS)
def test_figure_is_within_a_tenth_of_the_protocol(name: str, figures: dict[str, float]) -> None:
    assert figures[name] == pytest.approx(PROTOCOL_TARGETS[name], rel=0.10)


def test_soil_resistivity_is_that_of_los_angeles(sample: SampleFiles) -> None:
    resistivity = [row["resistivity_ohm_cm"] for row in read_properties(sample.soils)]
    assert np.quantile(resistivity, [0.1, 0.5, 0.9]) == pytest.approx([700, 1_470, 5_470], rel=0.1)


def test_same_seed_gives_same_bytes_and_another_seed_another_city(tmp_path: Path) -> None:
    def content(name: str, seed: int) -> dict[str, bytes]:
        write_sample(tmp_path / name, pipes=1_000, seed=seed)
        return {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}

    first = content("first", 7)
    assert content("again", 7) == first
    other = content("other", 8)
    assert other["pipes.csv"] != first["pipes.csv"]
    assert other["breaks.csv"] != first["breaks.csv"]


def test_deliveries_hold_only_columns_of_the_landing_contract(sample: SampleFiles) -> None:
    tables = {table["name"]: table for table in yaml.safe_load(CONTRACT.read_text())["schema"]}
    deliveries = yaml.safe_load(sample.delivery.read_text())["deliveries"]
    assert [row["source"] for row in deliveries] == ["areas", "soils", "climate", "pipes", "breaks"]
    for row in deliveries:
        path = sample.directory / row["file"]
        rows = read_properties(path) if path.suffix == ".geojson" else pd.read_csv(path, nrows=1)
        declared = tables[row["source"]]["properties"]
        delivered = set(pd.DataFrame(rows).columns)
        assert delivered <= {column["name"] for column in declared if column["name"][0] != "_"}
        assert {
            c["name"] for c in declared if c.get("required") and c["name"][0] != "_"
        } <= delivered


def test_identifiers_are_unique_and_counts_are_those_announced(
    sample: SampleFiles, pipes: pd.DataFrame, breaks: pd.DataFrame
) -> None:
    areas = [row["area_id"] for row in read_properties(sample.areas)]
    soils = [row["soil_id"] for row in read_properties(sample.soils)]
    for identifiers in (pipes["pipe_id"], breaks["break_id"], pd.Series(areas), pd.Series(soils)):
        assert identifiers.is_unique
    counted = (breaks["asset_type"] == "MAIN") & (breaks["status"] != "CANCELLED")
    assert (len(pipes), len(breaks), counted.sum(), len(areas), len(soils)) == (
        sample.pipe_count,
        sample.break_count,
        sample.main_break_count,
        sample.area_count,
        sample.soil_count,
    )
    assert sample.pipe_count == 20_000


def test_every_break_falls_in_the_service_life_of_its_main(
    pipes: pd.DataFrame, breaks: pd.DataFrame
) -> None:
    joined = breaks.merge(pipes, on="pipe_id", validate="many_to_one")
    assert len(joined) == breaks["pipe_id"].notna().sum()
    assert (
        joined["decommissioned_on"].isna() | (joined["broke_on"] < joined["decommissioned_on"])
    ).all()
    assert (joined["installed_on"].isna() | (joined["broke_on"] >= joined["installed_on"])).all()
    assert breaks["broke_on"].between("2005-01-01", "2024-12-31").all()


def test_every_break_can_be_placed_and_lies_on_its_main(
    pipes: pd.DataFrame, breaks: pd.DataFrame, lines: np.ndarray
) -> None:
    assert (breaks["pipe_id"].notna() | breaks["longitude"].notna()).all()
    known = breaks.dropna(subset=["longitude", "pipe_id"])
    main = lines[pd.Index(pipes["pipe_id"]).get_indexer(known["pipe_id"])]
    point = shapely.points(np.column_stack(to_metres(known["longitude"], known["latitude"])))
    distance = shapely.distance(point, main)
    assert distance.max() < 25  # the link step searches within 30 m
    assert np.median(distance) < 5


def test_mains_have_bent_lines_between_their_ends(pipes: pd.DataFrame, lines: np.ndarray) -> None:
    for end, index in (("start", 0), ("end", -1)):
        place = np.column_stack(to_metres(pipes[f"{end}_longitude"], pipes[f"{end}_latitude"]))
        there = shapely.get_coordinates(shapely.get_point(lines, index))
        assert np.abs(place - there).max() < 0.05
    assert shapely.length(lines) == pytest.approx(pipes["length_m"], abs=0.05)
    chords = shapely.linestrings(shapely.get_coordinates(lines).reshape(-1, 3, 2)[:, [0, 2]])
    bend_m = shapely.distance(chords, shapely.get_point(lines, 1))
    assert (bend_m > 0.1).mean() > 0.1
    assert bend_m.max() > 3


def test_streets_run_on_from_one_neighborhood_into_the_next(pipes: pd.DataFrame) -> None:
    end = ["end_longitude", "end_latitude"]
    start = ["start_longitude", "start_latitude"]
    on = pipes.merge(
        pipes, left_on=[*end, "street_name"], right_on=[*start, "street_name"], suffixes=("", "_2")
    )
    zone, zone_2 = on["pressure_zone"].str[:-1], on["pressure_zone_2"].str[:-1]
    crossing = on.loc[zone != zone_2, "street_name"]
    assert len(crossing) > 100
    zones = pipes.groupby("street_name")["pressure_zone"].agg(lambda rows: rows.str[:-1].nunique())
    assert (zones >= 2).mean() > 0.5


def test_mains_form_one_piece(lines: np.ndarray, city: Network) -> None:
    assert largest_part(lines) > 0.99
    whole = shapely.linestrings(np.stack([city.start_m, city.end_m], axis=1))
    assert largest_part(whole) > 0.99


@pytest.mark.parametrize("pipes", [1_000, 60_000])
def test_any_part_of_the_city_is_one_piece(pipes: int) -> None:
    mains = lay_mains(np.random.default_rng(9), pipes)
    ends = shapely.linestrings(np.stack([mains.start_m, mains.end_m], axis=1))
    assert largest_part(ends) > 0.99
    assert len(mains.covered) >= 3


def test_neighborhoods_touch(sample: SampleFiles) -> None:
    areas = read_areas(sample)
    assert 8 <= len(areas) <= 15
    together = shapely.union_all(shapely.buffer(areas, 1.0))
    assert together.geom_type == "Polygon"
    assert len(together.interiors) == 0
    overlap = shapely.area(areas).sum() - shapely.union_all(areas).area
    assert overlap < 1e-4 * together.area


def test_the_whole_city_is_covered_outward(city: Network) -> None:
    cells = cells_m()
    assert city.covered == list(range(len(PLACES)))
    assert sorted(visiting_order()) == city.covered
    for count in (3, 12, 60):
        part = shapely.union_all(shapely.buffer(cells[list(visiting_order()[:count])], 1.0))
        assert part.geom_type == "Polygon"


def test_no_main_lies_in_the_sea(city: Network) -> None:
    nodes = np.concatenate([city.start_m, city.middle_m, city.end_m])
    assert not shapely.contains_xy(sea_m(), *nodes.T).any()
    assert shapely.contains_xy(sea_m().buffer(50), *nodes.T).any()  # streets run along the coast


def test_trunk_mains_run_along_boulevards(pipes: pd.DataFrame) -> None:
    trunk = pipes["diameter_mm"] >= 500
    assert (pipes.loc[trunk, "road_class"] == "arterial").mean() > 0.6
    on = pipes[pipes["road_class"] == "arterial"].merge(
        pipes, left_on=["end_longitude", "street_name"], right_on=["start_longitude", "street_name"]
    )
    joined = on[on["installation_id_x"] != on["installation_id_y"]]
    sizes = np.log(joined[["diameter_mm_x", "diameter_mm_y"]])
    assert np.corrcoef(sizes.T)[0, 1] > 0.4


def test_mains_are_larger_in_the_hills(pipes: pd.DataFrame, lines: np.ndarray) -> None:
    middle = shapely.get_coordinates(shapely.line_interpolate_point(lines, 0.5, normalized=True))
    local = (pipes["road_class"] == "local").to_numpy()
    hilly = hilliness(middle) > 0.5
    assert 0.005 < hilly.mean() < 0.3
    size = pipes["diameter_mm"].to_numpy()
    assert size[hilly & local].mean() > 1.15 * size[~hilly & local].mean()


def test_every_main_lies_in_an_area_and_on_a_soil(sample: SampleFiles, pipes: pd.DataFrame) -> None:
    middle = shapely.points(
        (pipes["start_longitude"] + pipes["end_longitude"]) / 2,
        (pipes["start_latitude"] + pipes["end_latitude"]) / 2,
    )
    for path in (sample.areas, sample.soils):
        features = json.loads(path.read_text())["features"]
        polygons = [shapely.geometry.shape(feature["geometry"]) for feature in features]
        assert shapely.is_valid(polygons).all()
        held = shapely.STRtree(polygons).query(middle, predicate="intersects")[0]
        assert len(np.unique(held)) > 0.999 * len(middle)


def test_true_hazard_adds_up_to_the_breaks_and_ranks_them(
    sample: SampleFiles, breaks: pd.DataFrame
) -> None:
    hazard = pd.read_parquet(sample.true_hazard)
    assert not hazard.duplicated(["pipe_id", "year"]).any()
    assert sorted(hazard["year"].unique()) == list(range(2005, 2026))
    record = hazard[hazard["year"] <= 2024]
    expected = record["expected_breaks"].sum()
    assert abs(sample.main_break_count - expected) < 4 * expected**0.5
    counted = breaks[(breaks["asset_type"] == "MAIN") & (breaks["status"] != "CANCELLED")]
    keys = counted.assign(year=counted["broke_on"].dt.year).dropna(subset=["pipe_id"])
    broke = keys.groupby(["pipe_id", "year"]).size().rename("breaks").reset_index()
    joined = record.merge(broke, how="left", on=["pipe_id", "year"]).fillna({"breaks": 0})
    assert joined["breaks"].sum() == len(keys)  # nothing breaks that has no hazard
    # Calibrated from the lowest to the highest fifth of the expected breaks.
    joined = joined.sort_values("expected_breaks")
    fifth = np.minimum(joined["expected_breaks"].cumsum() / expected * 5, 4.999).astype(int)
    sums = joined.groupby(fifth)[["breaks", "expected_breaks"]].sum()
    linked = len(keys) / expected
    gap = sums["breaks"] - linked * sums["expected_breaks"]
    assert (gap.abs() < 4 * sums["expected_breaks"] ** 0.5).all()


def test_too_few_pipes_is_refused_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ask for at least 1,000 mains"):
        write_sample(tmp_path / "sample", pipes=999)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def broken_last_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(write, "_write_true_hazard", fail)


@pytest.mark.usefixtures("broken_last_step")
def test_failure_leaves_nothing_half_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk full"):
        write_sample(tmp_path / "sample", pipes=1_000)
    assert not list(tmp_path.iterdir())


def test_failure_keeps_the_sample_before_and_success_keeps_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sample"
    write_sample(folder, pipes=1_000, seed=1)
    (folder / "notes.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(write, "_write_true_hazard", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_sample(folder, pipes=1_000, seed=2)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    write_sample(folder, pipes=1_000, seed=2)
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "breaks.csv").read_bytes() != before["breaks.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def test_progress_is_told_in_words(tmp_path: Path) -> None:
    steps: list[str] = []
    write_sample(tmp_path / "sample", pipes=1_000, progress=steps.append)
    assert steps[0] == "laying 1,000 mains"
    assert steps[-1] == "writing files"

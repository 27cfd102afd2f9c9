"""Attributes that a mapping names reach scores and reasons, on both engines, without code."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from cities import ENGINES, ROOT, City
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.features import read_features
from la_pipeline_failure_predict.model.grains import MAINS
from la_pipeline_failure_predict.sources.mapping import read_mapping
from model.test_scores_in_sql import assert_same_scores

DAY = {"from": "SURVEYED", "formats": ["%d.%m.%Y"]}
MAPPING = {
    "pipes": {
        "columns": {name: name for name in ("pipe_id", "material", "length_m", "diameter_mm")}
        | {"install_year": "install_year"},
        "attributes": {
            "traffic_aadt": {"from": "AADT", "type": "number", "unit": "vehicle/day"},
            "lining": {"from": "LINED", "type": "category", "as_of": DAY, "before": "none"},
            "leak_count": {"from": "LEAKS", "type": "number", "as_of": "2022-01-01"},
        },
    },
    "breaks": {"record": {"from": "2010-01-01", "until": "2021-12-31"}},
}


def write_city(folder: Path, pipes: int = 400) -> Path:
    """Write mains that break where traffic is heavy, and their breaks; returns the delivery file.

    Main 0 has no traffic; main 1 is lined on a day in 2016, main 2 on a day that nobody wrote down,
    and the other mains are not.
    """
    generator = np.random.default_rng(3)
    busy = generator.random(pipes) < 0.2
    mains, breaks = [], []
    for number in range(pipes):
        mains.append(
            {
                "pipe_id": f"M{number}",
                "material": "CI",
                "length_m": 100,
                "diameter_mm": 150,
                "install_year": 1950,
                "AADT": "" if number == 0 else 20_000 if busy[number] else 500,
                "LINED": "cement" if number in (1, 2) else "none",
                "SURVEYED": "01.07.2016" if number == 1 else "",
                "LEAKS": 3 if busy[number] else 0,
            }
        )
        for year in range(2010, 2022):
            for _ in range(generator.poisson(0.3 if busy[number] else 0.02)):
                day = f"{year}-{generator.integers(1, 13):02d}-{generator.integers(1, 29):02d}"
                breaks.append({"break_id": len(breaks), "pipe_id": f"M{number}", "broke_on": day})
    for name, rows in (("mains", mains), ("breaks", breaks)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    (folder / "mapping.yml").write_text(yaml.safe_dump(MAPPING))
    deliveries = [
        {"source": "pipes", "file": "mains.csv", "mapping": "mapping.yml"},
        {"source": "breaks", "file": "breaks.csv", "mapping": "mapping.yml"},
    ]
    (folder / "delivery.yml").write_text(yaml.safe_dump({"deliveries": deliveries}))
    return folder / "delivery.yml"


@pytest.fixture(scope="module")
def busy_cities(
    make_city: Callable[[str], City], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, City]:
    """A small city with attributes, run from files to views on each engine."""
    delivery = write_city(tmp_path_factory.mktemp("busy"))
    cities = {engine: make_city(engine) for engine in ENGINES}
    for city in cities.values():
        city.run_all(delivery)
    return cities


@pytest.mark.parametrize("engine", ENGINES)
def test_attributes_reach_scores_and_reasons(busy_cities: dict[str, City], engine: str) -> None:
    city = busy_cities[engine]
    read = city.rows(
        "select distinct feature from ml.model_coefficients where feature like 'attribute:%'"
    )
    # Of what is known from 2022 on, no training row has seen a value.
    assert "attribute:traffic_aadt" in {row["feature"] for row in read}
    assert_same_scores(city)
    (found,) = city.rows(
        "select reason, count(*) as mains, min(rate_factor) as least "
        "from powerbi.pipe_reason_codes where reason_name = 'attribute:traffic_aadt' group by 1"
    )
    assert found["reason"] == "traffic aadt: 20000 vehicle/day"
    assert found["mains"] > 50
    assert found["least"] > 2


def test_both_engines_hold_the_same_attributes(busy_cities: dict[str, City]) -> None:
    sql = (
        "select pipe_id, attribute, number, category, unit, valid_from, valid_until "
        "from features.fct_pipe_attributes"
    )
    first, second = (sorted(map(str, busy_cities[engine].rows(sql)), key=str) for engine in ENGINES)
    assert first == second
    assert len(first) == 399 + 400 + 400


def test_a_value_holds_from_its_day_on_and_one_without_a_day_is_set_aside(
    busy_cities: dict[str, City],
) -> None:
    city = busy_cities["duckdb"]
    lined = city.rows(
        "select category, cast(valid_from as text) as since, cast(valid_until as text) as until "
        "from features.fct_pipe_attributes where attribute = 'lining' and pipe_id = 'M1' "
        "order by since nulls first"
    )
    assert [tuple(row.values()) for row in lined] == [
        ("none", None, "2016-07-01"),
        ("cement", "2016-07-01", None),
    ]
    (fault,) = city.rows("select row_number, column_name, value, reason from raw.quarantine")
    assert (fault["row_number"], fault["column_name"]) == (3, "valid_from")
    assert fault["value"] == "undated"
    assert fault["reason"].startswith("valid_from is not a date")


def test_a_model_without_the_future_is_the_same(busy_cities: dict[str, City]) -> None:
    """What a survey of 2022 found is null in every row that training reads."""
    city = busy_cities["duckdb"]
    with city.connect() as warehouse:
        features = read_features(ROOT, MAINS).with_attributes(warehouse)
        design = features.design("empirical_bayes")
        assert "attribute:leak_count" in design.number_columns
        mart = MAINS.mart
        rows = mart.rows(("attribute:leak_count",), ())
        known = warehouse.query(
            f'select as_of_date, count("attribute:leak_count") as known from {rows} group by 1'
        ).to_pylist()
    assert {row["as_of_date"].year for row in known if row["known"]} == {2022}


def test_the_same_file_with_another_mapping_replaces_its_attributes(
    copy_city: Callable[[City], City], busy_cities: dict[str, City], tmp_path: Path
) -> None:
    city = copy_city(busy_cities["duckdb"])
    write_city(tmp_path)
    mapping = {"pipes": MAPPING["pipes"] | {"attributes": {}}}
    (tmp_path / "mapping.yml").write_text(yaml.safe_dump(mapping))
    loaded = city.la_pipes(
        "load", "pipes", tmp_path / "mains.csv", "--mapping", tmp_path / "mapping.yml"
    )
    assert loaded.exit_code == 0, loaded.output
    built = city.la_pipes("build", "--select", "fct_pipe_attributes")
    assert built.exit_code == 0, built.output
    assert city.value("select count(*) from features.fct_pipe_attributes") == 0
    with city.connect() as warehouse:
        assert read_features(ROOT, MAINS).with_attributes(warehouse).declared.keys() == (
            read_features(ROOT, MAINS).declared.keys()
        )


@pytest.mark.parametrize(
    ("source", "attributes", "message"),
    [
        ("pipes", {"condition": {"from": "X", "type": "number"}}, "outcome .condition.*as_of"),
        ("pipes", {"wear": {"from": "LeakCount", "type": "number"}}, "outcome .leak."),
        ("pipes", {"lof": {"from": "LOF_GRADE", "type": "number"}}, "outcome .lof."),
        ("pipes", {"Depth m": {"from": "X", "type": "number"}}, "'Depth m' is not a name"),
        ("pipes", {"depth": {"from": "X"}}, r"pipes\.attributes\.depth\.type: is missing"),
        ("pipes", {"depth": {"from": "X", "type": "text"}}, "depth.type: 'text' is none of 'num"),
        ("pipes", {"soil": {"from": "X", "type": "category", "unit": "m"}}, "only a number has"),
        ("pipes", {"soil": {"from": "X", "type": "category", "before": "a"}}, "before needs as_of"),
        (
            "pipes",
            {"soil": {"from": "X", "type": "category", "until": "a"}},
            "no key 'until'",
        ),
        ("breaks", {"depth": {"from": "X", "type": "number"}}, "only pipes have attributes"),
    ],
)
def test_a_wrong_attribute_is_refused_in_a_sentence(
    tmp_path: Path, source: str, attributes: dict, message: str
) -> None:
    file = tmp_path / "mapping.yml"
    file.write_text(yaml.safe_dump({source: {"attributes": attributes}}))
    with pytest.raises(UserError, match=message):
        read_mapping(file, source)


def test_an_outcome_with_a_day_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "mapping.yml"
    rule = {"from": "SCORE", "type": "number", "as_of": {"from": "INSPECTED"}}
    file.write_text(yaml.safe_dump({"pipes": {"attributes": {"condition_score": rule}}}))
    assert read_mapping(file, "pipes").attributes["condition_score"].as_of is not None


def test_a_header_that_is_not_there_is_named(duckdb_city: City, tmp_path: Path) -> None:
    write_city(tmp_path, pipes=100)
    attributes = {"depth": {"from": ["DEPTH_M", "COVER"], "type": "number"}}
    (tmp_path / "mapping.yml").write_text(
        yaml.safe_dump({"pipes": MAPPING["pipes"] | {"attributes": attributes}})
    )
    result = duckdb_city.la_pipes(
        "load", "pipes", tmp_path / "mains.csv", "--mapping", tmp_path / "mapping.yml"
    )
    assert result.exit_code == 2
    assert "reads depth from 'DEPTH_M' or 'COVER', but the file has pipe_id" in result.output

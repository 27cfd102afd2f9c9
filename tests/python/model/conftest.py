"""Feature marts made by hand, in the engines' real databases."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from la_pipeline_failure_predict.contracts.reader import read_tables
from la_pipeline_failure_predict.tables import Column, Table
from la_pipeline_failure_predict.warehouse.base import Warehouse, arrow_schema, create_statement
from la_pipeline_failure_predict.warehouse.duckdb_engine import DuckDBWarehouse

ROOT = Path(__file__).parents[3]


def create(warehouse: Warehouse, table: Table) -> None:
    """Create a table that dbt would."""
    warehouse.execute(f"create schema if not exists {table.schema}")
    warehouse.execute(create_statement(table))


def declared(warehouse: Warehouse) -> Warehouse:
    """Give a warehouse its landing, model and score tables."""
    return warehouse.declare(lambda: read_tables(ROOT)).create_declared()


@dataclass
class Marts:
    """The two feature marts as their YAML declares them."""

    declared: Mapping[str, Table]
    messages: list[str] = field(default_factory=list)
    counted: list[tuple[int, int]] = field(default_factory=list)

    def fill(self, warehouse: Warehouse, name: str, rows: Mapping[str, object]) -> None:
        """Create a mart and put rows in; columns that are not given are null."""
        table = self.declared[name]
        schema = arrow_schema(table)
        given = {key: pa.array(value, schema.field(key).type) for key, value in rows.items()}
        create(warehouse, table)
        warehouse.append(table, pa.table(given).to_reader())

    def progress(self, message: str) -> None:
        self.messages.append(message)

    def count(self, done: int, total: int, message: str) -> None:
        self.counted.append((done, total))
        self.progress(message)


@pytest.fixture
def marts() -> Marts:
    path = ROOT / "models" / "marts" / "features" / "_features__models.yml"
    models = yaml.safe_load(path.read_text())["models"]
    declared = {
        model["name"]: Table(
            name=model["name"],
            schema="features",
            provider="features",
            description=model["description"],
            columns=tuple(
                Column(name=item["name"], sql_type=item["data_type"], description="")
                for item in model["columns"]
            ),
        )
        for model in models
    }
    return Marts(declared)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with DuckDBWarehouse(str(tmp_path / "la_pipes.duckdb")) as opened:
        yield declared(opened)


@pytest.fixture
def postgres(make_city: Callable) -> Iterator[Warehouse]:
    with make_city("postgres").connect() as opened:
        yield declared(opened)


def pipe_rows(
    pipes: int = 1500, years: range = range(2012, 2021), seed: int = 1, shuffled: bool = False
) -> dict[str, object]:
    """Return mains with a known hazard: cast iron 5 times, and the rate of length ** -0.3.

    Labels of all years but the last are complete. History is simulated with the hazard.
    """
    generator = np.random.default_rng(seed)
    material = generator.choice(["cast_iron", "ductile_iron", "plastic"], pipes, p=[0.4, 0.4, 0.2])
    era = generator.choice(["before_1931", "1961_1980"], pipes)
    length = generator.uniform(10, 200, pipes)
    install = np.where(era == "before_1931", 1920, 1970)
    effect = np.where(material == "cast_iron", np.log(5), 0.0) - 0.3 * np.log(length / 100)
    rate = 0.4 * np.exp(effect) * length / 1000
    first = years[0] - 5
    broken = generator.poisson(rate[:, None], (pipes, years[-1] - first))
    diameter = [
        None if value < 0.1 else 100.0 + 50 * round(value * 9) for value in generator.random(pipes)
    ]
    columns: dict[str, list] = {name: [] for name in PIPE_COLUMNS}
    for year in years:
        seen = broken[:, : year - first]
        label = broken[:, year - first] if year < years[-1] else None
        if shuffled and label is not None:
            label = generator.permutation(label)
        last = np.where(seen.any(axis=1), np.argmax(seen[:, ::-1] > 0, axis=1) * 12 + 6, -1)
        block = {
            "pipe_id": [f"P{number:05d}" for number in range(pipes)],
            "as_of_date": [date(year, 1, 1)] * pipes,
            "material_group": material.tolist(),
            "install_era": era.tolist(),
            "joint_code": ["UNK"] * pipes,
            "road_class": generator.choice(["local", "arterial"], pipes).tolist(),
            "soil_corrosivity_code": ["unknown"] * pipes,
            "age_years": (year - install).astype(float).tolist(),
            "diameter_mm": diameter,
            "length_m": length.tolist(),
            "exposure_years": [float(year - first)] * pipes,
            "breaks_ever": seen.sum(axis=1).tolist(),
            "breaks_prior_12m": seen[:, -1:].sum(axis=1).tolist(),
            "breaks_prior_36m": seen[:, -3:].sum(axis=1).tolist(),
            "breaks_prior_60m": seen[:, -5:].sum(axis=1).tolist(),
            "months_since_last_break": [None if value < 0 else int(value) for value in last],
            "installation_breaks_prior_36m": [0] * pipes,
            "nearby_breaks_prior_12m": generator.poisson(0.1, pipes).tolist(),
            "nearby_breaks_prior_36m": generator.poisson(0.3, pipes).tolist(),
            "nearby_breaks_prior_60m": generator.poisson(0.5, pipes).tolist(),
            "neighbourhood_breaks_ever": generator.poisson(2, pipes).tolist(),
            "breaks_next_12m": [None] * pipes if label is None else label.tolist(),
            "is_label_complete": [label is not None] * pipes,
        }
        for name, values in block.items():
            columns[name] += values
    return dict(columns)


PIPE_COLUMNS = (
    "pipe_id",
    "as_of_date",
    "material_group",
    "install_era",
    "joint_code",
    "road_class",
    "soil_corrosivity_code",
    "age_years",
    "diameter_mm",
    "length_m",
    "exposure_years",
    "breaks_ever",
    "breaks_prior_12m",
    "breaks_prior_36m",
    "breaks_prior_60m",
    "months_since_last_break",
    "installation_breaks_prior_36m",
    "nearby_breaks_prior_12m",
    "nearby_breaks_prior_36m",
    "nearby_breaks_prior_60m",
    "neighbourhood_breaks_ever",
    "breaks_next_12m",
    "is_label_complete",
)


def area_rows(areas: int = 30, months: int = 49, seed: int = 1) -> dict[str, object]:
    """Return areas with a winter peak and a rate that falls with last month's warmth.

    The last month has no label.
    """
    generator = np.random.default_rng(seed)
    exposure = generator.uniform(20, 200, areas)
    own = generator.gamma(4, 0.25, areas)
    names = (
        *("area_id", "month_on", "month_of_year", "exposure", "exposure_basis"),
        *("months_observed", "breaks_ever", "breaks_prior_1m", "breaks_prior_12m"),
        *("breaks_prior_36m", "same_month_mean", "city_same_month_share"),
        *("temperature_min_lag1_c", "break_count", "is_label_complete"),
    )
    columns: dict[str, list] = {name: [] for name in names}
    counts = np.zeros((areas, months), dtype=int)
    for month in range(months):
        warmth = 12 + 6 * np.sin((month - 4) / 6 * np.pi) + generator.normal()
        counts[:, month] = generator.poisson(0.02 * exposure * own * np.exp(-0.06 * (warmth - 12)))
        complete = month < months - 1
        same = counts[:, month % 12 : month : 12]
        city = same.sum() / max(counts[:, : month // 12 * 12].sum(), 1)
        seen = counts[:, :month]
        block = {
            "area_id": [f"A{number:03d}" for number in range(areas)],
            "month_on": [date(2010 + month // 12, month % 12 + 1, 1)] * areas,
            "month_of_year": [month % 12 + 1] * areas,
            "exposure": exposure.tolist(),
            "exposure_basis": ["mains_km"] * areas,
            "months_observed": [month] * areas,
            "breaks_ever": seen.sum(axis=1).tolist(),
            "breaks_prior_1m": seen[:, -1:].sum(axis=1).tolist(),
            "breaks_prior_12m": seen[:, -12:].sum(axis=1).tolist(),
            "breaks_prior_36m": seen[:, -36:].sum(axis=1).tolist(),
            "same_month_mean": same.mean(axis=1).tolist() if month >= 12 else [None] * areas,
            "city_same_month_share": [float(city) if month >= 12 else None] * areas,
            "temperature_min_lag1_c": [float(warmth)] * areas,
            "break_count": counts[:, month].tolist() if complete else [None] * areas,
            "is_label_complete": [complete] * areas,
        }
        for name, values in block.items():
            columns[name] += values
    return dict(columns)


@pytest.fixture
def make_pipes() -> Callable[..., dict[str, object]]:
    return pipe_rows


@pytest.fixture
def make_areas() -> Callable[..., dict[str, object]]:
    return area_rows

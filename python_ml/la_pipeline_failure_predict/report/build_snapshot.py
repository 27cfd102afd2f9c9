"""What one build holds, small enough to keep: rows and columns of the marts, and key figures."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.warehouse import Warehouse, open_build
from la_pipeline_failure_predict.warehouse.base import quote, type_name

FORMAT = "la-pipes build 1"
MART_SCHEMAS = ("core", "features", "risk", "powerbi")
# The results of checks grow with every run, and say nothing about the build.
NOT_COMPARED = ("powerbi.data_quality",)
TOP_COUNT = 100

Style = Literal["count", "share", "number"]


@dataclass(frozen=True)
class RunFigure:
    """A key figure: what it is called, how it is written, and how it is read.

    Attributes
    ----------
    table
        Schema and table that must be there; without it the figure is left out.
    """

    label: str
    style: Style
    table: str
    sql: str


FIGURES: Mapping[str, RunFigure] = {
    "breaks": RunFigure(
        "Breaks", "count", "core.fct_breaks", "select count(*) from core.fct_breaks"
    ),
    "linked_share": RunFigure(
        "Breaks linked to a main",
        "share",
        "core.fct_breaks",
        "select avg(case when pipe_id is null then 0.0 else 1.0 end) from core.fct_breaks",
    ),
    "unknown_material_share": RunFigure(
        "Length of unknown material",
        "share",
        "core.dim_pipes",
        "select sum(case when material_code = 'UNK' then length_m else 0 end) "
        "/ nullif(sum(length_m), 0) from core.dim_pipes where decommissioned_on is null",
    ),
    "network_km": RunFigure(
        "Mains in service, km",
        "number",
        "core.dim_pipes",
        "select sum(length_m) / 1000 from core.dim_pipes where decommissioned_on is null",
    ),
    "expected_breaks": RunFigure(
        "Expected breaks of the published run",
        "number",
        "risk.fct_pipe_risk",
        "select sum(expected_breaks) from risk.fct_pipe_risk",
    ),
}
METRICS: Mapping[str, tuple[str, Style]] = {
    "capture_at_1pct_length": ("breaks caught in 1 % of the length", "share"),
    "capture_at_10pct_length": ("breaks caught in 10 % of the length", "share"),
    "auc": ("AUC", "number"),
    "observed_over_expected": ("observed / expected", "number"),
}
GRAIN_NAMES = {"pipe": "Mains", "area_month": "Areas"}

NEWEST_METRICS = """
    with ranked_runs as (

        select
            run_id,
            grain,
            model_name,
            row_number() over (
                partition by grain
                order by trained_until desc, trained_at desc, run_id desc
            ) as place
        from ml.model_runs

    )

    select
        ranked_runs.grain,
        ranked_runs.run_id,
        metrics.metric,
        metrics.value
    from ranked_runs
    inner join ml.model_metrics as metrics
        on
            ranked_runs.run_id = metrics.run_id
            and ranked_runs.model_name = metrics.model_name
    where
        ranked_runs.place = 1
        and metrics.split_name = 'last_year_out'
        and metrics.segment = 'all'
        and metrics.value is not null
    order by metrics.as_of_date
"""
TOP_MAINS = f"""
    select pipe_id from risk.fct_pipe_risk
    order by risk_rank, pipe_id
    limit {TOP_COUNT}
"""


@dataclass(frozen=True)
class MartState:
    """Rows and columns (name to type) of a table or view."""

    rows: int
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Build:
    """What a build holds.

    Attributes
    ----------
    label
        What the comparison calls it; holds no address.
    figures
        Values by the keys of `FIGURES`, and by ``grain.metric`` for the newest run of a grain.
    runs
        Newest run of each grain.
    top_mains
        The first mains of the ranking.
    """

    label: str
    marts: Mapping[str, MartState]
    figures: Mapping[str, float]
    runs: Mapping[str, str]
    top_mains: tuple[str, ...]


def read_build(warehouse: Warehouse, label: str) -> Build:
    """Read what the open warehouse holds.

    Raises
    ------
    UserError
        If it has no marts, or one that cannot be read.
    """
    marts = dict(_marts(warehouse, label))
    if not marts:
        raise UserError(f"There are no marts in {label}: run la-pipes run, then compare.")
    metrics = list(_newest_metrics(warehouse))
    return Build(
        label=label,
        marts=marts,
        figures=dict(_figures(warehouse, marts))
        | {f"{row['grain']}.{row['metric']}": row["value"] for row in metrics},
        runs={row["grain"]: row["run_id"] for row in metrics},
        top_mains=tuple(_top_mains(warehouse, marts)),
    )


def read_base(file: Path) -> Build:
    """Read a build from a file: what `la-pipes compare --save` wrote, or a DuckDB file.

    Raises
    ------
    UserError
        If there is no such file, or it is neither.
    """
    if not file.is_file():
        raise UserError(
            f"No build {file}: name a DuckDB file, or one written by la-pipes compare --save."
        )
    with file.open("rb") as stream:
        is_snapshot = stream.read(1) == b"{"
    if is_snapshot:
        return _parse(file)
    with open_build(file) as warehouse:
        return read_build(warehouse, file.name)


def write_snapshot(build: Build) -> str:
    """Return the build as the JSON that `read_base` reads."""
    return json.dumps({"format": FORMAT} | asdict(build), indent=1) + "\n"


def _parse(file: Path) -> Build:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            raise ValueError("another format")
        content["marts"] = {name: MartState(**mart) for name, mart in content["marts"].items()}
        content["top_mains"] = tuple(content["top_mains"])
        return Build(**content | {"label": file.name})
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{file} is not a snapshot that this version wrote: write it again with la-pipes "
            "compare --save."
        ) from error


def _marts(warehouse: Warehouse, label: str) -> Iterator[tuple[str, MartState]]:
    schemas = ", ".join(f"'{schema}'" for schema in MART_SCHEMAS)
    columns: dict[tuple[str, str], dict[str, str]] = {}
    for row in warehouse.query(
        "select table_schema, table_name, column_name, data_type from information_schema.columns "
        f"where table_schema in ({schemas}) order by table_schema, table_name, ordinal_position"
    ).to_pylist():
        key = (row["table_schema"], row["table_name"])
        columns.setdefault(key, {})[row["column_name"]] = type_name(row["data_type"])
    for schema, table in sorted(columns, key=lambda key: (MART_SCHEMAS.index(key[0]), key[1])):
        if f"{schema}.{table}" in NOT_COMPARED:
            continue
        try:
            rows = warehouse.scalar(f"select count(*) from {quote(schema)}.{quote(table)}")
        except Exception as error:  # of the driver: a view outlived what it reads
            raise UserError(
                f"{schema}.{table} of {label} cannot be read: build it again with la-pipes build."
            ) from error
        yield f"{schema}.{table}", MartState(int(str(rows)), columns[schema, table])


def _figures(warehouse: Warehouse, marts: Mapping[str, MartState]) -> Iterator[tuple[str, float]]:
    for key, figure in FIGURES.items():
        if figure.table not in marts:
            continue
        value = warehouse.scalar(figure.sql)
        if value is not None:
            yield key, float(str(value))


def _newest_metrics(warehouse: Warehouse) -> list[dict[str, Any]]:
    if not warehouse.has_table("ml", "model_metrics"):
        return []
    rows = warehouse.query(NEWEST_METRICS).to_pylist()
    return [row for row in rows if row["metric"] in METRICS]


def _top_mains(warehouse: Warehouse, marts: Mapping[str, MartState]) -> list[str]:
    if "risk.fct_pipe_risk" not in marts:
        return []
    return [str(row["pipe_id"]) for row in warehouse.query(TOP_MAINS).to_pylist()]

"""The queries of powerbi/datasets run on both engines, and give the views' rows in other names."""

from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest

from cities import ENGINES, ROOT, City
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.datasets import VIEWS, render_dataset, render_datasets
from la_pipeline_failure_predict.powerbi.model import Column, SemanticModel, Table

FOLDER = ROOT / "powerbi" / "datasets"
AWKWARD = Table(
    name="Pipe Breaks",
    view="pipe_breaks",
    description="One row per break.\n-- '; drop table x; /* " + "long " * 30,
    source="",
    columns=(
        Column("Break Date", "broke_on", "dateTime", "Day of the\nbreak; reported."),
        Column('Crew\'s "Note": No.', "note", "string", ""),
        Column("Größe, % of $1 {x}", "select", "double", "Said `twice`."),
    ),
)


def rows(table: pa.Table) -> list[str]:
    """All rows, in an order that no engine decides."""
    return sorted(map(repr, zip(*table.to_pydict().values(), strict=True)))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("engine", ENGINES)
def test_query_gives_the_rows_of_its_view_by_other_names(
    sample_cities: dict[str, City], engine: str, view: str
) -> None:
    query = (FOLDER / f"{view}.sql").read_text(encoding="utf-8")
    with sample_cities[engine].connect() as warehouse:
        # In brackets, as Power Query does it.
        shown = warehouse.query(f"select * from ({query.rstrip()}) as shown")
        stored = warehouse.query(f"select * from powerbi.{view}")
    assert shown.num_rows > 0
    assert rows(shown) == rows(stored)
    assert not [name for name in shown.column_names if "_" in name], "not the names of the model"


def test_awkward_names_and_descriptions_stay_out_of_the_query(empty_city: City) -> None:
    with empty_city.connect() as warehouse:
        warehouse.execute("create schema if not exists powerbi")
        warehouse.execute(
            "create view powerbi.pipe_breaks as "
            """select cast('2024-05-01' as date) as broke_on, 'x' as note, 15 as "select" """
        )
        shown = warehouse.query(render_dataset(AWKWARD)).to_pylist()
    assert shown == [
        {
            "Break Date": date(2024, 5, 1),
            'Crew\'s "Note": No.': "x",
            "Größe, % of $1 {x}": 15,
        }
    ]


def test_every_line_fits_and_describes() -> None:
    text = render_dataset(AWKWARD)
    assert text.startswith("-- Pipe Breaks: One row per break. -- '; drop table x; /* long ")
    assert '    -- Day of the break; reported.\n    "broke_on" as "Break Date",\n' in text
    assert max(map(len, text.splitlines())) <= 100
    assert text.endswith("from powerbi.pipe_breaks\n")


def test_what_cannot_be_written_is_reported() -> None:
    long = replace(AWKWARD.columns[0], name="é" * 32)
    with pytest.raises(UserError, match=r"pipe_breaks\.broke_on is longer than 63 bytes"):
        render_dataset(replace(AWKWARD, columns=(long,)))
    with pytest.raises(UserError, match=r"imported from powerbi\.climate_monthly"):
        render_datasets(SemanticModel("model", "", (AWKWARD,)))

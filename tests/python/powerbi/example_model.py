"""A small model and page, written by hand: each part of a model once, and the names that hurt."""

from pathlib import Path

from la_pipeline_failure_predict.powerbi.model import (
    Column,
    Hierarchy,
    Measure,
    Parameter,
    Relationship,
    Role,
    SemanticModel,
    Table,
)
from la_pipeline_failure_predict.powerbi.report import Field, Page, Sort, Visual
from la_pipeline_failure_predict.powerbi.tmdl import render_model


def imported(view: str, types: str) -> str:
    """Return the M that imports a view from PostgreSQL, or from its export as Parquet."""
    return f"""let
    Source = if DataSource = "PostgreSQL"
        then PostgreSQL.Database(PgServer, PgDatabase){{[Schema = PgSchema, Item = "{view}"]}}[Data]
        else Parquet.Document(File.Contents(ExportFolder & "/{view}.parquet")),
    Typed = Table.TransformColumnTypes(Source, {{{types}}})
in
    Typed"""


DATES = Table(
    name="Date",
    view="dates",
    description="One row per day.",
    source=imported("dates", '{"date_day", type date}'),
    is_date_table=True,
    columns=(
        Column("Date", "date_day", "dateTime", "The day.", "yyyy-mm-dd", is_key=True),
        Column("Year", "year", "int64", "Calendar year.", "0"),
        Column("Month", "month_name", "string", "Name of the month.", sort_by="Month Number"),
        Column("Month Number", "month", "int64", "1 is January.", "0", is_hidden=True),
    ),
    hierarchies=(Hierarchy("Calendar", ("Year", "Month", "Date")),),
)
AREAS = Table(
    name="Areas",
    view="areas",
    description="One row per neighborhood.\nHolds one that is unknown.",
    source=imported("areas", '{"area_id", type text}'),
    columns=(
        Column("Area ID", "area_id", "string", "Its key.", is_hidden=True, is_key=True),
        Column("Area", "area_name", "string", "Name of the neighborhood.", folder="Where"),
        Column("Latitude", "latitude", "double", "North.", "0.0000", category="Latitude"),
    ),
)
BREAKS = Table(
    name="Pipe Breaks",
    view="pipe_breaks",
    description="One row per recorded main break.",
    source=imported("pipe_breaks", '{"break_date", type date}, {"reported_at", type datetime}'),
    columns=(
        Column("Break Date", "break_date", "dateTime", "Day of the break.", "yyyy-mm-dd"),
        Column("Reported", "reported_at", "dateTime", "When.", "yyyy-mm-dd hh:nn"),
        Column("Area ID", "area_id", "string", "Where it was.", is_hidden=True),
        Column("Crew's Note: No.", "note", "string", 'Says "leak" or worse.'),
        Column("Repaired", "is_repaired", "boolean", "Fixed.", '"yes";"yes";"no"'),
        Column("Cost", "cost_usd", "decimal", "US dollars.", r"\$#,##0", is_hidden=True),
    ),
    measures=(
        Measure(
            "Total Breaks", "total_breaks", "COUNTROWS('Pipe Breaks')", "Breaks.", "#,##0", "Breaks"
        ),
        Measure(
            "Breaks YoY %",
            "breaks_yoy",
            "VAR Prior =\n"
            "    CALCULATE([Total Breaks], SAMEPERIODLASTYEAR('Date'[Date]))\n"
            "\n"
            "RETURN\n"
            "    DIVIDE([Total Breaks] - Prior, Prior)",
            "Change against the same days a year ago.",
            "+0.0%;-0.0%;0.0%",
            r"Breaks\Change",
        ),
    ),
)
QUALITY = Table(
    name="Data Quality",
    view="data_quality",
    description="One row per check.",
    source=imported("data_quality", '{"failed_rows", Int64.Type}'),
    columns=(Column("Failed Rows", "failed_rows", "int64", "Rows that fail.", "#,##0"),),
    is_hidden=True,
    standalone="A check belongs to a table of the warehouse, not to a day or an area.",
)
MODEL = SemanticModel(
    name="example_model",
    description="Main breaks, to try the files with.",
    tables=(DATES, AREAS, BREAKS, QUALITY),
    relationships=(
        Relationship("Pipe Breaks", "Break Date", "Date", "Date"),
        Relationship("Pipe Breaks", "Area ID", "Areas", "Area ID"),
    ),
    roles=(
        Role("Venice", "Who works in Venice sees Venice.", {"Areas": 'Areas[Area] = "Venice"'}),
        Role("Auditor", "Sees every break that cost something.", {"Pipe Breaks": "[Cost] > 0"}),
    ),
    parameters=(
        Parameter("DataSource", "PostgreSQL", "Where from.", ("PostgreSQL", "Parquet files")),
        Parameter("PgServer", "localhost:5432", "Name and port of the server."),
        Parameter("PgDatabase", 'the "main" one', "Name of the database."),
        Parameter("PgSchema", "powerbi", "Schema of the views."),
        Parameter("ExportFolder", "C:\\exports", "Folder of the exports."),
    ),
)


def column(table: Table, name: str) -> Field:
    """Return a column of the model as a field."""
    found = table.column(name)
    assert found
    return Field(table.name, name, False, table.view, found.source)


def measure(table: Table, name: str) -> Field:
    """Return a measure of the model as a field."""
    metrics = {one.name: one.metric for one in table.measures}
    return Field(table.name, name, True, table.view, metrics[name])


TOTAL = measure(BREAKS, "Total Breaks")
YEAR = column(DATES, "Year")
AREA = column(AREAS, "Area")
PAGE = Page(
    key="overview",
    name="Main breaks",
    visuals=(
        Visual("total", "cardVisual", "Breaks", 20, 20, 300, 120, {"Data": (TOTAL,)}),
        Visual(
            "trend",
            "lineChart",
            "What the crew's log says",
            20,
            160,
            600,
            300,
            {"Category": (YEAR,), "Y": (TOTAL, measure(BREAKS, "Breaks YoY %"))},
            sort=Sort(YEAR),
        ),
        Visual(
            "areas",
            "clusteredColumnChart",
            "Areas",
            640,
            160,
            600,
            300,
            {"Category": (AREA,), "Y": (TOTAL,), "Series": (YEAR,)},
            sort=Sort(TOTAL, is_descending=True),
        ),
        Visual("years", "slicer", "Year", 340, 20, 300, 120, {"Values": (YEAR,)}),
        Visual(
            "notes",
            "tableEx",
            "Notes",
            20,
            480,
            1220,
            220,
            {"Values": (column(BREAKS, "Crew's Note: No."), TOTAL)},
        ),
    ),
)


def write_model(folder: Path, model: SemanticModel = MODEL) -> Path:
    """Write a model's files as a build does; return the folder that ends in .SemanticModel."""
    root = folder / f"{model.name}.SemanticModel"
    for path, text in render_model(model).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode())
    return root

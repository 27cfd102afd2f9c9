"""A report written by hand: every kind of visual, filters, a hidden page to drill through to."""

from la_pipeline_failure_predict.powerbi.report import Field, Filter, Page, Report, Sort, Visual

MODEL_PATH = "../../model/la_pipe_break_model.SemanticModel"

YEAR = Field("Date", "Year", False, "dates", "year")
MONTH = Field("Date", "Month", False, "dates", "year_month")
BREAK_AREA = Field("Areas", "Area", False, "areas", "area_name")
DISTRICT = Field("Areas", "District", False, "areas", "district_name")
MATERIAL = Field("Pipes", "Material", False, "pipes", "material_name")
BREAK_ID = Field("Pipe Breaks", "Break", False, "pipe_breaks", "break_id")
LATITUDE = Field("Pipe Breaks", "Latitude", False, "pipe_breaks", "latitude")
LONGITUDE = Field("Pipe Breaks", "Longitude", False, "pipe_breaks", "longitude")
MAIN = Field("Pipe Risk", "Main", False, "pipe_risk", "pipe_id")
RISK_CLASS = Field("Pipe Risk", "Risk Class", False, "pipe_risk", "risk_class_name")
IS_STUB = Field("Pipe Risk", "Is Stub", False, "pipe_risk", "is_stub")
RANK = Field("Pipe Risk", "Rank", False, "pipe_risk", "risk_rank")
SCORED_MATERIAL = Field("Pipe Risk", "Material", False, "pipe_risk", "material_name")

BREAKS = Field("Pipe Breaks", "Breaks", True, "pipe_breaks", "total_breaks")
ROLLING = Field("Pipe Breaks", "Breaks, 12 Months", True, "pipe_breaks", "rolling_12_month_breaks")
EXPECTED = Field("Pipe Risk", "Expected Breaks", True, "pipe_risk", "expected_breaks")
LENGTH = Field("Pipe Risk", "Length, Miles", True, "pipe_risk", "length_miles")


def _visual(key, kind, place, roles, **more):
    x, y, width, height = place
    title = more.pop("title", key.replace("_", " ").capitalize())
    return Visual(key, kind, title, x, y, width, height, roles, **more)


OVERVIEW = Page(
    "overview",
    "Overview",
    (
        _visual(
            "about",
            "textbox",
            (16, 16, 300, 96),
            {},
            title="Los Angeles' water mains",
        ),
        _visual("breaks", "cardVisual", (332, 16, 200, 96), {"Data": (BREAKS,)}),
        _visual("figures", "cardVisual", (548, 16, 400, 96), {"Data": (EXPECTED, LENGTH)}),
        _visual("area", "slicer", (964, 16, 150, 72), {"Values": (BREAK_AREA,)}),
        _visual("years", "slicer", (1130, 16, 134, 96), {"Values": (YEAR,)}),
        _visual(
            "breaks_by_month",
            "lineChart",
            (16, 128, 616, 280),
            {"Category": (MONTH,), "Y": (BREAKS,), "Y2": (ROLLING,)},
            sort=Sort(MONTH),
        ),
        _visual(
            "breaks_by_material",
            "clusteredBarChart",
            (648, 128, 616, 280),
            {"Category": (MATERIAL,), "Y": (BREAKS,)},
            sort=Sort(BREAKS, is_descending=True),
        ),
        _visual(
            "where_mains_broke",
            "azureMap",
            (16, 424, 616, 280),
            {"Category": (BREAK_ID,), "Y": (LATITUDE,), "X": (LONGITUDE,), "Size": (BREAKS,)},
        ),
        _visual(
            "breaks_by_area_and_year",
            "pivotTable",
            (648, 424, 616, 280),
            {"Rows": (BREAK_AREA,), "Columns": (YEAR,), "Values": (BREAKS,)},
            filters=(Filter(YEAR, (2024, 2025)),),
        ),
    ),
)

RISK = Page(
    "risk",
    "Risk",
    (
        _visual("class", "slicer", (16, 16, 200, 288), {"Values": (RISK_CLASS,)}),
        _visual(
            "breaks_and_expected",
            "lineClusteredColumnComboChart",
            (232, 16, 400, 288),
            {"Category": (YEAR,), "Y": (BREAKS,), "Y2": (EXPECTED,)},
        ),
        _visual(
            "length_by_material_and_class",
            "columnChart",
            (648, 16, 300, 288),
            {"Category": (SCORED_MATERIAL,), "Series": (RISK_CLASS,), "Y": (LENGTH,)},
        ),
        _visual(
            "length_by_class",
            "clusteredColumnChart",
            (964, 16, 300, 288),
            {"Category": (RISK_CLASS,), "Y": (LENGTH,)},
        ),
        _visual(
            "riskiest_mains",
            "tableEx",
            (16, 320, 616, 384),
            {"Values": (RANK, MAIN, SCORED_MATERIAL, MATERIAL, RISK_CLASS, EXPECTED)},
            sort=Sort(RANK),
            filters=(Filter(RISK_CLASS, ("Very high", "High")), Filter(IS_STUB, (False,))),
        ),
        _visual(
            "length_and_expected",
            "scatterChart",
            (648, 320, 300, 384),
            {"Category": (MAIN,), "Series": (RISK_CLASS,), "X": (LENGTH,), "Y": (EXPECTED,)},
        ),
        _visual(
            "expected_by_material",
            "barChart",
            (964, 320, 300, 384),
            {"Category": (SCORED_MATERIAL,), "Y": (EXPECTED,), "Tooltips": (LENGTH,)},
            title="The mains' expected breaks",
        ),
    ),
    filters=(Filter(DISTRICT, ("Harbor", "King's Row")),),
)

MAIN_PAGE = Page(
    "main",
    "One main",
    (
        _visual("back", "actionButton", (16, 16, 48, 48), {}),
        _visual(
            "breaks_by_year",
            "columnChart",
            (80, 16, 600, 300),
            {"Category": (YEAR,), "Y": (BREAKS,)},
        ),
    ),
    drillthrough=MAIN,
)

REPORT = Report(
    "example_report",
    "Example",
    "Every kind of visual.",
    (MAIN_PAGE, OVERVIEW, RISK),
)

"""Real files, each changed in one way: what the user is told, and that nothing is lost.

A delivery that is refused leaves the warehouse exactly as it was.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from bad_files import (
    KITCHENER,
    NOT_A_DATE,
    NOT_A_NUMBER,
    NOTHING,
    ROWS,
    Case,
    bow_tie,
    changed_bytes,
    day_first,
    every,
    first,
    flipped,
    geometry,
    in_metres,
    k_breaks,
    k_mains,
    leaks,
    neighborhoods,
    run_case,
    survey,
    swapped,
    vancouver,
)
from cities import City, needs_real_data

CROSSED = {
    "type": "LineString",
    "coordinates": [[-123.1, 49.2], [-123.0, 49.3], [-123.0, 49.2], [-123.1, 49.3]],
}


REAL = [
    # Kitchener's mains
    Case(
        "swapped-columns",
        "pipes",
        k_mains(swapped("PIPE_SIZE", "MATERIAL")),
        says=NOTHING,
        mapping=KITCHENER,
    ),
    Case(
        "decimal-commas",
        "pipes",
        k_mains(every("Shape__Length", lambda v: v.replace(".", ","))),
        says=f"length_m {NOT_A_NUMBER}",
        mapping=KITCHENER,
    ),
    Case(
        "decimal-commas-named",
        "pipes",
        k_mains(every("Shape__Length", lambda v: v.replace(".", ","))),
        loaded=ROWS,
        mapping=KITCHENER.replace("  crs:", '  decimal: ","\n  crs:', 1),
    ),
    Case(
        "thousand-separator",
        "pipes",
        k_mains(first(Shape__Length="1,234.5")),
        loaded=ROWS - 1,
        faults=((1, "length_m", "type"),),
        mapping=KITCHENER,
    ),
    Case(
        "thousand-separator-named",
        "pipes",
        k_mains(first(Shape__Length="1,234.5")),
        loaded=ROWS,
        mapping=KITCHENER.replace("  crs:", '  thousands: ","\n  crs:', 1),
        holds=("select length_m from {load} and _row_number = 1", 1234.5),
    ),
    Case(
        "inches-for-millimeters",
        "pipes",
        k_mains(every("PIPE_SIZE", lambda v: str(round(float(v) / 25.4)))),
        loaded=ROWS,
        says="warning: The median diameter, mm, is not that of water mains; inches are named",
        mapping=KITCHENER,
    ),
    Case(
        "kilometers-for-meters",
        "pipes",
        k_mains(every("Shape__Length", lambda v: str(float(v) / 1000))),
        loaded=ROWS,
        says="warning: The median length, m, is not that of water mains",
        mapping=KITCHENER,
    ),
    Case(
        "day-first-dates",
        "pipes",
        k_mains(every("INSTALLATION_DATE", day_first)),
        says=f"installed_on {NOT_A_DATE}",
        mapping=KITCHENER,
    ),
    Case(
        "laid-in-the-future",
        "pipes",
        k_mains(first(INSTALLATION_DATE="2997/01/01 00:00:00+00")),
        loaded=ROWS - 1,
        faults=((1, "", "installed_in_future"),),
        mapping=KITCHENER,
    ),
    Case(
        "duplicate-main",
        "pipes",
        k_mains(lambda rows: rows.append(dict(rows[0]))),
        loaded=ROWS,
        faults=((ROWS + 1, "pipe_id", "repeated"),),
        mapping=KITCHENER,
    ),
    Case(
        "negative-length",
        "pipes",
        k_mains(first(Shape__Length="-45.9")),
        loaded=ROWS - 1,
        faults=((1, "length_m", "range"),),
        mapping=KITCHENER,
    ),
    Case(
        "no-diameter",
        "pipes",
        k_mains(first(PIPE_SIZE="0")),
        loaded=ROWS - 1,
        faults=((1, "diameter_mm", "range"),),
        mapping=KITCHENER,
    ),
    Case(
        "negative-diameter",
        "pipes",
        k_mains(first(PIPE_SIZE="-150")),
        loaded=ROWS - 1,
        faults=((1, "diameter_mm", "range"),),
        mapping=KITCHENER,
    ),
    Case(
        "without-a-mapping",
        "pipes",
        k_mains(first(MATERIAL="DI")),
        says="No header for the column length_m of pipes: the file has OBJECTID, WATMAINID",
    ),
    Case(
        "header-renamed",
        "pipes",
        k_mains(lambda rows: [row.pop("WATMAINID") for row in rows]),
        says="The mapping reads pipe_id from 'WATMAINID', but the file has OBJECTID, STATUS",
        mapping=KITCHENER,
    ),
    Case(
        "no-roads-beside",
        "pipes",
        lambda path: (k_mains(first(MATERIAL="CI"))(path), (path.parent / "roads.csv").unlink()),
        says="roads.csv: check the path",
        mapping=KITCHENER,
    ),
    Case(
        "mains-as-breaks",
        "breaks",
        k_mains(first(MATERIAL="ST")),
        says="The mapping reads break_id from 'WATBREAKINCIDENTID' or 'Wat Break Incident ID'",
        mapping=KITCHENER,
    ),
    # Kitchener's breaks
    Case(
        "orphan-break",
        "breaks",
        k_breaks(first(ASSETID="no-such-main")),
        loaded=ROWS,
        mapping=KITCHENER,
        holds=("select pipe_id from {load} and _row_number = 1", "no-such-main"),
    ),
    Case(
        "break-before-its-main",
        "breaks",
        k_breaks(first(INCIDENT_DATE="1901/02/03 00:00:00+00")),
        loaded=ROWS,
        mapping=KITCHENER,
        holds=("select cast(broke_on as text) from {load} and _row_number = 1", "1901-02-03"),
    ),
    Case(
        "break-in-the-future",
        "breaks",
        k_breaks(first(INCIDENT_DATE="2971/02/03 00:00:00+00")),
        loaded=ROWS - 1,
        faults=((1, "", "broke_in_future"),),
        mapping=KITCHENER,
    ),
    Case(
        "break-without-day",
        "breaks",
        k_breaks(first(INCIDENT_DATE="")),
        loaded=ROWS - 1,
        faults=((1, "broke_on", "required"),),
        mapping=KITCHENER,
    ),
    Case(
        "some-places-swapped",
        "breaks",
        k_breaks(lambda rows: [row.update(X=row["Y"], Y=row["X"]) for row in rows[:5]]),
        loaded=ROWS,
        says="places have longitude and latitude the other way round",
        mapping=KITCHENER,
    ),
    Case(
        "all-on-one-day",
        "breaks",
        k_breaks(
            lambda rows: (
                every("INCIDENT_DATE", lambda _: "2011/12/15 00:00:00+00")(rows),
                rows.extend(
                    {**row, "WATBREAKINCIDENTID": f"x{row['WATBREAKINCIDENTID']}"}
                    for row in rows[:20]
                ),
            )
        ),
        loaded=ROWS + 20,
        says="warning: Breaks dated on one day",
        mapping=KITCHENER,
    ),
    # Los Angeles
    Case(
        "leak-without-id",
        "ladwp-leaks",
        leaks(first(LEAK_ID="")),
        loaded=ROWS - 1,
        faults=((1, "leak_id", "required"),),
    ),
    Case(
        "leak-date-in-iso",
        "ladwp-leaks",
        leaks(first(RPT_DATE="2010-01-01")),
        loaded=ROWS,
        says="warning: rpt_date is not written like 1-Jan-10. (1 rows, must be 0)",
    ),
    Case(
        "leaks-in-utf-16",
        "ladwp-leaks",
        changed_bytes(
            "la/ladwp_main_leaks_2010_2013h1.csv",
            lambda b: b"".join(b.splitlines(True)[:61]).decode("latin-1").encode("utf-16"),
        ),
        loaded=ROWS,
    ),
    Case(
        "leaks-cut-off-in-a-quote",
        "ladwp-leaks",
        changed_bytes(
            "la/ladwp_main_leaks_2010_2013h1.csv", lambda b: b[: b.index(b'"CLAMP,') + 4]
        ),
        says="A quoted value of",
    ),
    Case(
        "trunk-lines-as-leaks",
        "ladwp-leaks",
        changed_bytes("la/REDACTED_CPRA_TrunkLine.csv", lambda b: b[:5000]),
        says="does not look like ladwp_leaks",
    ),
    Case(
        "leaks-as-trunk-lines",
        "ladwp-trunk-lines",
        leaks(first(LEAK_ID="1")),
        says="does not look like ladwp_trunk_lines",
    ),
    Case(
        "monthly-total-with-comma",
        "la-monthly-breaks",
        changed_bytes(
            "la/la_monthly_main_breaks_2003_2015.csv",
            lambda b: b.replace(b"Jul-03,131", b'Jul-03,"1,131"'),
        ),
        loaded=149,
        faults=((1, "total", "pattern"),),
    ),
    Case(
        "month-13-of-the-totals",
        "la-monthly-breaks",
        changed_bytes(
            "la/la_monthly_main_breaks_2003_2015.csv", lambda b: b.replace(b"Jul-03", b"13-03")
        ),
        loaded=149,
        faults=((1, "month", "pattern"),),
    ),
    Case(
        "weather-of-month-13",
        "ghcn-daily",
        changed_bytes(
            "climate/USW00093134.dly",
            lambda b: b"".join(b.splitlines(True)[:ROWS]).replace(b"190604", b"190613", 1),
        ),
        loaded=ROWS - 1,
        faults=((1, "month", "pattern"),),
        suffix=".dly",
    ),
    Case(
        "weather-cut-off",
        "ghcn-daily",
        changed_bytes("climate/USW00093134.dly", lambda b: b[: 270 * ROWS + 14]),
        loaded=ROWS,
        faults=(
            (ROWS + 1, "year", "pattern"),
            (ROWS + 1, "month", "required"),
            (ROWS + 1, "element", "required"),
            (ROWS + 1, "day_values", "required"),
        ),
        suffix=".dly",
    ),
    Case(
        "soils-cut-off",
        "ssurgo",
        changed_bytes("soils/gSSURGO_MH_FY26.zip", lambda b: b[:100_000]),
        says="neither a folder nor a readable zip",
        suffix=".zip",
    ),
    Case(
        "soils-damaged",
        "ssurgo",
        changed_bytes(
            "soils/gSSURGO_MH_FY26.zip", lambda b: b[:700_000] + bytes(1000) + b[701_000:]
        ),
        says="is damaged",
        suffix=".zip",
    ),
    Case(
        "soils-without-horizons",
        "ssurgo",
        survey("chorizon.txt"),
        says="chorizon.txt is missing: download the survey again",
        suffix="",
    ),
    # Map layers
    Case(
        "main-without-shape",
        "pipes",
        vancouver(geometry(0, None)),
        loaded=ROWS - 1,
        faults=((1, "length_m", "required"),),
        suffix=".geojson",
    ),
    Case(
        "point-among-mains",
        "pipes",
        vancouver(geometry(0, {"type": "Point", "coordinates": [-123.1, 49.2]})),
        loaded=ROWS - 1,
        faults=((1, "length_m", "required"),),
        suffix=".geojson",
    ),
    Case(
        "main-of-one-point",
        "pipes",
        vancouver(geometry(0, {"type": "LineString", "coordinates": [[-123.1, 49.2]]})),
        loaded=ROWS - 1,
        faults=((1, "length_m", "required"), (1, "geometry_wkt", "wkt")),
        suffix=".geojson",
    ),
    Case(
        "main-that-crosses-itself",
        "pipes",
        vancouver(geometry(0, CROSSED)),
        loaded=ROWS,
        suffix=".geojson",
    ),
    Case(
        "mains-in-meters",
        "pipes",
        vancouver(in_metres),
        says="latitude is outside -90 to 90",
        suffix=".geojson",
    ),
    Case(
        "mains-in-meters-named",
        "pipes",
        vancouver(in_metres),
        loaded=ROWS,
        mapping="pipes: {crs: EPSG:26910}",
        holds=(
            "select count(*) from {load} and start_latitude between 49 and 50 "
            "and length_m between 0 and 5000 and geometry_wkt like 'LINESTRING (-123%'",
            ROWS,
        ),
        suffix=".geojson",
    ),
    Case(
        "mains-in-another-system-than-declared",
        "pipes",
        vancouver(
            lambda layer: layer.update(
                crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::26910"}}
            )
        ),
        loaded=ROWS,
        says="warning: The median length, m, is not that of water mains",
        suffix=".geojson",
    ),
    Case(
        "latitude-before-longitude",
        "pipes",
        vancouver(flipped),
        says="latitude is outside -90 to 90",
        suffix=".geojson",
    ),
    Case(
        "no-features",
        "pipes",
        vancouver(lambda layer: layer.update(features=[])),
        says="has no rows",
        suffix=".geojson",
    ),
    Case(
        "layer-cut-off",
        "pipes",
        changed_bytes("vancouver/water_mains_sample.geojson", lambda b: b[:20_000]),
        says="cannot be read as a map layer",
        suffix=".geojson",
    ),
    Case(
        "polygon-that-crosses-itself",
        "la-neighborhoods",
        neighborhoods(bow_tie),
        loaded=ROWS,
        says="warning: geometry_wkt crosses itself in 1 rows (the first is row 1); it is fixed",
        suffix=".geojson",
    ),
    Case(
        "area-without-name",
        "la-neighborhoods",
        neighborhoods(lambda layer: layer["features"][1]["properties"].update(slug=None)),
        loaded=ROWS - 1,
        faults=((2, "slug", "required"),),
        suffix=".geojson",
    ),
    Case(
        "mains-as-neighborhoods",
        "la-neighborhoods",
        vancouver(lambda layer: None),
        says="does not look like la_neighborhoods",
        suffix=".geojson",
    ),
    Case(
        "zip-without-the-shapes",
        "areas",
        changed_bytes("la/la-city-council-districts-2012.zip", lambda b: b[: len(b) // 2]),
        says="neither a folder nor a readable zip",
        suffix=".zip",
    ),
]


@pytest.fixture(scope="module")
def city(make_city: Callable[[str], City]) -> City:
    """One warehouse, into which every case is loaded."""
    made = make_city("duckdb")
    assert made.la_pipes("init").exit_code == 0
    return made


@needs_real_data
@pytest.mark.parametrize("case", REAL, ids=lambda case: case.id)
def test_changed_real_files(city: City, tmp_path: Path, case: Case) -> None:
    run_case(city, case, tmp_path)


@needs_real_data
def test_orphans_and_breaks_before_their_main_are_kept(kitchener_cities: dict[str, City]) -> None:
    for city in kitchener_cities.values():
        statuses = city.rows(
            "select link_status, count(*) as break_count, count(pipe_id) as linked "
            "from core.fct_breaks group by 1"
        )
        found = {row["link_status"]: (row["break_count"], row["linked"]) for row in statuses}
        assert found["predates_install"] == (331, 0)
        assert found["unknown_pipe"][0] > 0
        assert found["unknown_pipe"][1] == 0

"""`la-pipes inspect` shows a file, guesses its columns, and writes a mapping that loads."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cities import DATA, ROOT, City, needs_real_data
from la_pipeline_failure_predict.contracts.reader import read_tables
from la_pipeline_failure_predict.inspect_file import Inspected, inspect_file
from la_pipeline_failure_predict.warehouse import open_scratch

ROWS = 30
CODES = ("CI", "DI", "PVC", "AC")


def inspected(path: Path, source: str | None = None) -> Inspected:
    with open_scratch() as scratch:
        return inspect_file(scratch, ROOT, read_tables(ROOT), path, source)


def found(result: Inspected) -> dict[str, str]:
    return {item.column: item.header for item in result.guesses}


def table(folder: Path, header: str, row: Callable[[int], str]) -> Path:
    path = folder / "file.csv"
    lines = [header, *(row(number) for number in range(ROWS))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


# Header -> the column of the contract, then the rows: ten ways in which utilities write them.
KINDS: dict[str, tuple[str, str, Mapping[str, str], Callable[[int], str]]] = {
    "readme": (
        "pipes",
        ",",
        {
            "Asset No": "pipe_id",
            "Length (ft)": "length_m",
            "Size": "diameter_mm",
            "Laid": "installed_on",
            "Mat": "material",
        },
        lambda n: f"A{n},{300 + n},{(6, 8)[n % 2]},{1 + n % 28:02}.02.{1950 + n},{CODES[n % 4]}",
    ),
    "short": (
        "pipes",
        ",",
        {"ID": "pipe_id", "LEN": "length_m", "MAT": "material", "YEAR": "install_year"}
        | {"WARD": "area_id", "X1": "start_longitude", "Y1": "start_latitude"}
        | {"X2": "end_longitude", "Y2": "end_latitude"},
        lambda n: f"{n},{50 + n},{CODES[n % 4]},{1950 + n},Ward 8,-81.5,41.1,-81.5,41.2",
    ),
    "shapefile": (
        "pipes",
        ",",
        {"PIPE_ID": "pipe_id", "INSTALLDAT": "installed_on", "PIPE_MATER": "material"}
        | {"PIPE_DIAM": "diameter_mm", "SHAPE_LENG": "length_m", "PRESSUREZO": "pressure_zone"}
        | {"STREETNAME": "street_name", "JOINT_TYP": "joint_type"},
        lambda n: f"P{n},{1950 + n}-03-01,Cast Iron,{(6, 8)[n % 2]},{50.5 + n},Z{n % 3},Elm St,MJ",
    ),
    "esri": (
        "pipes",
        ",",
        {"OBJECTID": "", "FACILITYID": "pipe_id", "INSTALLDATE": "installed_on"}
        | {"MATERIAL": "material", "DIAMETER": "diameter_mm", "WATERTYPE": "", "OWNEDBY": ""}
        | {"SHAPE_Length": "length_m"},
        lambda n: (
            f"{n},WM{n},{1 + n % 12}/{1 + n % 28}/{1950 + n},CAS,{(6, 8)[n % 2]},Potable,1,"
            f"{50.5 + n}"
        ),
    ),
    "units in the header": (
        "pipes",
        ",",
        {"AssetID": "pipe_id", "MAT": "material", "DIA_MM": "diameter_mm", "LEN_FT": "length_m"}
        | {"YR_INST": "install_year", "ZONE": "pressure_zone", "STREET": "street_name"},
        lambda n: f"{n},{CODES[n % 4]},150,{300 + n},{1950 + n},Z1,Elm",
    ),
    "German": (
        "pipes",
        ";",
        {"Leitungsnummer": "pipe_id", "Werkstoff": "material", "Nennweite": "diameter_mm"}
        | {"Länge (m)": "length_m", "Baujahr": "install_year", "Druckzone": "pressure_zone"}
        | {"Straße": "street_name", "Verbindung": "joint_type"},
        lambda n: (
            f"L{n};{('GG', 'GGG')[n % 2]};{(80, 150)[n % 2]};{50 + n},25;{1950 + n};D1;"
            "Hauptstraße;Tyton"
        ),
    ),
    "French": (
        "pipes",
        ";",
        {"Identifiant": "pipe_id", "Matériau": "material", "Diamètre": "diameter_mm"}
        | {"Longueur": "length_m", "Date de pose": "installed_on", "Rue": "street_name"}
        | {"Commune": "area_id"},
        lambda n: (
            f"T{n};Fonte ductile;{(80, 150)[n % 2]};{50 + n},25;{1 + n % 28:02}/01/{1950 + n};"
            "Rue A;Lyon"
        ),
    ),
    "Spanish breaks": (
        "breaks",
        ",",
        {"Numero averia": "break_id", "Fecha": "broke_on", "Id tramo": "pipe_id"}
        | {"Causa": "cause", "Material": "material", "Calle": "street_name"},
        lambda n: f"A{n},{1 + n % 28:02}/01/2015,T{n % 7},Helada,Fundición gris,Calle A",
    ),
    "breaks of a work order system": (
        "breaks",
        ",",
        {"Incident Number": "break_id", "Date Reported": "broke_on", "Main ID": "pipe_id"}
        | {"Type of Break": "failure_mode", "Probable Cause": "cause", "Asset Type": "asset_type"}
        | {"Pipe Size (in)": "diameter_mm", "Year Installed": "install_year"}
        | {"Latitude": "latitude", "Longitude": "longitude"},
        lambda n: (
            f"I{n},{1 + n % 12}/{13 + n % 15}/2015,M{n % 7},Hole,Frost,Main,6,1950,"
            f"{43 + n / 1000},{-80 - n / 1000}"
        ),
    ),
    "German breaks": (
        "breaks",
        ";",
        {"Schaden-Nr.": "break_id", "Schadensdatum": "broke_on", "Leitung": "pipe_id"}
        | {"Schadensart": "failure_mode", "Ursache": "cause", "Werkstoff": "material"}
        | {"DN": "diameter_mm", "Rechtswert": "longitude", "Hochwert": "latitude"},
        lambda n: (
            f"S{n};{1 + n % 28:02}.01.2015;L{n % 7};Rohrbruch;Frost;GG;100;"
            f"{3500000 + n};{5400000 + n}"
        ),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_headers_of_ten_kinds_are_known(tmp_path: Path, kind: str) -> None:
    source, separator, columns, row = KINDS[kind]
    path = table(tmp_path, separator.join(columns), row)
    result = inspected(path)
    assert result.table.name == source
    expected = {column: header for header, column in columns.items() if column}
    assert found(result) == expected
    assert result.landed is not None, result.fault
    assert result.landed.rows_accepted == ROWS


def test_units_formats_and_gaps_reach_the_mapping(duckdb_city: City, tmp_path: Path) -> None:
    text = "No;Length (ft);Size;Laid;Mat\n1;1.300,5;6;01.02.1950;Spun CX\n"
    text += "2;200,0;0;13.12.1960;GG\n3;210,0;8;N/A;GG\n"
    mains = tmp_path / "mains.csv"
    mains.write_bytes(text.replace("CX", "CÜ").encode("latin-1"))
    mapping = tmp_path / "city.yml"
    mapping.write_text("breaks:\n  columns: {break_id: id}\n")
    result = duckdb_city.la_pipes("inspect", mains, "--to", mapping)
    assert result.exit_code == 0, result.output
    assert "mains.csv: 3 rows, 5 columns" in result.output
    assert '1 rows "Spun CÜ" -> other' in result.output
    assert "With this mapping, 3 of 3 rows load." in result.output
    assert mapping.read_text().startswith("breaks:\n  columns: {break_id: id}\npipes:\n")
    again = duckdb_city.la_pipes("inspect", mains, "--to", mapping)
    assert again.exit_code == 2
    assert "has a section 'pipes' already" in again.output
    result = duckdb_city.la_pipes("load", "pipes", mains, "--mapping", mapping)
    assert "3 loaded + 0 quarantined" in result.output
    rows = duckdb_city.rows(
        "select pipe_id, length_m, diameter_mm, cast(installed_on as text) as laid "
        "from raw.pipes order by 1"
    )
    assert [row["laid"] for row in rows] == ["1950-02-01", "1960-12-13", None]
    assert [row["diameter_mm"] for row in rows] == [pytest.approx(152.4), None, 203.2]
    assert rows[0]["length_m"] == pytest.approx(1300.5 * 0.3048)


def test_what_cannot_be_known_is_asked(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "ID,LEN,LAID,START X,START Y",
        lambda n: f"{n},{20 + n},0{1 + n % 9}/0{1 + n % 9}/1950,{541000 + n},{4812000 + n}",
    )
    result = inspected(path, "pipes")
    doubts = {item.column: item.doubt for item in result.guesses}
    assert doubts["installed_on"] == "%d/%m/%Y fits all values as well: which comes first?"
    assert doubts["start_longitude"].startswith("not degrees: name their system as crs")
    assert "    # start_longitude: START X  # not degrees" in result.section
    assert result.landed is not None
    assert result.landed.rows_accepted == ROWS


def test_codes_decide_what_a_header_means(tmp_path: Path) -> None:
    nature = table(tmp_path, "index,BREAK_TYPE,date", lambda n: f"{n},{'AC'[n % 2]}G,2020-01-01")
    assert found(inspected(nature))["failure_mode"] == "BREAK_TYPE"
    asset = table(tmp_path, "index,BREAK_TYPE,date", lambda n: f"{n},MAIN,2020-01-01")
    assert found(inspected(asset, "breaks"))["asset_type"] == "BREAK_TYPE"


def test_layers_are_listed_and_chosen(duckdb_city: City, tmp_path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[-118.25, 34.05], [-118.25, 34.051]]}
    feature = {"type": "Feature", "geometry": line, "properties": {"asset_id": "2", "mat": "CI"}}
    mains = tmp_path / "mains.geojson"
    mains.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    result = duckdb_city.la_pipes("inspect", mains)
    assert "layer mains (1 rows, LineString)" in result.output
    assert "With this mapping, 1 of 1 rows load." in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing.csv"], "No file"),
        (["mains.csv", "--source", "ladwp-leaks"], "has a format of its own"),
        (["mains.csv", "--source", "pipe"], "inspect guesses columns of pipes, breaks"),
    ],
)
def test_wrong_use_gets_a_sentence(
    duckdb_city: City, tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "mains.csv").write_text("pipe_id,length_m\n1,5\n")
    result = duckdb_city.la_pipes("inspect", tmp_path / arguments[0], *arguments[1:])
    assert result.exit_code == 2
    assert says in result.output


def test_a_file_that_lacks_what_is_needed_says_so(duckdb_city: City, tmp_path: Path) -> None:
    (tmp_path / "mains.csv").write_text("pipe_id,remark\n1,a\n2,b\n")
    result = duckdb_city.la_pipes("inspect", tmp_path / "mains.csv", "--source", "pipes")
    assert "It does not load yet: No header for the column length_m" in result.output


@needs_real_data
def test_kitchener_is_known() -> None:
    mains = found(inspected(DATA / "kitchener" / "water_mains_2022-01.csv"))
    assert mains == {
        "pipe_id": "WATMAINID",
        "material": "MATERIAL",
        "diameter_mm": "PIPE_SIZE",
        "length_m": "Shape__Length",
        "installed_on": "INSTALLATION_DATE",
        "lining": "LINED_MATERIAL",
        "lined_on": "LINED_DATE",
        "pressure_zone": "PRESSURE_ZONE",
        "status": "STATUS",
    }
    for name in (
        "water_main_breaks_2022-01.csv",
        "water_main_breaks_second_dialect_to_2021-11.csv",
    ):
        result = inspected(DATA / "kitchener" / name)
        columns = {
            "break_id": ("WATBREAKINCIDENTID", "Wat Break Incident ID"),
            "pipe_id": ("ASSETID", "Related Asset ID"),
            "broke_on": ("INCIDENT_DATE", "Incident date"),
            "asset_type": ("BREAK_TYPE", "Type of Asset Broken"),
            "status": ("STATUS", "Current status of the break"),
            "failure_mode": ("BREAK_NATURE", "Nature of Break"),
            "cause": ("BREAK_APPARENT_CAUSE", "Apparent cause of break"),
            "material": ("ASSET_MATERIAL", "Asset Material"),
            "diameter_mm": ("ASSET_SIZE", "Asset Size (cm)"),
            "install_year": ("ASSET_YEAR_INSTALLED", "Year Asset Installed"),
            "street_name": ("STREET", "Street"),
        }
        right = [found(result).get(column) in headers for column, headers in columns.items()]
        assert all(right), found(result)

"""`la-pipes load` says what it could not place, and takes what people write as they mean it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cities import ENGINES, ROOT, City
from la_pipeline_failure_predict.sources.spellings import code_key, known_keys

MATERIALS = {
    "CI": "Cast-Iron cast_iron C.I. CAS CICL GG Fonte|grise Fundición|gris Grey|Cast|Iron Grauguß",
    "DI": "Ductile|Iron,|Cement|Lined DICL GGG Fonte|ductile Hierro|dúctil duktiles|Gusseisen",
    "STL": "Mild|Steel Stahl acier ACERO CML&C",
    "GALV": "Galvanised|steel GI verzinkter|Stahl",
    "WI": "Wrought|Iron",
    "AC": "Asbestos-Cement A.C. Transite FC Asbestzement amiante-ciment Fibrocemento",
    "CONC": "RCP Béton|armé Stahlbeton hormigón",
    "CPP": "PCCP Prestressed|Concrete|Cylinder|Pipe RCCP",
    "PVC": "uPVC C900 Polyvinyl|Chloride PVC-U",
    "PVCO": "PVC-O C909",
    "HDPE": "High-density|polyethylene PEHD PE|100 PEAD",
    "PE": "MDPE polyéthylène Polietileno",
    "GRP": "GFK FRP",
    "COP": "Kupfer CU cobre",
    "LEAD": "Plomb Blei",
    "UNK": "N/A <blank> - ? unbekannt inconnu desconocido",
    "OTH": "Other OTH Spun|CX",
}


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def spelled() -> list[tuple[str, str]]:
    pairs = ((word, code) for code, words in MATERIALS.items() for word in words.split())
    return [(word.replace("|", " "), code) for word, code in pairs]


@pytest.fixture(scope="module", params=ENGINES)
def town(
    request: pytest.FixtureRequest,
    make_city: Callable[[str], City],
    tmp_path_factory: pytest.TempPathFactory,
) -> City:
    """A city of a main per spelling, with areas, and breaks of other things than mains."""
    city, folder = make_city(request.param), tmp_path_factory.mktemp("town")
    mains = "".join(
        f'M{number},100,1950,"{word}",{"A" if number % 2 else "Ward 8"},'
        f"{-81.51 + number / 10000},41.11,{-81.51 + number / 10000},41.111\n"
        for number, (word, _) in enumerate(spelled())
    )
    head = "pipe_id,length_m,install_year,material,area_id,"
    head += "start_longitude,start_latitude,end_longitude,end_latitude\n"
    ring = "[[[-82,41],[-81,41],[-81,42],[-82,42],[-82,41]]]"
    areas = (
        '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"area_id":"A"},'
        f'"geometry":{{"type":"Polygon","coordinates":{ring}}}}}]}}'
    )
    breaks = (
        "break_id,broke_on,pipe_id,asset_type\n"
        "1,2020-01-01,M1,Water-Main\n2,2020-01-02,M1,Conduite\n3,2020-01-03,M1,\n"
        "4,2020-01-04,M1,Service Line\n5,2020-01-05,M1,Thing\n6,2021-01-05,M1,MAIN\n"
    )
    for source, file in (
        ("areas", write(folder, "areas.geojson", areas)),
        ("pipes", write(folder, "mains.csv", head + mains)),
        ("breaks", write(folder, "breaks.csv", breaks)),
    ):
        result = city.la_pipes("load", source, file)
        assert result.exit_code == 0, result.output
    for step in (("link",), ("build", "--select", "+dim_pipes +fct_breaks")):
        result = city.la_pipes(*step)
        assert result.exit_code == 0, result.output
    return city


def test_each_spelling_is_the_material_that_a_planner_means(town: City) -> None:
    rows = town.rows("select pipe_id, material_code from core.dim_pipes")
    found = {row["pipe_id"]: row["material_code"] for row in rows}
    expected = {f"M{number}": code for number, (_, code) in enumerate(spelled())}
    assert found == expected


def test_what_is_in_no_code_list_is_told_with_counts(town: City) -> None:
    said = "".join(town.printed)
    assert '1 rows "Spun CX" -> other. Name their codes in the mapping' in said
    assert '1 rows "Thing" -> not a main' in said
    assert "Cast-Iron" not in said


def test_main_and_service_are_told_apart_by_the_list(town: City) -> None:
    counted = town.rows("select break_id from core.fct_breaks order by 1")
    assert [row["break_id"] for row in counted] == ["1", "2", "3", "6"]


def test_an_area_that_nobody_knows_gives_way_to_the_polygon(town: City) -> None:
    told = "".join(town.printed)
    assert "pipes that name an area" in told
    assert "not loaded (for example 'Ward 8'); they get the area whose polygon they lie in" in told
    areas = town.rows("select distinct area_id from core.dim_pipes")
    assert areas == [{"area_id": "A"}]


def test_the_loader_and_dbt_know_the_same_spellings() -> None:
    for name in ("materials", "joints", "asset_types"):
        known = known_keys(ROOT / "seeds" / f"{name}.csv")
        rows = (ROOT / "seeds" / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        assert len(known) == len(rows) - 1, f"{name} has a spelling twice"
    assert len(known_keys(ROOT / "seeds" / "materials.csv")) >= 120
    # The same words as in tests/macros/assert_code_key.sql.
    words = ("Cast-Iron", " c.i. ", "Fundición dúctil", "GRAUGUß", "Béton armé, âme tôle", "<->")
    assert [code_key(word) for word in words] == [
        "CASTIRON",
        "CI",
        "FUNDICIONDUCTIL",
        "GRAUGUSS",
        "BETONARMEAMETOLE",
        "",
    ]


PIPES = "pipe_id,length_m\n"


def test_identifiers_of_both_files_are_read_alike(empty_city: City, tmp_path: Path) -> None:
    mains = write(tmp_path, "mains.csv", PIPES + '17,5\n\'18,5\n00019,5\n="0020",5\nA-07,5\n')
    breaks = write(
        tmp_path,
        "breaks.csv",
        "break_id,broke_on,pipe_id\n1,2020-01-01,17.0\n2,2020-01-01,18\n3,2020-01-01,0019\n"
        "4,2020-01-01,20\n5,2020-01-01,A-07\n6,2020-01-01,gone\n",
    )
    assert empty_city.la_pipes("load", "pipes", mains).exit_code == 0
    result = empty_city.la_pipes("load", "breaks", breaks)
    told = "3 of the 6 breaks that name a main (50.0 %) name one that is not loaded (for example "
    assert f"{told}'0019', '20', 'gone')" in result.output
    assert "2 of these 3 identifiers match with `identifiers: number`" in result.output


def test_identifiers_that_are_numbers_lose_their_zeros(empty_city: City, tmp_path: Path) -> None:
    mapping = write(tmp_path, "city.yml", "identifiers: number\npipes: {}\nbreaks: {}\n")
    mains = write(tmp_path, "mains.csv", PIPES + "00017,5\n'018,5\nA-07,5\n0,5\n")
    text = "break_id,broke_on,pipe_id\n1,2020-01-01,17.0\n2,2020-01-01,18\n3,2020-01-01,A-07\n"
    breaks = write(tmp_path, "breaks.csv", text)
    assert empty_city.la_pipes("load", "pipes", mains, "--mapping", mapping).exit_code == 0
    result = empty_city.la_pipes("load", "breaks", breaks, "--mapping", mapping)
    assert "warning" not in result.output
    names = [row["pipe_id"] for row in empty_city.rows("select pipe_id from raw.pipes")]
    assert sorted(names) == ["0", "17", "18", "A-07"]
    as_text = write(tmp_path, "text.yml", "identifiers: text\npipes: {}\n")
    more = write(tmp_path, "more.csv", PIPES + "12.0,5\n12,5\n")
    result = empty_city.la_pipes("load", "pipes", more, "--mapping", as_text)
    assert "2 loaded + 0 quarantined" in result.output


def test_identifiers_that_differ_in_case_are_told(duckdb_city: City, tmp_path: Path) -> None:
    mains = write(tmp_path, "mains.csv", PIPES + "a1,5\nA1,5\nb2,5\n")
    result = duckdb_city.la_pipes("load", "pipes", mains)
    assert (
        "values of pipe_id that differ from another only in case, which Power BI takes for one: 1"
        in result.output
    )
    breaks = write(tmp_path, "breaks.csv", "break_id,broke_on,pipe_id\n1,2020-01-01,B2\n")
    result = duckdb_city.la_pipes("load", "breaks", breaks)
    assert "but for case, 1 of these 1 identifiers would match" in result.output


def test_breaks_that_were_loaded_first_are_told_with_the_mains(
    empty_city: City, tmp_path: Path
) -> None:
    text = "break_id,broke_on,pipe_id\n1,2020-01-01,A\n2,2020-01-01,B\n"
    breaks = write(tmp_path, "breaks.csv", text)
    assert "warning" not in empty_city.la_pipes("load", "breaks", breaks).output
    result = empty_city.la_pipes("load", "pipes", write(tmp_path, "m.csv", PIPES + "A,5\n"))
    assert "1 of the 2 breaks that name a main (50.0 %) name one that is not" in result.output


def test_breaks_without_an_identifier_get_one_that_stays(empty_city: City, tmp_path: Path) -> None:
    text = "broke_on,longitude,latitude,status\n2020-01-01,-79.4,43.7,open\n"
    text += "2020-02-01,-79.4,43.7,open\n2020-02-01,-79.4,43.7,open\n"
    first = write(tmp_path, "2020.csv", text)
    second = write(tmp_path, "all.csv", text.replace("open", "done") + "2021-01-01,-79.4,43.7,x\n")
    result = empty_city.la_pipes("load", "breaks", first)
    assert "no header for break_id, so it is made of broke_on, longitude, latitude" in result.output
    assert empty_city.la_pipes("load", "breaks", first).output.count("loaded before") == 1
    assert empty_city.la_pipes("load", "breaks", second).exit_code == 0
    ids = empty_city.rows("select break_id, count(*) as n from raw.breaks group by 1 order by 1")
    assert sorted(row["n"] for row in ids) == [1, 2, 2, 2]


def test_numbers_that_each_file_begins_anew_are_told(empty_city: City, tmp_path: Path) -> None:
    head = "No,Main,Date\n"
    old = write(tmp_path, "2010.csv", head + "1,A,2010-03-01\n2,B,2010-06-01\n")
    new = write(tmp_path, "2011.csv", head + "1,B,2011-03-01\n2,B,2010-06-01\n")
    columns = "pipe_id: Main, broke_on: Date"
    plain = write(tmp_path, "plain.yml", f"breaks: {{columns: {{break_id: No, {columns}}}}}")
    derived = write(
        tmp_path, "d.yml", f"breaks: {{columns: {{break_id: {{derived: true}}, {columns}}}}}"
    )
    empty_city.la_pipes("load", "breaks", old, "--mapping", plain)
    result = empty_city.la_pipes("load", "breaks", new, "--mapping", plain)
    assert "1 of its break_id stand for a break of another day or main in 2010.csv" in result.output
    assert "`break_id: {derived: true}`" in result.output
    for file in (old, new):
        result = empty_city.la_pipes("load", "breaks", file, "--mapping", derived)
        assert "stand for a break of another day" not in result.output
    made = "select count(distinct break_id) from raw.breaks where break_id like 'auto-%'"
    assert empty_city.value(made) == 3


def test_a_header_is_taken_once(duckdb_city: City, tmp_path: Path) -> None:
    text = "index,BREAK_TYPE,date\n1,A,2020-01-01\n2,CG,2020-02-01\n"
    breaks = write(tmp_path, "breaks.csv", text)
    columns = "break_id: index, broke_on: date, failure_mode: BREAK_TYPE"
    mapping = write(tmp_path, "city.yml", f"breaks: {{columns: {{{columns}}}}}")
    result = duckdb_city.la_pipes("load", "breaks", breaks, "--mapping", mapping)
    assert "warning" not in result.output
    rows = duckdb_city.rows("select asset_type, failure_mode from raw.breaks order by break_id")
    assert rows == [
        {"asset_type": None, "failure_mode": "A"},
        {"asset_type": None, "failure_mode": "CG"},
    ]


def test_yaml_is_taken_as_it_is_written(duckdb_city: City, tmp_path: Path) -> None:
    mains = write(tmp_path, "mains.csv", "No,Yes,1,On\n1,5,007,N\n2,6,008,Y\n")
    mapping = write(
        tmp_path,
        "city.yml",
        "pipes:\n  columns:\n    pipe_id: No\n    length_m: Yes\n"
        "    material: {from: 1, codes: {007: CI, 008: null}}\n"
        "    status: {from: On, codes: {Y: on, N: off}}\n",
    )
    result = duckdb_city.la_pipes("load", "pipes", mains, "--mapping", mapping)
    assert result.exit_code == 0, result.output
    rows = duckdb_city.rows("select pipe_id, length_m, material, status from raw.pipes order by 1")
    assert [tuple(row.values()) for row in rows] == [
        ("1", 5.0, "CI", "off"),
        ("2", 6.0, None, "on"),
    ]


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("pipes: {columns: {pipe_id: {from: a, unt: m}}}", "pipe_id: there is no key 'unt' (did"),
        ("pipes: {record: {from: 2024-02-31}}", "pipes.record.from: must be a day that exists"),
        ("pipes: {decimal: x}", "pipes.decimal: 'x' is none of '.', ','"),
        ("pipes: {columns: {pipe_id: }}", "pipes.columns.pipe_id: names no header"),
        ("pipes: [a]", "pipes: must be a list of key: value lines"),
        ("pipes: {lookups: [{file: x, on: y}]}", "pipes.lookups.0.name: is missing"),
        ("pipes: {attributes: {a: {from: A, type: x}}}", "'x' is none of 'number', 'category'"),
        ("pipes: {identifiers: numbers}", "'numbers' is none of 'number', 'text'"),
        ("pipes: {columns: {pipe_id: {derived: true}}}", "derives pipe_id of pipes, which must be"),
        ("pipe: {}", "has no section 'pipes', only pipe: add one"),
        (
            "pipes: {attributes: {a: {from: A, type: number, as_of: {from: x, frmats: [a]}}}}",
            "as_of: there is no key 'frmats' (did you mean formats?)",
        ),
    ],
)
def test_a_wrong_mapping_is_told_in_our_words(
    duckdb_city: City, tmp_path: Path, mapping: str, says: str
) -> None:
    mains = write(tmp_path, "mains.csv", PIPES + "1,5\n")
    result = duckdb_city.la_pipes(
        "load", "pipes", mains, "--mapping", write(tmp_path, "city.yml", mapping)
    )
    assert result.exit_code == 2
    assert says in result.output
    assert "nput" not in result.output


PLACES = "pipe_id,length_m,start_longitude,start_latitude,end_longitude,end_latitude\n"


def grid(count: int) -> str:
    return "".join(
        f"M{number},100,{-79 - number / 1000:.4f},{43 + number / 2000:.4f},"
        f"{-79 - number / 1000:.4f},{43 + number / 2000 + 0.001:.4f}\n"
        for number in range(count)
    )


def test_places_that_cannot_be_are_told_and_move_nobody(empty_city: City, tmp_path: Path) -> None:
    mains = write(tmp_path, "mains.csv", PLACES + grid(60))
    assert "warning" not in empty_city.la_pipes("load", "pipes", mains).output
    build = ("build", "--select", "+dim_pipes")
    assert empty_city.la_pipes(*build).exit_code == 0
    metres = "select pipe_id, x_m, y_m from core.dim_pipes where pipe_id like 'M%' order by 1"
    before = empty_city.rows(metres)
    odd = "zero,100,0,0,0,0\nswapped,100,43.0,-79.0,43.001,-79.0\nfar,100,-70,20,-70,20.001\n"
    more = write(tmp_path, "more.csv", PLACES + grid(60) + odd)
    said = empty_city.la_pipes("load", "pipes", more).output
    assert "1 rows have start_longitude and start_latitude 0, which is taken for no place" in said
    assert (
        "1 of 62 places have start_longitude and start_latitude the other way round (the first is "
        "row 62): fix them in the file" in said
    )
    assert "1 of 62 places lie over" in said
    assert "(the first is row 63): fix them in the file" in said
    assert empty_city.la_pipes(*build).exit_code == 0
    assert empty_city.rows(metres) == before
    located = "select pipe_id from core.dim_pipes where not has_location"
    assert empty_city.rows(located) == [{"pipe_id": "zero"}]


def test_breaks_are_held_against_the_mains(empty_city: City, tmp_path: Path) -> None:
    empty_city.la_pipes("load", "pipes", write(tmp_path, "mains.csv", PLACES + grid(60)))
    text = "break_id,broke_on,longitude,latitude\n1,2020-01-01,43.01,-79.01\n"
    text += "2,2020-01-01,43.02,-79.02\n"
    result = empty_city.la_pipes("load", "breaks", write(tmp_path, "breaks.csv", text))
    assert "2 of 2 places have longitude and latitude the other way round" in result.output
    assert "swap the two headers in the mapping" in result.output


def test_more_than_a_tenth_refuses_the_file(empty_city: City, tmp_path: Path) -> None:
    rows = "".join(f"{number},5\n" for number in range(9))
    good = write(tmp_path, "good.csv", PIPES + rows + "x,long\n")
    assert "9 loaded + 1 quarantined" in empty_city.la_pipes("load", "pipes", good).output
    bad = write(tmp_path, "bad.csv", PIPES + rows + "x,long\ny,long\n")
    result = empty_city.la_pipes("load", "pipes", bad)
    assert result.exit_code == 2
    assert "2 of the 11 rows of" in result.output
    assert "more than --max-rejects 10% allows: mostly, length_m is not a number" in result.output
    assert "or load the other rows with --max-rejects 2" in result.output
    assert empty_city.la_pipes("load", "pipes", bad, "--max-rejects", "2").exit_code == 0


def test_a_mistyped_warehouse_is_no_good_warehouse(duckdb_city: City, tmp_path: Path) -> None:
    typo = tmp_path / "typo.duckdb"
    duckdb_city.environment["LA_PIPES_DUCKDB_PATH"] = str(typo)
    result = duckdb_city.la_pipes("check")
    assert result.exit_code == 2
    assert "holds none of the tables to check" in result.output


@pytest.mark.parametrize(
    ("breaks", "says"),
    [
        ("1,2020-06-01,17.5,MAIN\n2,2021-06-01,18.5,MAIN\n", "name a main that is not in the inv"),
        ("1,2020-06-01,,MAIN\n2,2021-06-01,,MAIN\n", "name no main and lie near none"),
        ("1,2020-06-01,17,PUMP\n2,2021-06-01,17,PUMP\n", "are set aside, most as not_a_main"),
    ],
)
def test_training_without_breaks_says_why(
    duckdb_city: City, tmp_path: Path, breaks: str, says: str
) -> None:
    head = "break_id,broke_on,pipe_id,asset_type\n"
    duckdb_city.la_pipes("load", "pipes", write(tmp_path, "m.csv", PIPES + "17,5\n18,5\n"))
    duckdb_city.la_pipes("load", "breaks", write(tmp_path, "b.csv", head + breaks))
    marts = "+fct_pipe_features +int_breaks__excluded"
    assert duckdb_city.la_pipes("build", "--select", marts).exit_code == 0
    result = duckdb_city.la_pipes("train", "--grain", "pipe")
    assert result.exit_code == 2
    assert says in result.output


def test_areas_without_size_are_asked_for_it(duckdb_city: City, tmp_path: Path) -> None:
    areas = write(tmp_path, "areas.csv", "area_id,area_name\nOAK,Oakland\n")
    text = "break_id,broke_on,area_id\n1,2020-01-01,OAK\n2,2021-01-01,OAK\n"
    duckdb_city.la_pipes("load", "areas", areas)
    duckdb_city.la_pipes("load", "breaks", write(tmp_path, "breaks.csv", text))
    marts = "+fct_pipe_features +fct_area_month_features"
    assert duckdb_city.la_pipes("build", "--select", marts).exit_code == 0
    result = duckdb_city.la_pipes("train")
    assert result.exit_code == 2
    assert "the areas have neither polygons nor the length of their mains" in result.output


def test_the_example_of_the_readme_works_as_it_is_printed(empty_city: City, tmp_path: Path) -> None:
    printed = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(# my_city\.yml\n.*?)```", printed, re.DOTALL)
    mapping = write(tmp_path, "my_city.yml", example)
    text = "Asset No,Length (ft),Size,Laid,Mat\nA1,300,6,01.02.1950,GG\nA2,200,8,01.02.1960,ST\n"
    mains = write(tmp_path, "mains.csv", text)
    breaks = write(tmp_path, "breaks.csv", "No,Asset No,Date\n1,A1,03.04.2010\n2,A2,03.04.2011\n")
    for source, file in (("pipes", mains), ("breaks", breaks)):
        # As a reader types it, without the quotes around the word that YAML takes for false.
        bare = write(tmp_path, "bare.yml", example.replace('"No"', "No"))
        result = empty_city.la_pipes("load", source, file, "--mapping", bare)
        assert "2 loaded + 0 quarantined" in result.output, result.output
        result = empty_city.la_pipes("load", source, file, "--mapping", mapping)
        assert "2 loaded + 0 quarantined" in result.output, result.output
    assert "la-pipes load pipes  mains.csv  --mapping my_city.yml" in printed

"""`la-pipes quarantine`: rows set aside are listed, written out, fixed and loaded."""

import csv
import io
from pathlib import Path

import pytest
from click.testing import Result

from cities import City

MAINS = (
    "Id,Mat,Size,Feet,Laid\n"
    "1,CI,6,100,01.02.1950\n"
    "2,CI,six,100,01.02.1950\n"
    "1,DI,8,100,01.02.1980\n"
    "4,DI,8,-5,x,surplus\n"
    ",DI,8,50,\n"
)
MAPPING = """
pipes:
  columns:
    pipe_id: Id
    material: Mat
    diameter_mm: {from: Size, unit: inch}
    length_m: {from: Feet, unit: ft}
    installed_on: {from: Laid, formats: ["%d.%m.%Y"]}
"""


def load_mains(city: City, folder: Path, max_rejects: str | None) -> Result:
    """Load a delivery with four bad rows of five."""
    (folder / "mains.csv").write_text(MAINS)
    (folder / "city.yml").write_text(MAPPING)
    limit = [] if max_rejects is None else ["--max-rejects", max_rejects]
    return city.la_pipes(
        "load", "pipes", folder / "mains.csv", "--mapping", folder / "city.yml", *limit
    )


@pytest.fixture
def export(empty_city: City, tmp_path: Path) -> Path:
    """A delivery with four bad rows is loaded, and those are written out."""
    result = load_mains(empty_city, tmp_path, "100%")
    assert "5 rows in mains.csv = 1 loaded + 4 quarantined" in result.output
    result = empty_city.la_pipes("quarantine", "export", "--to", tmp_path / "out")
    assert result.exit_code == 0, result.output
    (file,) = (tmp_path / "out").iterdir()
    assert f"Wrote {file}." in result.output
    return file


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def fix(file: Path, changes: dict[str, dict[str, str]]) -> Path:
    """Write a copy in which rows, by their number, are changed."""
    rows = rows_of(file)
    fixed = file.with_name(f"fixed-{len(changes)}.csv")
    with fixed.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0])
        writer.writeheader()
        for row in rows:
            writer.writerow(row | changes.get(row["quarantine_row_number"], {}))
    return fixed


def balance(city: City) -> tuple[int, int, int]:
    (load,) = city.rows("select rows_in_file, rows_loaded, rows_quarantined from raw.loads")
    in_table = city.value("select count(*) from raw.pipes")
    aside = city.value(
        "select count(distinct row_number) from raw.quarantine where mended_at is null"
    )
    assert (in_table, aside) == (load["rows_loaded"], load["rows_quarantined"])
    assert load["rows_in_file"] == load["rows_loaded"] + load["rows_quarantined"]
    return load["rows_in_file"], load["rows_loaded"], load["rows_quarantined"]


def test_list_says_what_and_why(empty_city: City, export: Path) -> None:
    result = empty_city.la_pipes("quarantine", "list")
    assert result.exit_code == 0
    for reason in (
        "diameter_mm is not a number; name decimal, thousands or nulls",
        "(for example 'six')",
        "pipe_id of an earlier row of the same delivery",
        "the row has 6 values, the header 5",
        "pipe_id is missing",
    ):
        assert reason in result.output


def test_export_holds_each_bad_row_once(empty_city: City, export: Path) -> None:
    rows = rows_of(export)
    assert [row["quarantine_row_number"] for row in rows] == ["2", "3", "4", "5"]
    fourth = rows[2]
    assert fourth["Feet"] == "-5"
    assert fourth["_surplus"] == "surplus"
    assert fourth["quarantine_reason"].count(";") >= 2  # shape, date and length


def test_mended_rows_take_their_place(empty_city: City, export: Path) -> None:
    fixed = fix(export, {"2": {"Size": "6"}, "3": {"Id": "3"}})
    result = empty_city.la_pipes("quarantine", "retry", fixed)
    assert result.exit_code == 0, result.output
    assert "2 fixed rows of mains.csv loaded, 2 still do not fit" in result.output
    assert balance(empty_city) == (5, 3, 2)
    rows = empty_city.rows(
        "select pipe_id, diameter_mm, length_m, _row_number, _source_file from raw.pipes "
        "order by _row_number"
    )
    assert [(row["pipe_id"], row["_row_number"]) for row in rows] == [("1", 1), ("2", 2), ("3", 3)]
    assert rows[1]["diameter_mm"] == pytest.approx(152.4)  # with the delivery's own mapping
    assert rows[1]["length_m"] == pytest.approx(30.48)
    assert {row["_source_file"] for row in rows} == {"mains.csv"}


def test_sums_hold_after_a_retry(duckdb_city: City, tmp_path: Path) -> None:
    load_mains(duckdb_city, tmp_path, "100%")
    duckdb_city.la_pipes("quarantine", "export", "--to", tmp_path / "out")
    (file,) = (tmp_path / "out").iterdir()
    duckdb_city.la_pipes("quarantine", "retry", fix(file, {"2": {"Size": "6"}}))
    built = duckdb_city.la_pipes("build", "--select", "+assert_loads_add_up +fct_data_quality")
    assert built.exit_code == 0, built.output
    aside = duckdb_city.rows(
        "select rule, failures, row_count from quality.fct_data_quality "
        "where checked_by = 'load' order by rule"
    )
    assert {row["rule"] for row in aside} == {
        "range length_m",
        "repeated pipe_id",
        "required pipe_id",
        "type installed_on",
    }
    assert all((row["failures"], row["row_count"]) == (1, 5) for row in aside)


def test_retrying_twice_changes_nothing(empty_city: City, export: Path) -> None:
    fixed = fix(export, {"2": {"Size": "6"}})
    empty_city.la_pipes("quarantine", "retry", fixed)
    before = balance(empty_city)
    result = empty_city.la_pipes("quarantine", "retry", fixed)
    assert result.exit_code == 0
    assert "0 fixed rows of mains.csv loaded" in result.output
    assert "1 had been fixed before" in result.output
    assert balance(empty_city) == before


def test_a_row_that_repeats_a_loaded_key_stays(empty_city: City, export: Path) -> None:
    fixed = fix(export, {"2": {"Id": "1", "Size": "6"}})
    result = empty_city.la_pipes("quarantine", "retry", fixed)
    assert "0 fixed rows of mains.csv loaded, 4 still do not fit" in result.output
    faults = empty_city.rows(
        "select value, reason, mended_at is null as stands from raw.quarantine "
        "where row_number = 2 order by quarantined_at"
    )
    # What was delivered stays readable beside what is wrong now.
    assert [(fault["value"], fault["stands"]) for fault in faults] == [("six", False), ("1", True)]
    assert faults[1]["reason"].startswith("pipe_id of an earlier row")
    assert balance(empty_city) == (5, 1, 4)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2\n", "is not a file of la-pipes quarantine export"),
        ("quarantine_load_id,quarantine_row_number,Id\nnope,2,1\n", "No load 'nope'"),
        ("quarantine_load_id,quarantine_row_number,Id\n{load},1,1\n", "is not set aside"),
        ("quarantine_load_id,quarantine_row_number,Id\n{load},2,1\n{load},2,1\n", "twice"),
        ("quarantine_load_id,quarantine_row_number,Id\n{load},x,1\n", "'x', which is not set"),
        ("quarantine_load_id,quarantine_row_number,Id\n{load},2,1\nz,3,1\n", "must name one load"),
    ],
)
def test_other_files_get_a_sentence(
    empty_city: City, export: Path, tmp_path: Path, text: str, says: str
) -> None:
    load = rows_of(export)[0]["quarantine_load_id"]
    file = tmp_path / "other.csv"
    file.write_text(text.replace("{load}", load))
    result = empty_city.la_pipes("quarantine", "retry", file)
    assert result.exit_code == 2, result.output
    assert says in result.output
    assert balance(empty_city) == (5, 1, 4)


def test_what_a_row_had_too_much_stays_with_it(empty_city: City, export: Path) -> None:
    empty_city.la_pipes("quarantine", "retry", fix(export, {"2": {"Size": "6"}}))
    empty_city.la_pipes("quarantine", "export", "--to", export.parent)
    assert [row["_surplus"] for row in rows_of(export)] == ["", "surplus", ""]


def test_a_file_without_the_notes_is_enough(empty_city: City, export: Path, tmp_path: Path) -> None:
    row = rows_of(export)[0] | {"Size": "6"}
    kept = {name: row[name] for name in row if not name.endswith(("_column", "_rule", "_reason"))}
    file = tmp_path / "fixed.csv"
    file.write_text(f"{','.join(kept)}\n{','.join(kept.values())}\n")
    result = empty_city.la_pipes("quarantine", "retry", file)
    assert "1 fixed rows of mains.csv loaded" in result.output
    assert balance(empty_city) == (5, 2, 3)


def test_a_file_in_a_spreadsheets_own_encoding_gets_a_sentence(
    empty_city: City, export: Path, tmp_path: Path
) -> None:
    file = tmp_path / "fixed.csv"
    file.write_text(export.read_text(encoding="utf-8-sig") + ",é\n", encoding="latin-1")
    result = empty_city.la_pipes("quarantine", "retry", file)
    assert result.exit_code == 2, result.output
    assert "is not UTF-8 text: save it again as CSV UTF-8" in result.output


@pytest.mark.parametrize(
    ("limit", "exit_code"),
    [("80%", 0), ("4", 0), ("79%", 2), ("3", 2), ("0", 2), (None, 2), ("many", 2)],
)
def test_max_rejects_refuses_the_whole_delivery(
    duckdb_city: City, tmp_path: Path, limit: str | None, exit_code: int
) -> None:
    result = load_mains(duckdb_city, tmp_path, limit)
    assert result.exit_code == exit_code, result.output
    if limit == "many":
        assert "neither a share such as 1% nor a number such as 250" in result.output
        return
    if exit_code:
        assert f"4 of the 5 rows of {tmp_path / 'mains.csv'} do not fit" in result.output
        assert "Nothing was loaded" in result.output
    assert duckdb_city.value("select count(*) from raw.loads") == (0 if exit_code else 1)


def test_a_formula_is_no_formula_in_a_spreadsheet_and_comes_back_as_it_was(
    empty_city: City, tmp_path: Path
) -> None:
    streets = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "'=1", "''=1", "＝1", "-5", "'-5"]
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(["pipe_id", "length_m", "street_name", "=header"])
    writer.writerows([[f"f{number}", "x", street, ""] for number, street in enumerate(streets)])
    (tmp_path / "mains.csv").write_text(lines.getvalue() + "good,5,,\n")
    loaded = empty_city.la_pipes("load", "pipes", tmp_path / "mains.csv", "--max-rejects", "100%")
    assert loaded.exit_code == 0, loaded.output
    empty_city.la_pipes("quarantine", "export", "--to", tmp_path / "out")
    (file,) = (tmp_path / "out").iterdir()
    rows = rows_of(file)
    assert "'=header" in rows[0]
    numbers = ["-5", "'-5"]
    assert [row["street_name"] for row in rows] == [f"'{text}" for text in streets[:-2]] + numbers
    fixed = fix(file, {row["quarantine_row_number"]: {"length_m": "5"} for row in rows})
    result = empty_city.la_pipes("quarantine", "retry", fixed)
    assert f"{len(streets)} fixed rows" in result.output, result.output
    kept = empty_city.rows(
        "select street_name from raw.pipes where street_name is not null order by _row_number"
    )
    assert [row["street_name"] for row in kept] == streets


@pytest.mark.parametrize(
    "change",
    [
        "quarantine set row_json = '{'",
        "quarantine set row_json = '[1]'",
        "quarantine set row_json = '{\"Id\": [1]}'",
        "quarantine set row_json = repeat('[', 100000)",
        "quarantine set row_json = null",
        "quarantine set reason = null",
        "loads set mapping_json = '{'",
        "loads set mapping_json = '{\"columns\": 7}'",
        "loads set mapping_json = repeat('[', 100000)",
        "loads set source_name = null",
        "loads set table_name = 'tubes'",
    ],
)
def test_a_changed_row_is_told(duckdb_city: City, tmp_path: Path, change: str) -> None:
    (tmp_path / "mains.csv").write_text("Id,length_m\n1,5\n2,x\n")
    (tmp_path / "city.yml").write_text("pipes: {columns: {pipe_id: Id}}")
    options = ("--mapping", tmp_path / "city.yml", "--max-rejects", "100%")
    duckdb_city.la_pipes("load", "pipes", tmp_path / "mains.csv", *options)
    duckdb_city.la_pipes("quarantine", "export", "--to", tmp_path / "out")
    (file,) = (tmp_path / "out").iterdir()
    table, _, column = change.partition(" set ")
    with duckdb_city.connect() as warehouse:
        name = column.split(" ")[0]
        warehouse.execute(f"alter table raw.{table} alter column {name} drop not null")
        warehouse.execute(f"update raw.{change}")
    said = [
        duckdb_city.la_pipes("quarantine", *arguments)
        for arguments in (("list",), ("export", "--to", tmp_path / "again"), ("retry", file))
    ]
    assert all(result.exit_code in (0, 2) for result in said), [item.output for item in said]
    told = [result.output for result in said if result.exit_code == 2]
    assert told
    for sentence in told:
        assert "has been changed" in sentence or "which there is not" in sentence

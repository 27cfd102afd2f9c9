"""Bad deliveries: how the files are made, and what must hold when one is loaded."""

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cities import DATA, ROOT, City

Make = Callable[[Path], object]
"""Writes the bad file at a path."""

KITCHENER = (ROOT / "schemas" / "mappings" / "kitchener.yml").read_text()
ROWS = 60
"""Of a real file; the fault lies in the first of them, or in all."""
NOT_A_NUMBER = "is not a number; name decimal, thousands or nulls in the mapping"
NOT_A_DATE = "is not a date; name its format in the mapping"
NOTHING = "Nothing was loaded"


@dataclass(frozen=True)
class Case:
    """One bad file.

    Attributes
    ----------
    id
        Its name; the file is called after it, with `suffix`.
    says
        What the output must hold, besides the counts.
    loaded
        Number of rows; a delivery of which no row is loaded is refused.
    faults
        Row number, column and rule of all that is quarantined.
    holds
        A query over the landing table, with {load} for its rows, and what it gives.
    """

    id: str
    source: str
    make: Make
    says: str = ""
    loaded: int = 0
    faults: tuple[tuple[int, str, str], ...] = ()
    mapping: str | None = None
    holds: tuple[str, object] | None = None
    suffix: str = ".csv"

    @property
    def quarantined(self) -> int:
        """Number of rows that are set aside."""
        return len({row for row, _, _ in self.faults})


def text(content: str, encoding: str = "utf-8") -> Make:
    """Write a small file as it stands here."""
    return lambda path: path.write_bytes(content.encode(encoding))


def mains(*rows: str, header: str = "pipe_id,length_m,material") -> Make:
    """Write a CSV file of mains."""
    return text("\n".join((header, *rows)) + "\n")


def changed_table(file: str, change: Callable[[list[dict[str, str]]], object]) -> Make:
    """Write the first rows of a real CSV file, changed."""

    def make(path: Path) -> None:
        encoding = "latin-1" if file.startswith("la/") else "utf-8-sig"
        with (DATA / file).open(encoding=encoding, newline="") as lines:
            reader = csv.DictReader(lines)
            rows = [row for row, _ in zip(reader, range(ROWS), strict=False)]
        change(rows)
        with path.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        if file.startswith("kitchener/water_mains"):
            shutil.copy(DATA / "kitchener" / "roads.csv", path.parent)

    return make


def changed_bytes(file: str, change: Callable[[bytes], bytes]) -> Make:
    """Write a real file, changed."""
    return lambda path: path.write_bytes(change((DATA / file).read_bytes()))


def k_mains(change: Callable[[list[dict[str, str]]], object]) -> Make:
    """Kitchener's mains."""
    return changed_table("kitchener/water_mains_2022-01.csv", change)


def k_breaks(change: Callable[[list[dict[str, str]]], object]) -> Make:
    """Kitchener's breaks."""
    return changed_table("kitchener/water_main_breaks_2022-01.csv", change)


def leaks(change: Callable[[list[dict[str, str]]], object]) -> Make:
    """Los Angeles' leaks."""
    return changed_table("la/ladwp_main_leaks_2010_2013h1.csv", change)


def first(**values: str) -> Callable[[list[dict[str, str]]], None]:
    """Change the first row."""
    return lambda rows: rows[0].update(values)


def every(column: str, change: Callable[[str], str]) -> Callable[[list[dict[str, str]]], None]:
    """Change a column of every row."""
    return lambda rows: [row.update({column: change(row[column])}) for row in rows]


def swapped(one: str, other: str) -> Callable[[list[dict[str, str]]], None]:
    """Put the values of two columns into one another's place."""
    return lambda rows: [row.update({one: row[other], other: row[one]}) for row in rows]


def day_first(moment: str) -> str:
    """Write 1977/01/31 00:00:00+00 as 31/01/1977."""
    year, month, day = moment[:10].split("/") if moment else ("1977", "01", "31")
    return f"{day}/{month}/{year}"


def features(file: str, change: Callable[[dict], object], count: int = ROWS) -> Make:
    """Write the first features of a real GeoJSON file, changed."""

    def make(path: Path) -> None:
        layer = json.loads((DATA / file).read_text())
        layer["features"] = layer["features"][:count]
        change(layer)
        path.write_text(json.dumps(layer))

    return make


def vancouver(change: Callable[[dict], object]) -> Make:
    """Vancouver's mains."""
    return features("vancouver/water_mains_sample.geojson", change)


def neighborhoods(change: Callable[[dict], object]) -> Make:
    """Neighborhoods of Los Angeles County."""
    return features("la/la-county-neighborhoods-v6.geojson", change)


def geometry(number: int, value: object) -> Callable[[dict], None]:
    """Give a feature another geometry."""
    return lambda layer: layer["features"][number].update(geometry=value)


def bow_tie(layer: dict) -> None:
    """Let the first polygon cross itself."""
    ring = [[-118.3, 34.0], [-118.2, 34.1], [-118.2, 34.0], [-118.3, 34.1], [-118.3, 34.0]]
    geometry(0, {"type": "Polygon", "coordinates": [ring]})(layer)


def in_metres(layer: dict) -> None:
    """Put the mains into a system of meters, without saying so."""
    for feature in layer["features"]:
        places = feature["geometry"]["coordinates"]
        feature["geometry"]["coordinates"] = [
            [492000 + 80000 * (x + 123.1), 5453000 + 111000 * (y - 49.2)] for x, y in places
        ]


def flipped(layer: dict) -> None:
    """Write latitude before longitude."""
    for feature in layer["features"]:
        places = feature["geometry"]["coordinates"]
        feature["geometry"]["coordinates"] = [[y, x] for x, y in places]


def parquet(cut: float = 1.0, **columns: object) -> Make:
    """Write a Parquet file, or the first part of one."""

    def make(path: Path) -> None:
        pq.write_table(pa.table(columns), path)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * cut)])

    return make


def archive(*items: tuple[str, bytes]) -> Make:
    """Write a zip."""

    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
            for name, content in items:
                target.writestr(name, content)

    return make


def bomb(path: Path) -> None:
    """Write a zip of a megabyte that unpacks to 256."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target,
        target.open("mains.csv", "w") as content,
    ):
        for _ in range(256):
            content.write(bytes(1 << 20))


def grid(change: Callable[[int, list[object]], object]) -> Make:
    """Write twenty mains of 110.9 m, a thousandth of a degree, each changed by its number."""
    header = (
        "pipe_id,length_m,diameter_mm,start_longitude,start_latitude,end_longitude,end_latitude"
    )

    def make(path: Path) -> None:
        lines = io.StringIO()
        for number in range(20):
            x = -118.25 + number / 1000
            row: list[object] = [f"G{number}", 110.9, 150, x, 34.05, x, 34.051]
            change(number, row)
            lines.write(",".join(map(str, row)) + "\n")
        path.write_text(f"{header}\n{lines.getvalue()}")

    return make


def setting(column: int, value: object, numbers: range = range(20)) -> Callable:
    """Set a column of some mains of the grid."""

    def change(number: int, row: list[object]) -> None:
        if number in numbers:
            row[column] = value

    return change


def swap_places(number: int, row: list[object]) -> None:
    """Swap longitude and latitude of the first main."""
    if number == 0:
        row[3:] = [row[4], row[3], row[6], row[5]]


def wide(path: Path) -> None:
    """Write a table of 5,000 columns, one of its rows bad."""
    extra = [f"c{number}" for number in range(4998)]
    rows = [["pipe_id", "length_m", *extra], ["1", "5", *extra], ["2", "x", *extra]]
    path.write_text("".join(",".join(row) + "\n" for row in rows))


def folder(path: Path) -> None:
    """Make a folder where a file should be."""
    path.mkdir()


def survey(without: str) -> Make:
    """Copy a soil survey without one of its files."""

    def make(path: Path) -> None:
        shutil.copytree(DATA / "soils" / "AZ649", path)
        next(path.rglob(without)).unlink()

    return make


def beside(name: str, content: str, make: Make) -> Make:
    """Write a second file in the same folder, too."""

    def both(path: Path) -> None:
        (path.parent / name).write_text(content)
        make(path)

    return both


def row_counts(city: City) -> dict[str, int]:
    """Return the number of rows of each landing table."""
    with city.connect() as warehouse:
        names = warehouse.query(
            "select table_name from information_schema.tables where table_schema = 'raw'"
        )
        counts = " union all ".join(
            f"select '{name}' as name, count(*) as row_count from raw.{name}"
            for name in sorted(names.column(0).to_pylist())
        )
        return {row["name"]: row["row_count"] for row in warehouse.query(counts).to_pylist()}


def check_balance(city: City, case: Case, name: str) -> None:
    """Assert what was loaded and set aside, in the record, the landing table and the quarantine."""
    with city.connect() as warehouse:
        (load,) = warehouse.query(
            "select * from raw.loads where source_file = $1", (name,)
        ).to_pylist()
        table = f"raw.{load['table_name']}"
        rows = f"{table} where _load_id = '{load['load_id']}'"
        faults = warehouse.query(
            "select row_number, column_name, rule, reason, row_json from raw.quarantine "
            "where load_id = $1 order by row_number",
            (load["load_id"],),
        ).to_pylist()
        assert load["rows_in_file"] == case.loaded + case.quarantined
        assert (
            load["rows_loaded"] == case.loaded == warehouse.scalar(f"select count(*) from {rows}")
        )
        assert load["rows_quarantined"] == case.quarantined
        assert all(fault["reason"] and json.loads(fault["row_json"]) for fault in faults)
        found = {(fault["row_number"], fault["column_name"], fault["rule"]) for fault in faults}
        assert found == set(case.faults), found
        if case.holds:
            query, expected = case.holds
            assert warehouse.scalar(query.replace("{load}", rows)) == expected


def run_case(city: City, case: Case, folder: Path) -> None:
    """Load the bad file of a case as a user would, and assert what the case says."""
    path = folder / f"{case.id}{case.suffix}"
    case.make(path)
    # Of a few rows, one bad row is more than the tenth that is allowed.
    arguments: list[object] = ["--max-rejects", "100%"]
    if case.mapping is not None:
        (folder / "city.yml").write_text(case.mapping)
        arguments += ["--mapping", folder / "city.yml"]
    before = row_counts(city)
    result = city.la_pipes("load", case.source, path, *arguments)
    assert case.says in result.output
    assert "Traceback" not in result.output
    assert "An unexpected error occurred" not in result.output
    if case.loaded:
        assert result.exit_code == 0, result.output
        assert f"{case.loaded} loaded + {case.quarantined} quarantined" in result.output
        check_balance(city, case, path.name)
    else:
        assert result.exit_code == 2, result.output
        assert result.output.startswith("Error: ")
        assert row_counts(city) == before

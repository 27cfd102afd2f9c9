"""USDA SSURGO soil surveys: a tabular folder, a zip of one, or a file geodatabase."""

from pathlib import Path

import pyarrow as pa

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.sources.archives import unpacked
from la_pipeline_failure_predict.sources.csv_rows import check_all_read, file_text
from la_pipeline_failure_predict.sources.gdal import checked, pyogrio
from la_pipeline_failure_predict.sources.layers import read_layer
from la_pipeline_failure_predict.sources.mapping import SourceMapping
from la_pipeline_failure_predict.spatial.geometry import united
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.base import sql_text

# Landing table -> (SSURGO table, its file in a tabular folder).
TABLES = {
    "ssurgo_mapunits": ("mapunit", "mapunit.txt"),
    "ssurgo_components": ("component", "comp.txt"),
    "ssurgo_horizons": ("chorizon", "chorizon.txt"),
}


def read_survey(scratch: Scratch, path: Path, mapping: SourceMapping) -> dict[str, str]:
    """Read map units, components and horizons of a survey into scratch tables.

    Raises
    ------
    UserError
        If the path is missing or holds neither a tabular folder nor a file geodatabase.
    """
    if not path.exists():
        raise UserError(f"No file or folder {path}: check the path.")
    with unpacked(path) as folder:
        geodatabase = next(iter(sorted(folder.rglob("*.gdb"))), None)
        column_list = next(iter(sorted(folder.rglob("mstabcol.txt"))), None)
        if folder.suffix == ".gdb":
            geodatabase = folder
        if geodatabase is not None:
            return _read_geodatabase(scratch, geodatabase)
        if column_list is not None:
            return _read_tabular(scratch, column_list.parent)
    raise UserError(
        f"{path} holds no SSURGO survey: give the folder with tabular/mstabcol.txt, a zip of it, "
        "or a .gdb."
    )


def _read_tabular(scratch: Scratch, folder: Path) -> dict[str, str]:
    names = f"read_csv({file_text(folder / 'mstabcol.txt')}, {_dialect(5)})"
    relations = {}
    for landing, (table, file_name) in TABLES.items():
        file = folder / file_name
        if not file.is_file():
            raise UserError(f"{file} is missing: download the survey again.")
        rows = scratch.query(
            f"select column2 as name from {names} where column0 = $1 "
            "order by cast(column1 as integer)",
            (table,),
        )
        columns = rows.column("name").to_pylist()
        listed = ", ".join(f"{sql_text(name)}: 'varchar'" for name in columns)
        relation = f"{landing}_delivered"
        scratch.execute(
            f"create or replace table {relation} as "
            "select row_number() over () as _row_number, * from "
            f"read_csv({file_text(file)}, columns = {{{listed}}}, header = false, delim = '|', "
            "quote = '\"', escape = '\"', max_line_size = 20000000, auto_detect = false, "
            "hive_partitioning = false)"
        )
        check_all_read(scratch, relation, columns, file)
        relations[landing] = relation
    return relations


def _dialect(columns: int) -> str:
    names = ", ".join(sql_text(f"column{i}") for i in range(columns))
    return (
        "header = false, all_varchar = true, delim = '|', quote = '\"', escape = '\"', "
        f"null_padding = true, names = [{names}], hive_partitioning = false"
    )


def _read_geodatabase(scratch: Scratch, path: Path) -> dict[str, str]:
    shapes = _map_unit_shapes(path)
    relations = {}
    for landing, (table, _) in TABLES.items():
        _, rows = pyogrio.read_arrow(checked(path), layer=table, read_geometry=False)
        if table == "mapunit":
            keys = rows.column("mukey").to_pylist()
            texts = [shapes.get(key) for key in keys]
            rows = rows.append_column("geometry_wkt", pa.array(texts, pa.string()))
        numbers = pa.array(range(1, rows.num_rows + 1), pa.int64())
        columns = {name: rows.column(name).cast(pa.string()) for name in rows.column_names}
        relation = f"{landing}_delivered"
        scratch.register("survey_rows", pa.table({"_row_number": numbers, **columns}))
        # A table, because a cursor of its own, which reads shapes, does not see registered rows.
        scratch.execute(f"create or replace table {relation} as from survey_rows")
        relations[landing] = relation
    return relations


def _map_unit_shapes(path: Path) -> dict[str, str]:
    """Return each map unit's polygons, united, as WGS 84 text."""
    if "MUPOLYGON" not in pyogrio.list_layers(checked(path))[:, 0]:
        return {}
    rows = pa.concat_tables(read_layer(path, "MUPOLYGON"), promote_options="default")
    key_name = next(name for name in rows.column_names if name.lower() == "mukey")
    keys, texts = (rows.column(name).to_pylist() for name in (key_name, "geometry_wkt"))
    return united(zip(keys, texts, strict=True))

"""The contracts say the same to Python, to dbt and to the loader."""

import yaml

from cities import ROOT, City
from la_pipeline_failure_predict.contracts.dbt_sources import render_sources
from la_pipeline_failure_predict.contracts.reader import read_tables


def test_every_landing_table_says_where_a_row_came_from() -> None:
    lineage = ["_source_file", "_row_number", "_load_id", "_loaded_at"]
    landing = [table for table in read_tables(ROOT).values() if table.is_landing]
    assert len(landing) >= 14
    for table in landing:
        assert [column.name for column in table.columns][-4:] == lineage, table.name
        assert all(column.required and column.description for column in table.columns[-4:])


def test_python_and_dbt_create_the_same_tables(empty_city: City) -> None:
    """`la-pipes init` and dbt's hook both start from the contracts: the columns must agree."""
    assert empty_city.la_pipes("init").exit_code == 0
    found = {}
    for row in empty_city.rows(
        "select table_schema, table_name, column_name, data_type, is_nullable "
        "from information_schema.columns where table_schema in ('raw', 'ml', 'quality') "
        "order by table_schema, table_name, ordinal_position"
    ):
        key = (row["table_schema"], row["table_name"])
        found.setdefault(key, []).append((row["column_name"], row["is_nullable"]))
    for text in render_sources(ROOT).values():
        for source in yaml.safe_load(text)["sources"]:
            for table in source["tables"]:
                declared = [
                    (
                        column["name"],
                        "NO" if column.get("config", {}).get("meta", {}).get("required") else "YES",
                    )
                    for column in table["columns"]
                ]
                assert found[source["schema"], table["name"]] == declared

"""Write the dbt source YAML from the contracts; `--check` tells where it has drifted."""

from itertools import groupby
from pathlib import Path

import yaml

from la_pipeline_failure_predict.contracts.catalog import Column, Table, read_tables
from la_pipeline_failure_predict.files import write_whole

HEADER = "# Generated from schemas/*.yaml by `la-pipes contracts sync`; change it there.\n"

# Deliveries come about once a year (inventory) or once a month (breaks): late is a warning.
FRESHNESS = {
    "warn_after": {"count": 400, "period": "day"},
}


def render_sources(root: Path) -> dict[Path, str]:
    """Return the text of each dbt source file, by path relative to the project folder."""
    tables = sorted(read_tables(root).values(), key=lambda table: table.provider)
    files = {}
    for provider, group in groupby(tables, key=lambda table: table.provider):
        path = Path("models/staging") / provider / f"_{provider}__sources.yml"
        files[path] = HEADER + _to_yaml(_source(provider, list(group)))
    return files


def sync_sources(root: Path, check: bool = False) -> list[Path]:
    """Write the source files that differ and return their paths; with `check`, write nothing."""
    drifted = []
    for path, text in render_sources(root).items():
        file = root / path
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            continue
        drifted.append(path)
        if not check:
            write_whole(file, text)
    return drifted


def _source(provider: str, tables: list[Table]) -> dict[str, object]:
    return {
        "version": 2,
        "sources": [
            {
                "name": provider,
                "schema": tables[0].schema,
                "tables": [_table(table) for table in tables],
            }
        ],
    }


def _table(table: Table) -> dict[str, object]:
    entry: dict[str, object] = {"name": table.name, "description": table.description}
    if table.is_landing:
        entry["config"] = {"loaded_at_field": "_loaded_at", "freshness": FRESHNESS}
    if len(table.key) > 1:
        entry["data_tests"] = [{"unique_together": {"arguments": {"columns": list(table.key)}}}]
    entry["columns"] = [_column(column, table) for column in table.columns]
    return entry


def _column(column: Column, table: Table) -> dict[str, object]:
    entry: dict[str, object] = {
        "name": column.name,
        "data_type": column.sql_type,
        "description": column.description,
    }
    meta: dict[str, object] = {}
    if column.unit:
        meta["unit"] = column.unit
    if column.required:
        meta["required"] = True
    if meta:
        entry["config"] = {"meta": meta}
    if table.key == (column.name,):
        entry["data_tests"] = ["unique"]
    return entry


class _Indented(yaml.SafeDumper):
    """Indents lists under their key, as the hand-written YAML does."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent one level; lists too."""
        super().increase_indent(flow, False)


def _to_yaml(content: object) -> str:
    # A private dumper without anchors: the freshness block repeats in full.
    _Indented.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]
    return yaml.dump(content, Dumper=_Indented, sort_keys=False, width=100, allow_unicode=True)

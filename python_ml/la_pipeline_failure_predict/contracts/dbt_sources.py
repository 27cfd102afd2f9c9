"""Write the dbt source YAML from the contracts; `--check` says where it is out of date."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from la_pipeline_failure_predict.contracts.generated import to_yaml, write_drifted
from la_pipeline_failure_predict.contracts.reader import read_tables
from la_pipeline_failure_predict.contracts.rules import aggregate, outside
from la_pipeline_failure_predict.tables import Column, Rule, Severity, Table

HEADER = "# Generated from schemas/*.yaml by `la-pipes contracts sync`; change it there.\n"

# A source that was never delivered is not late.
LOADED_AT = "select coalesce(max(_loaded_at), cast(current_timestamp as timestamp)) from {{ this }}"


def render_sources(root: Path) -> dict[Path, str]:
    """Return the text of each dbt source file, by path relative to the project folder."""
    tables = sorted(read_tables(root).values(), key=lambda table: table.provider)
    files = {}
    for provider, group in groupby(tables, key=lambda table: table.provider):
        path = Path("models/staging") / provider / f"_{provider}__sources.yml"
        files[path] = HEADER + to_yaml(_source(provider, list(group)))
    return files


def sync_sources(root: Path, check: bool = False) -> list[Path]:
    """Write the source files that differ, remove those no contract gives any more.

    Returns their paths; with `check`, writes and removes nothing.
    """
    rendered = render_sources(root)
    left_over = [path for path in _generated(root) if path not in rendered]
    if not check:
        for path in left_over:
            (root / path).unlink()
    return write_drifted(root, rendered, check) + left_over


def _generated(root: Path) -> list[Path]:
    """Return the source files that were generated, now or before."""
    files = sorted((root / "models" / "staging").glob("*/_*__sources.yml"))
    return [
        file.relative_to(root)
        for file in files
        if file.read_text(encoding="utf-8").startswith(HEADER)
    ]


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
    if table.late_after_days:
        freshness = {"warn_after": {"count": table.late_after_days, "period": "day"}}
        entry["config"] = {"loaded_at_query": LOADED_AT, "freshness": freshness}
    tests: list[dict[str, object]] = []
    if len(table.key) > 1:
        tests.append({"unique_together": {"arguments": {"columns": list(table.key)}}})
    tests += _rule_tests(table)
    if tests:
        entry["data_tests"] = tests
    entry["columns"] = [_column(column, table) for column in table.columns]
    return entry


def _rule_tests(table: Table) -> Iterator[dict[str, object]]:
    """Yield a test for the rules of each severity: all rules of a table in one scan."""
    levels: dict[Severity, str] = {"error": "error", "warning": "warn"}
    for severity, dbt_severity in levels.items():
        rules = [
            {"name": rule.name, "figure": aggregate(rule), "broken_if": outside(rule.bound)}
            for rule in table.rules
            if rule.severity == severity and _dbt_tests(rule)
        ]
        if rules:
            name = f"meets_contract_{table.schema}_{table.name}"
            suffix = "" if severity == "error" else "_warnings"
            yield {
                "meets_contract": {
                    "name": name + suffix,
                    "arguments": {"rules": rules},
                    "config": {"severity": dbt_severity},
                }
            }


def _dbt_tests(rule: Rule) -> bool:
    """Whether dbt tests a rule: not one that the DDL or the loader keeps, or SQL cannot judge."""
    is_enforced = rule.kind == "required" and rule.is_hard
    is_lineage = str(rule.column).startswith("_")
    return not (is_enforced or is_lineage or rule.kind == "wkt")


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

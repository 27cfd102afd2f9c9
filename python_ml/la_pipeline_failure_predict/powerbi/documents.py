"""Pages about the semantic model for people who build reports, generated with it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from la_pipeline_failure_predict.powerbi import MADE_BY
from la_pipeline_failure_predict.powerbi.metric_sql import metric_table
from la_pipeline_failure_predict.powerbi.model import SemanticModel, Table
from la_pipeline_failure_predict.powerbi.report import Report
from la_pipeline_failure_predict.powerbi.specification import Specification


def render_documents(specification: Specification, reports: Sequence[Report]) -> dict[str, str]:
    """Return Markdown by file name: relationships, measures, columns and checks by hand."""
    model = specification.model
    return {
        "relationships.md": _page(_relationships(model)),
        "measures.md": _page(_measures(model, reports)),
        "data_dictionary.md": _page(_dictionary(model)),
        "data_validation_checks.md": _page(_checks(specification)),
    }


def _page(lines: Iterable[str]) -> str:
    return "\n".join([f"<!-- {MADE_BY} -->", "", *lines]).rstrip("\n") + "\n"


def _relationships(model: SemanticModel) -> Iterator[str]:
    yield "# Relationships"
    yield ""
    yield (
        "Each is many-to-one and filters one way, from the one to the many. dbt tests that every "
        "value of the many is there on the side of the one."
    )
    yield ""
    yield from _table(
        ("many", "one"),
        (
            (
                f"{one.from_table}[{one.from_column}]",
                f"{one.to_table}[{one.to_column}]",
            )
            for one in model.relationships
        ),
    )
    yield ""
    yield "## Tables that stand alone"
    yield ""
    yield from _table(
        ("table", "why"),
        ((table.name, table.standalone) for table in model.tables if table.standalone),
    )
    yield ""
    yield "## Roles"
    for role in model.roles:
        yield ""
        yield f"**{role.name}**: {role.description}"
        yield ""
        yield from _table(
            ("table", "rows that are seen"),
            ((table, f"`{dax}`") for table, dax in role.filters.items()),
        )


def _measures(model: SemanticModel, reports: Sequence[Report]) -> Iterator[str]:
    used: dict[str, list[str]] = {}
    for report in reports:
        for field in report.fields():
            if field.is_measure and report.label not in used.setdefault(field.name, []):
                used[field.name].append(report.label)
    yield "# Measures"
    yield ""
    yield (
        "Each is a dbt metric of the same meaning: tests compare the DAX with dbt's own query of "
        "the metric, on DuckDB and on Postgres."
    )
    for table in model.tables:
        for measure in table.measures:
            yield ""
            yield f"## {measure.name}"
            yield ""
            yield measure.description
            yield ""
            yield f"- Table: {table.name}" + (
                f", folder {measure.folder}" if measure.folder else ""
            )
            yield f"- dbt metric: `{measure.metric}`"
            yield f"- Format: `{measure.format}`"
            yield f"- Used in: {', '.join(used.get(measure.name, [])) or 'no report'}"
            yield ""
            yield "```dax"
            yield measure.expression
            yield "```"


def _dictionary(model: SemanticModel) -> Iterator[str]:
    yield "# Data dictionary"
    yield ""
    yield "The tables of the semantic model, by the names that readers see."
    for table in model.tables:
        yield ""
        yield f"## {table.name}"
        yield ""
        yield f"{table.description} View: `powerbi.{table.view}`."
        yield ""
        yield from _table(("column", "in the view", "type", "", "description"), _columns(table))


def _columns(table: Table) -> Iterator[tuple[str, ...]]:
    for column in table.columns:
        marks = [
            mark for mark, holds in (("key", column.is_key), ("hidden", column.is_hidden)) if holds
        ]
        yield (
            column.name,
            f"`{column.source}`",
            column.data_type,
            ", ".join(marks),
            column.description,
        )


def _checks(specification: Specification) -> Iterator[str]:
    metrics: Mapping[str, object] = specification.metrics
    yield "# Checks by hand"
    yield ""
    yield (
        "What each measure comes to without any filter, as a query for the warehouse (Postgres or "
        "DuckDB). Put the measure on an empty page as a card: the figures must be equal. "
        "`la-pipes powerbi check --data` checks keys, relationships and types by itself."
    )
    for name in metrics:
        metric = specification.metrics[name]
        yield ""
        yield f"## {metric.label}"
        yield ""
        yield "```sql"
        yield metric_table([name], specification.metrics, specification.star)
        yield "```"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |"

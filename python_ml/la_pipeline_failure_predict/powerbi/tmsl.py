"""The model as the objects of Microsoft's Tabular Object Model, in its JSON (TMSL).

This is what a template (`pbit`) holds; `tmdl` writes the same objects as text. The properties stand
in the order in which Microsoft's serializer writes them there.
"""

import json
from typing import Any

from la_pipeline_failure_predict.powerbi.identity import guid
from la_pipeline_failure_predict.powerbi.model import (
    Column,
    Hierarchy,
    Measure,
    Parameter,
    Relationship,
    Role,
    SemanticModel,
    Table,
)

COMPATIBILITY_LEVEL = 1600
CULTURE = "en-US"
# What Power BI has no property for is kept in annotations of our own.
VIEW = "LaPipes_View"
STANDALONE = "LaPipes_Standalone"
METRIC = "LaPipes_Metric"

Object = dict[str, Any]


def to_tmsl(model: SemanticModel) -> Object:
    """Return the database that holds this model."""
    queries = [one.name for one in model.parameters] + [one.name for one in model.tables]
    return {
        "name": model.name,
        "compatibilityLevel": COMPATIBILITY_LEVEL,
        "model": _kept(
            {
                "name": "Model",
                "description": model.description,
                "culture": CULTURE,
                "defaultPowerBIDataSourceVersion": "powerBI_V3",
                "discourageImplicitMeasures": True,
                "sourceQueryCulture": CULTURE,
                "dataAccessOptions": {"legacyRedirects": True, "returnErrorValuesAsNull": True},
                "tables": [_table(table) for table in model.tables],
                "relationships": [_relationship(one) for one in model.relationships],
                "roles": [_role(role) for role in model.roles],
                "expressions": [_parameter(parameter) for parameter in model.parameters],
                "cultures": [_culture()],
                "annotations": _annotations(
                    # No hidden date table for every date: the model has its own.
                    ("__PBI_TimeIntelligenceEnabled", "0"),
                    ("PBI_QueryOrder", json.dumps(queries, ensure_ascii=False)),
                ),
            }
        ),
    }


def table_tag(table: str) -> str:
    """Return the lineage tag of a table."""
    return guid("table", table)


def _table(table: Table) -> Object:
    return _kept(
        {
            "name": table.name,
            "description": table.description,
            "isHidden": table.is_hidden,
            "lineageTag": table_tag(table.name),
            "dataCategory": "Time" if table.is_date_table else "",
            "measures": [_measure(table, measure) for measure in table.measures],
            "columns": [_column(table, column) for column in table.columns],
            "hierarchies": [_hierarchy(table, hierarchy) for hierarchy in table.hierarchies],
            "partitions": [
                {
                    "name": table.name,
                    "mode": "import",
                    "source": {"type": "m", "expression": table.source},
                }
            ],
            "annotations": _annotations(
                (VIEW, table.view),
                (STANDALONE, table.standalone),
                ("PBI_ResultType", "Table"),
            ),
        }
    )


def _measure(table: Table, measure: Measure) -> Object:
    return _kept(
        {
            "name": measure.name,
            "description": measure.description,
            "expression": measure.expression,
            "formatString": measure.format,
            "displayFolder": measure.folder,
            "lineageTag": guid("table", table.name, "measure", measure.name),
            "annotations": _annotations((METRIC, measure.metric)),
        }
    )


def _column(table: Table, column: Column) -> Object:
    return _kept(
        {
            "name": column.name,
            "description": column.description,
            "dataType": column.data_type,
            "isHidden": column.is_hidden,
            "isKey": column.is_key,
            "formatString": column.format,
            "displayFolder": column.folder,
            "lineageTag": guid("table", table.name, "column", column.name),
            "dataCategory": column.category,
            "summarizeBy": "none",
            "sourceColumn": column.source,
            "sortByColumn": column.sort_by,
            "annotations": _annotations(
                ("SummarizationSetBy", "Automatic"),
                ("UnderlyingDateTimeDataType", "Date" if _is_date(column) else ""),
            ),
        }
    )


def _is_date(column: Column) -> bool:
    """Tell a date from a point in time by the format that shows it."""
    return column.data_type == "dateTime" and column.format != "" and ":" not in column.format


def _hierarchy(table: Table, hierarchy: Hierarchy) -> Object:
    path = ("table", table.name, "hierarchy", hierarchy.name)
    return {
        "name": hierarchy.name,
        "lineageTag": guid(*path),
        "levels": [
            {
                "name": level,
                "ordinal": ordinal,
                "lineageTag": guid(*path, "level", level),
                "column": level,
            }
            for ordinal, level in enumerate(hierarchy.levels)
        ],
    }


def _relationship(one: Relationship) -> Object:
    ends = (one.from_table, one.from_column, one.to_table, one.to_column)
    return {
        "name": guid("relationship", *ends),
        "fromTable": one.from_table,
        "fromColumn": one.from_column,
        "toTable": one.to_table,
        "toColumn": one.to_column,
    }


def _role(role: Role) -> Object:
    return _kept(
        {
            "name": role.name,
            "description": role.description,
            "modelPermission": "read",
            "tablePermissions": [
                {"name": table, "filterExpression": dax} for table, dax in role.filters.items()
            ],
        }
    )


def _parameter(parameter: Parameter) -> Object:
    return _kept(
        {
            "name": parameter.name,
            "description": parameter.description,
            "kind": "m",
            "expression": _parameter_source(parameter),
            "lineageTag": guid("parameter", parameter.name),
            "annotations": _annotations(("PBI_ResultType", "Text")),
        }
    )


def _parameter_source(parameter: Parameter) -> str:
    """Return the M of a parameter, with the record of metadata that Power Query shows it by."""
    value = m_text(parameter.value)
    meta = ["IsParameterQuery=true"]
    if parameter.choices:
        meta.append(f"List={{{', '.join(map(m_text, parameter.choices))}}}")
        meta.append(f"DefaultValue={value}")
    meta += ['Type="Text"', "IsParameterQueryRequired=true"]
    return f"{value} meta [{', '.join(meta)}]"


def m_text(text: str) -> str:
    """Return a text as a literal of M, on one line."""
    escaped = text.replace("#(", "#(#)(").replace('"', '""')
    for character, name in (("\r", "cr"), ("\n", "lf"), ("\t", "tab")):
        escaped = escaped.replace(character, f"#({name})")
    return f'"{escaped}"'


def _culture() -> Object:
    content = {"Version": "1.0.0", "Language": CULTURE}
    return {"name": CULTURE, "linguisticMetadata": {"content": content, "contentType": "json"}}


def _annotations(*pairs: tuple[str, str]) -> list[Object]:
    return [{"name": name, "value": value} for name, value in pairs if value]


def _kept(properties: Object) -> Object:
    """Leave out what is empty or false, as Microsoft's serializer does."""
    return {name: value for name, value in properties.items() if value}

"""The semantic model that dbt's manifest declares.

A view of the schema `powerbi` is a table; what its YAML does not say in `config.meta.powerbi`
follows from its names and types. Relationships are dbt's own tests of relationships, and measures
are dbt's metrics, so that neither can be declared without being tested.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from la_pipeline_failure_predict.dbt_manifest import Model, models_of
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.column_names import (
    M_TYPES,
    TYPES,
    category,
    default_format,
    friendly_name,
)
from la_pipeline_failure_predict.powerbi.dax import Names, to_dax
from la_pipeline_failure_predict.powerbi.metric_sql import Star
from la_pipeline_failure_predict.powerbi.metrics import Metric, read_metrics
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

SCHEMA = "powerbi"
MODEL_NAME = "la_pipe_break_model"
MODEL_DESCRIPTION = "Main breaks, risk and renewal plan; generated from the dbt project."
POSTGRES, PARQUET = "PostgreSQL", "Parquet"
PARAMETERS = (
    Parameter(
        "DataSource",
        POSTGRES,
        "Where the tables come from: the database, or files of la-pipes powerbi export.",
        (POSTGRES, PARQUET),
    ),
    Parameter("Server", "localhost:5432", "Host and port of the PostgreSQL server."),
    Parameter("Database", "la_pipes", "Database of the warehouse."),
    Parameter("Schema", SCHEMA, "Schema of the views."),
    Parameter(
        "ParquetFolder", "C:\\la_pipes\\exports", "Folder that la-pipes powerbi export wrote."
    ),
)


@dataclass(frozen=True)
class Specification:
    """What dbt declares for Power BI.

    Attributes
    ----------
    views
        Models of the schema `powerbi`, by the name of their view, ordered by the name for readers.
    metrics
        Metrics that are measures, by name.
    manifest
        dbt's manifest.
    """

    views: Mapping[str, Model]
    metrics: Mapping[str, Metric]
    manifest: Mapping[str, Any]

    @cached_property
    def model(self) -> SemanticModel:
        """The semantic model."""
        return SemanticModel(
            name=MODEL_NAME,
            description=MODEL_DESCRIPTION,
            tables=tuple(
                replace(table, measures=tuple(self._measures(table.view))) for table in self._tables
            ),
            relationships=tuple(self._relationships()),
            roles=tuple(self._roles()),
            parameters=PARAMETERS,
        )

    @cached_property
    def names(self) -> Names:
        """What views and columns are called in Power BI."""
        return Names.of(self._tables)

    @cached_property
    def star(self) -> Star:
        """The many-to-one relationships between the views."""
        return Star.of(self.model)

    @cached_property
    def _tables(self) -> tuple[Table, ...]:
        """The tables without their measures, which need the names of all tables."""
        return tuple(_table(view, model) for view, model in self.views.items())

    def _measures(self, view: str) -> Iterator[Measure]:
        for metric in self.metrics.values():
            if metric.view == view:
                yield Measure(
                    name=metric.label,
                    metric=metric.name,
                    expression=to_dax(metric, self.metrics, self.names),
                    description=metric.description,
                    format=metric.format,
                    folder=metric.folder,
                )

    def _relationships(self) -> Iterator[Relationship]:
        by_model = {model.name: view for view, model in self.views.items()}
        names = self.names
        for view, model in self.views.items():
            for column, (target, field) in _many_sides(model).items():
                if to_view := by_model.get(target):
                    yield Relationship(
                        names.tables[view],
                        names.columns[view, column],
                        names.tables[to_view],
                        names.columns[to_view, field],
                    )

    def _roles(self) -> Iterator[Role]:
        """Yield the role of each table of readers: who is in it sees the rows it names."""
        names = self.names
        for view, model in self.views.items():
            settings = _table_settings(model).get("role")
            if settings is None:
                continue
            key = settings["sees"]
            is_me = f"{names.column(view, settings['reader'])} = USERPRINCIPALNAME()"
            allowed = f"CALCULATETABLE(VALUES({names.column(view, key)}), {is_me})"
            filters = {
                names.tables[other]: f"{names.column(other, key)} IN {allowed}"
                for other in self.views
                if other != view and (other, key) in names.columns
            }
            filters[names.tables[view]] = is_me
            yield Role(settings["name"], settings["description"], filters)


def _table(view: str, model: Model) -> Table:
    settings, key, many_sides = _table_settings(model), _key(model), _many_sides(model)
    columns = tuple(
        _column(declared, declared["name"] == key, declared["name"] in many_sides)
        for declared in model.columns
    )
    by_source = {column.source: column.name for column in columns}
    return Table(
        name=settings["table"],
        view=view,
        description=model.description,
        columns=tuple(
            replace(column, sort_by=by_source[column.sort_by]) if column.sort_by else column
            for column in columns
        ),
        source=_source(view, model.columns),
        hierarchies=tuple(
            Hierarchy(name, tuple(by_source[level] for level in levels))
            for name, levels in settings.get("hierarchies", {}).items()
        ),
        is_date_table=bool(settings.get("date_table")),
        is_hidden=bool(settings.get("hidden")),
        standalone=settings.get("standalone", ""),
    )


def _column(declared: Mapping[str, Any], is_key: bool, is_many_side: bool) -> Column:
    settings, name = _settings(declared), str(declared["name"])
    return Column(
        name=settings.get("name") or friendly_name(declared),
        source=name,
        data_type=TYPES[declared["data_type"]],
        description=" ".join(declared["description"].split()),
        format=settings.get("format", default_format(declared)),
        folder=settings.get("folder", "Location" if category(name) else ""),
        category=category(name),
        sort_by=settings.get("sort_by"),
        is_hidden=bool(settings.get("hidden")) or is_many_side or name.endswith("_sort"),
        is_key=is_key,
    )


def _many_sides(model: Model) -> dict[str, tuple[str, str]]:
    """Return model and field that dbt tests each column to be found in."""
    found = {}
    for test in model.tests:
        if test.name == "relationships" and test.is_binding:
            target = re.search(r"ref\(['\"](\w+)['\"]\)", str(test.arguments["to"]))
            if target:
                found[str(test.column)] = (target[1], str(test.arguments["field"]))
    return found


def read_specification(manifest: Mapping[str, Any]) -> Specification:
    """Read what dbt declares for Power BI.

    Raises
    ------
    UserError
        If a view lacks a description, a contract or a name, or has a column without a description,
        of a type that Power BI does not have or with the name of another; or if a metric is not
        one that can be a measure.
    """
    views = {model.relation: model for model in models_of(manifest) if model.schema == SCHEMA}
    if not views:
        raise UserError(f"The manifest holds no model of the schema {SCHEMA}: run dbt parse.")
    for model in views.values():
        _check_view(model)
    views = dict(sorted(views.items(), key=lambda item: _table_settings(item[1])["table"]))
    metrics = {metric.name: metric for metric in read_metrics(manifest)}
    specification = Specification(views, metrics, manifest)
    _check_names(specification)
    return specification


def _check_view(model: Model) -> None:
    if not model.description:
        raise UserError(f"{model.name} has no description: write one in its YAML.")
    if not model.is_contracted:
        raise UserError(f"{model.name} has no contract: set contract.enforced in its config.")
    if not _table_settings(model).get("table"):
        raise UserError(
            f"{model.name} has no name for readers: set config.meta.powerbi.table in its YAML."
        )
    known = {column["name"] for column in model.columns}
    for column in model.columns:
        place = f"{model.name}.{column['name']}"
        if not column["description"]:
            raise UserError(f"{place} has no description: write one in its YAML.")
        if column["data_type"] not in TYPES:
            raise UserError(
                f"{place} has the data_type {column['data_type']!r}, which Power BI does not have: "
                f"use one of {', '.join(TYPES)}."
            )
        sort_by = _settings(column).get("sort_by")
        if sort_by and sort_by not in known:
            raise UserError(
                f"{place} is sorted by {sort_by}, which {model.name} does not have: name a column."
            )


def _check_names(specification: Specification) -> None:
    models = {model.name: _table_settings(model)["table"] for model in specification.views.values()}
    _refuse_twins(models, "config.meta.powerbi.table")
    for view, model in specification.views.items():
        columns = {
            f"{model.name}.{column.source}": column.name for column in _table(view, model).columns
        }
        _refuse_twins(columns, "config.meta.powerbi.name")


def _refuse_twins(names: Mapping[str, str], setting: str) -> None:
    """Refuse two of a name; Power BI does not tell upper from lower case."""
    first: dict[str, str] = {}
    for owner, name in names.items():
        other = first.setdefault(name.lower(), owner)
        if other != owner:
            raise UserError(
                f"{other} and {owner} have the same name for readers, {name}: set {setting} of one "
                "of them."
            )


def _table_settings(model: Model) -> Mapping[str, Any]:
    settings: Mapping[str, Any] = model.meta.get("powerbi", {})
    return settings


def _settings(column: Mapping[str, Any]) -> Mapping[str, Any]:
    settings: Mapping[str, Any] = column["config"].get("meta", {}).get("powerbi", {})
    return settings


def _key(model: Model) -> str | None:
    """Return the column that dbt tests to be unique and never null, None where there is none."""
    tested = {
        name: {test.column for test in model.tests if test.name == name and test.is_binding}
        for name in ("unique", "not_null")
    }
    keys = tested["unique"] & tested["not_null"]
    return next((column["name"] for column in model.columns if column["name"] in keys), None)


def _source(view: str, columns: Iterable[Mapping[str, Any]]) -> str:
    """Return the expression in M that imports a view, from the database or from a file."""
    types = ", ".join(f'{{"{item["name"]}", {M_TYPES[item["data_type"]]}}}' for item in columns)
    return (
        "let\n"
        f'    Source = if DataSource = "{PARQUET}"\n'
        f'        then Parquet.Document(File.Contents(ParquetFolder & "\\{view}.parquet"))\n'
        "        else PostgreSQL.Database(Server, Database, [CreateNavigationProperties = false])"
        f'{{[Schema = Schema, Item = "{view}"]}}[Data],\n'
        f"    Typed = Table.TransformColumnTypes(Source, {{{types}}})\n"
        "in\n"
        "    Typed"
    )

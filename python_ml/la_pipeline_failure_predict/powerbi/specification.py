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
from la_pipeline_failure_predict.powerbi import SCHEMA
from la_pipeline_failure_predict.powerbi.column_defaults import (
    M_TYPES,
    TYPES,
    category,
    default_format,
    default_sort,
    friendly_name,
    is_hidden_by_name,
)
from la_pipeline_failure_predict.powerbi.dax import to_dax
from la_pipeline_failure_predict.powerbi.declared import (
    ColumnSettings,
    TableSettings,
    read_declared,
)
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
from la_pipeline_failure_predict.powerbi.names import Names

# A model is named like its view, with this before it.
PREFIX = "pbi_"
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
        names = self.names
        for view, model in self.views.items():
            for column, (to_view, field) in _many_sides(model).items():
                if (to_view, field) not in names.columns:
                    raise UserError(
                        f"{model.name}.{column} is tested against {to_view}.{field}, which does "
                        "not exist: name a column of the view."
                    )
                if _key(self.views[to_view]) != field:
                    raise UserError(
                        f"{model.name}.{column} is joined to {PREFIX}{to_view}.{field}, which must "
                        "be a key: test it with unique and not_null."
                    )
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
            role = table_settings(model).role
            if role is None:
                continue
            for column in (role.reader, role.sees):
                _require(model, column, "The role")
            is_me = f"{names.column(view, role.reader)} = USERPRINCIPALNAME()"
            allowed = f"CALCULATETABLE(VALUES({names.column(view, role.sees)}), {is_me})"
            filters = {
                names.tables[other]: f"{names.column(other, role.sees)} IN {allowed}"
                for other in self.views
                if other != view and (other, role.sees) in names.columns
            }
            filters[names.tables[view]] = is_me
            yield Role(role.name, role.description, filters)


def _table(view: str, model: Model) -> Table:
    settings, key, many_sides = table_settings(model), _key(model), _many_sides(model)
    columns = tuple(
        _column(model, declared, declared["name"] == key, declared["name"] in many_sides)
        for declared in model.columns
    )
    by_source = {column.source: column.name for column in columns}
    return Table(
        name=settings.table,
        view=view,
        description=model.description,
        columns=tuple(
            replace(column, sort_by=by_source[column.sort_by]) if column.sort_by else column
            for column in columns
        ),
        source=_source(view, model.columns),
        hierarchies=tuple(
            Hierarchy(name, tuple(by_source[level] for level in levels))
            for name, levels in settings.hierarchies.items()
        ),
        is_date_table=settings.date_table,
        is_hidden=settings.hidden,
        standalone=settings.standalone,
    )


def _column(model: Model, declared: Mapping[str, Any], is_key: bool, is_many_side: bool) -> Column:
    settings, name = _column_settings(model, declared), str(declared["name"])
    place = category(name)
    return Column(
        name=settings.name or friendly_name(declared),
        source=name,
        data_type=TYPES[declared["data_type"]],
        description=" ".join(declared["description"].split()),
        format=default_format(declared) if settings.format is None else settings.format,
        folder=("Location" if place else "") if settings.folder is None else settings.folder,
        category=place,
        sort_by=settings.sort_by or default_sort(name, {each["name"] for each in model.columns}),
        is_hidden=settings.hidden or is_many_side or is_hidden_by_name(name),
        is_key=is_key,
    )


def _many_sides(model: Model) -> dict[str, tuple[str, str]]:
    """Return the view and column that dbt tests each column to be found in.

    Tests against other models say something about the data, and nothing to Power BI.

    Raises
    ------
    UserError
        If a column is tested against two views.
    """
    found: dict[str, tuple[str, str]] = {}
    for test in model.tests:
        if test.name != "relationships" or not test.is_binding:
            continue
        target = re.search(rf"ref\(['\"]{PREFIX}(\w+)['\"]\)", str(test.arguments["to"]))
        if target is None:
            continue
        if test.column in found:
            raise UserError(
                f"{model.name}.{test.column} is tested against two views: Power BI joins a column "
                "to one, so keep one test."
            )
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
    views = dict(sorted(views.items(), key=lambda item: table_settings(item[1]).table))
    metrics = {metric.name: metric for metric in read_metrics(manifest)}
    specification = Specification(views, metrics, manifest)
    _check_names(specification)
    return specification


def _check_view(model: Model) -> None:
    if not model.description:
        raise UserError(f"{model.name} has no description: write one in its YAML.")
    if not model.is_contracted:
        raise UserError(f"{model.name} has no contract: set contract.enforced in its config.")
    for levels in table_settings(model).hierarchies.values():
        for level in levels:
            _require(model, level, "A hierarchy")
    for column in model.columns:
        place = f"{model.name}.{column['name']}"
        if not column["description"]:
            raise UserError(f"{place} has no description: write one in its YAML.")
        if column["data_type"] not in TYPES:
            raise UserError(
                f"{place} has the data_type {column['data_type']!r}, which Power BI does not have: "
                f"use one of {', '.join(TYPES)}."
            )
        if sort_by := _column_settings(model, column).sort_by:
            _require(model, sort_by, f"The order of {place}")


def _require(model: Model, column: str, what: str) -> None:
    if column not in {declared["name"] for declared in model.columns}:
        raise UserError(
            f"{what} reads {column}, which {model.name} does not have: name one of its columns."
        )


def _check_names(specification: Specification) -> None:
    models = {model.name: table_settings(model).table for model in specification.views.values()}
    _refuse_twins(models, "config.meta.powerbi.table")
    for table in specification._tables:
        owner = specification.views[table.view].name
        columns = {f"{owner}.{column.source}": column.name for column in table.columns}
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


def table_settings(model: Model) -> TableSettings:
    """Return what the YAML of a view sets for Power BI."""
    return read_declared(TableSettings, model.meta.get("powerbi", {}), model.name)


def _column_settings(model: Model, column: Mapping[str, Any]) -> ColumnSettings:
    declared = column["config"].get("meta", {}).get("powerbi", {})
    return read_declared(ColumnSettings, declared, f"{model.name}.{column['name']}")


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

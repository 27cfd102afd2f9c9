"""Which columns of dbt's models come from which.

dbt knows which model reads which; sqlglot reads in their SQL which column becomes which.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from la_pipeline_failure_predict.dbt_manifest import current_manifest
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

log = logging.getLogger(__name__)

# Model, seed or source by its name in dbt, and a column of it.
ColumnOf = tuple[str, str]
# Without a connection, because no macro asks the database while models are compiled.
COMPILE = ("compile", "--no-introspect", "--no-populate-cache", "--select", "resource_type:model")


def read_compiled_manifest(settings: Settings) -> Mapping[str, Any]:
    """Return dbt's manifest with the SQL of every model, compiling it where it has changed.

    Raises
    ------
    UserError
        If dbt cannot compile the project, or finds no profile.
    """
    return current_manifest(settings, COMPILE, "compiled_manifest")


@dataclass(frozen=True)
class Flow:
    """Where the values of a column go.

    Attributes
    ----------
    columns
        Columns that hold its values or what is computed from them, itself first.
    row_models
        Models that join, filter, group or order by one of these columns: their rows depend on it.
    guessed_models
        Models whose SQL could not be read: a column is followed to the one of the same name.
    """

    columns: tuple[ColumnOf, ...]
    row_models: tuple[str, ...]
    guessed_models: tuple[str, ...]


@dataclass(frozen=True)
class _Query:
    """What a model's SQL does with the columns it reads.

    Attributes
    ----------
    values
        Columns that each column of its own is computed from.
    rows
        Columns it joins, filters, groups or orders by.
    """

    values: Mapping[str, set[ColumnOf]]
    rows: set[ColumnOf] = field(default_factory=set)
    is_guessed: bool = False


class ColumnLineage:
    """The columns of a manifest that holds the models' SQL, and how they flow."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._dialect = manifest["metadata"]["adapter_type"]
        self._nodes = {
            key: node
            for key, node in {**manifest["nodes"], **manifest["sources"]}.items()
            if node["resource_type"] in ("model", "seed", "source")
        }

    def follow(self, model: str, column: str) -> Flow:
        """Return where a column's values go."""
        reached: dict[ColumnOf, None] = {(model, column): None}
        row_models, guessed = [], []
        for name, query in self._queries.items():
            flowed = [(name, own) for own, read in query.values.items() if read & reached.keys()]
            reached.update(dict.fromkeys(flowed))
            if query.rows & reached.keys():
                row_models.append(name)
            if query.is_guessed and flowed:
                guessed.append(name)
        return Flow(tuple(reached), tuple(row_models), tuple(guessed))

    def columns(self, model: str) -> list[str]:
        """Return the columns of a model in the order of its SQL; of a seed, as declared."""
        if model in self._queries:
            return list(self._queries[model].values)
        return [
            name
            for node in self._nodes.values()
            if node["name"] == model
            for name in node["columns"]
        ]

    @cached_property
    def _queries(self) -> Mapping[str, _Query]:
        """The models' queries, each after those it reads."""
        reader = _sql_reader(self._dialect)
        queries = {}
        for key in self._in_order():
            node = self._nodes[key]
            columns: Iterable[str] = node["columns"]
            if node["resource_type"] == "model":
                parents = [self._nodes[each] for each in _parents(node) if each in self._nodes]
                query = queries[node["name"]] = reader.read(node, parents)
                columns = query.values
            reader.add(node, columns)
        return queries

    def _in_order(self) -> Iterator[str]:
        parents = {
            key: [each for each in _parents(node) if each in self._nodes]
            for key, node in self._nodes.items()
        }
        return iter(TopologicalSorter(parents).static_order())


def _parents(node: Mapping[str, Any]) -> list[str]:
    return node.get("depends_on", {}).get("nodes", [])


def _relation(node: Mapping[str, Any]) -> tuple[str, str, str]:
    return node["database"], node["schema"], node.get("identifier") or node["alias"]


def _sql_reader(dialect: str) -> "_SqlReader":
    try:
        return _SqlReader(dialect)
    except ImportError:
        raise UserError(
            "Following columns through SQL needs sqlglot: "
            'pip install "la_pipeline_failure_predict[impact]".'
        ) from None


class _SqlReader:
    """Reads queries, knowing the columns of the relations that were added."""

    def __init__(self, dialect: str) -> None:
        from sqlglot.schema import MappingSchema

        self._dialect = dialect
        self._schema = MappingSchema(dialect=dialect)
        self._names: dict[tuple[str, str, str], str] = {}
        self._columns: dict[str, list[str]] = {}

    def add(self, node: Mapping[str, Any], columns: Iterable[str]) -> None:
        """Tell the columns of a relation."""
        from sqlglot import exp

        database, schema, table = _relation(node)
        self._names[database, schema, table] = node["name"]
        self._columns[node["name"]] = list(columns)
        relation = exp.table_(table, db=schema, catalog=database, quoted=True)
        self._schema.add_table(relation, dict.fromkeys(columns, "unknown"))

    def read(self, node: Mapping[str, Any], parents: Iterable[Mapping[str, Any]]) -> _Query:
        """Read a model's query; by the names of columns where sqlglot cannot."""
        from sqlglot.errors import SqlglotError

        try:
            return self._read(node["compiled_code"])
        except (SqlglotError, KeyError) as error:
            log.debug("cannot read the SQL of %s", node["name"], exc_info=error)
        return _Query(
            {
                column: {
                    (parent["name"], column)
                    for parent in parents
                    if column in self._columns[parent["name"]]
                }
                for column in node["columns"]
            },
            is_guessed=True,
        )

    def _read(self, sql: str) -> _Query:
        from sqlglot import parse_one
        from sqlglot.errors import SqlglotError
        from sqlglot.lineage import lineage
        from sqlglot.optimizer.qualify import qualify
        from sqlglot.optimizer.scope import build_scope

        expression = parse_one(sql, dialect=self._dialect)
        _write_windows_out(expression)
        expression = qualify(expression, dialect=self._dialect, schema=self._schema, identify=False)
        root = build_scope(expression)
        if root is None:
            raise SqlglotError("not a query")
        found = lineage(
            None,
            expression,
            self._schema,
            dialect=self._dialect,
            scope=root,
            trim_selects=False,
            copy=False,
        )
        values = {name: self._origins(node) for name, node in found.items()}
        return _Query(values, self._row_columns(root))

    def _row_columns(self, root: "Scope") -> set[ColumnOf]:
        """Return what the query reads outside of its lists of columns."""
        read = {
            (id(source), column.name): (source, column.name)
            for scope in root.traverse()
            for column in scope.columns
            if not _is_listed(column, scope.expression)
            and (source := scope.sources.get(column.table)) is not None
        }
        return {origin for source, name in read.values() for origin in self._reads(source, name)}

    def _reads(self, source: "exp.Table | Scope", column: str) -> Iterable[ColumnOf]:
        from sqlglot import exp
        from sqlglot.lineage import to_node

        if isinstance(source, exp.Table):
            return self._origin(source, column)
        node = to_node(column, source, self._dialect, self._schema, trim_selects=False)
        return self._origins(node)

    def _origins(self, node: Any) -> set[ColumnOf]:  # noqa: ANN401 - sqlglot.lineage.Node
        from sqlglot import exp

        return {
            origin
            for leaf in node.walk()
            if isinstance(leaf.expression, exp.Table)
            for origin in self._origin(leaf.expression, _column_name(leaf.name))
        }

    def _origin(self, table: "exp.Table", column: str) -> Iterator[ColumnOf]:
        if name := self._names.get((table.catalog, table.db, table.name)):
            yield name, column


def _column_name(leaf: str) -> str:
    """Return the column of a leaf of the lineage, which names it as SQL does: with its table."""
    from sqlglot import exp

    return exp.to_column(leaf).name if '"' in leaf else leaf.rpartition(".")[2]


def _write_windows_out(expression: "exp.Expr") -> None:
    """Write named windows where they are used, so that their columns count as the value's."""
    from sqlglot import exp

    for select in expression.find_all(exp.Select):
        named = {window.this.name: window for window in select.args.get("windows") or ()}
        for window in select.find_all(exp.Window):
            definition = named.get(window.alias)
            if definition is None:
                continue
            for part in ("partition_by", "order", "spec"):
                if not window.args.get(part) and (defined := definition.args.get(part)):
                    copied = (
                        [each.copy() for each in defined]
                        if isinstance(defined, list)
                        else defined.copy()
                    )
                    window.set(part, copied)
        select.set("windows", None)


def _is_listed(column: "exp.Column", query: "exp.Expr") -> bool:
    """Whether a column is read in the list of columns of its query."""
    part: Any = column
    while part.parent is not None and part.parent is not query:
        part = part.parent
    return part.arg_key == "expressions"

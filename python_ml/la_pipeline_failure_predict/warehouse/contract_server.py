"""Name a target to the datacontract tool: which server of a contract it is, and how to reach it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse.open import read_connection

# What libpq reads from the environment; the tool passes nothing about certificates on.
LIBPQ_VARIABLES = {
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
}


@dataclass(frozen=True)
class ContractServer:
    """A server of the contracts.

    Attributes
    ----------
    name
        Its name in the `servers` list of every contract: the engine's.
    options
        Options of the tool; may hold a password, so they are never shown.
    environment
        Variables that must be set while it is connected.
    """

    name: str
    options: Mapping[str, str] = field(repr=False)
    environment: Mapping[str, str] = field(default_factory=dict)

    def config(self) -> Any:  # noqa: ANN401 - of a package that may not be installed
        """Return the options as the tool takes them."""
        from datacontract.config import Config

        class Options(Config):
            """Reaches a server that asks for no password, or that ~/.pgpass has one for."""

            def get_postgres_password(self, required: bool = False) -> str | None:
                return super().get_postgres_password(required=False)

        return Options.model_construct(**self.options)


def find_contract_server(settings: Settings) -> ContractServer:
    """Return the target as a server of the contracts.

    Raises
    ------
    UserError
        If the target is not in the profile, or its engine is not one that contracts are tested on.
    """
    connection = read_connection(settings)
    if connection.engine not in SERVERS:
        raise UserError(
            f"Target {connection.target} uses {connection.engine}; contracts are tested on "
            f"{' and '.join(sorted(SERVERS))}."
        )
    return SERVERS[connection.engine](settings.root, connection.credentials)


def _duckdb(root: Path, credentials: Mapping[str, object]) -> ContractServer:
    path = str(root / str(credentials["path"]))
    return ContractServer("duckdb", {"duckdb_database": path})


def _postgres(root: Path, credentials: Mapping[str, object]) -> ContractServer:
    options = {
        "postgres_host": credentials["host"],
        "postgres_port": credentials["port"],
        "postgres_database": credentials["database"],
        "postgres_username": credentials["user"],
        "postgres_password": credentials["password"],
    }
    environment = {
        variable: credentials[name]
        for name, variable in LIBPQ_VARIABLES.items()
        if credentials.get(name)
    }
    return ContractServer("postgres", _texts(options), _texts(environment))


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value not in (None, "")}


SERVERS: Mapping[str, Callable[[Path, Mapping[str, object]], ContractServer]] = {
    "duckdb": _duckdb,
    "postgres": _postgres,
}

"""A city under test: a warehouse of its own and the command line that works on it."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from click.testing import CliRunner, Result

from la_pipeline_failure_predict.cli import main
from la_pipeline_failure_predict.warehouse import Warehouse

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LA_PIPES_TEST_DATA", ROOT.parent / "shared" / "data"))
GUARDED_USER = "la_pipes_guarded"
ENGINES = ("duckdb", "postgres")

needs_real_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no real data in {DATA} (set LA_PIPES_TEST_DATA)"
)


@dataclass
class City:
    """A warehouse of its own, and the command line that works on it."""

    engine: str
    environment: dict[str, str]
    connect: Callable[[], Warehouse]
    printed: list[str] = field(default_factory=list)

    def la_pipes(self, *arguments: object) -> Result:
        """Run a command as the user would; the exit code is the caller's to judge."""
        result = CliRunner().invoke(
            main, [str(argument) for argument in arguments], env=self.environment
        )
        self.printed.append(result.output)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def run_all(self, delivery: Path, data_dir: Path | None = None) -> None:
        """Run every step; fail with what was printed."""
        places = ["--data-dir", data_dir] if data_dir else []
        result = self.la_pipes("run", "--delivery", delivery, *places)
        assert result.exit_code == 0, result.output

    def rows(self, sql: str) -> list[dict]:
        """Return the rows of a query."""
        with self.connect() as warehouse:
            return warehouse.query(sql).to_pylist()

    def value(self, sql: str) -> object:
        """Return one value."""
        with self.connect() as warehouse:
            return warehouse.scalar(sql)


def credentials_of(url: str) -> dict[str, str]:
    """Take a Postgres address apart."""
    parts = urlsplit(url)
    return {
        # A server on a socket has its folder in the query.
        "host": parts.hostname or dict(parse_qsl(parts.query)).get("host", "localhost"),
        "port": str(parts.port or 5432),
        "user": unquote(parts.username or "postgres"),
        "password": unquote(parts.password or ""),
        "database": parts.path.lstrip("/") or "postgres",
    }

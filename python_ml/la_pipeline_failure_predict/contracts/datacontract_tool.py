"""Run the datacontract tool over every contract: is it valid, and does the warehouse keep it.

The tool is the standard's own, so what it accepts, every other reader of the standard accepts.
"""

import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.project import open_warehouse
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse.contract_server import find_contract_server

log = logging.getLogger(__name__)

PATTERN = "*_schema.yaml"
PASSED = ("passed", "skipped", "info")
BROKEN = ("failed", "error")
# A median or a share of no rows is no fault; the loader and dbt see it the same way.
NO_FIGURE = re.compile(r"Actual \S+ was (None|nan), expected")


@dataclass(frozen=True)
class Finding:
    """One check that did not pass, or one table that is missing."""

    is_broken: bool
    message: str


@dataclass(frozen=True)
class Verdict:
    """What the tool says of one contract."""

    file_name: str
    check_count: int
    findings: tuple[Finding, ...]

    @property
    def is_kept(self) -> bool:
        """Whether nothing is broken; warnings are let pass."""
        return not any(finding.is_broken for finding in self.findings)


def lint_contracts(root: Path) -> Iterator[Verdict]:
    """Judge whether each contract follows the standard.

    Raises
    ------
    UserError
        If the tool is not installed, or there is no contract.
    """
    data_contract = _tool()
    for file in find_contracts(root):
        # Nothing is fetched from the addresses that a contract may refer to.
        contract = data_contract(
            data_contract_file=str(file), all_errors=True, inline_references=False
        )
        yield _verdict(file, contract.lint())


def test_contracts(settings: Settings) -> Iterator[Verdict]:
    """Judge whether the tables of the target keep each contract.

    Raises
    ------
    UserError
        If the tool is not installed, there is no contract, or the target cannot be opened.
    """
    data_contract = _tool()
    server = find_contract_server(settings)
    existing = _existing_tables(settings)
    with _environment(server.environment):
        for file in find_contracts(settings.root):
            declared = _declared_tables(file)
            missing = [name for schema, name in declared if (schema, name) not in existing]
            if len(missing) == len(declared):
                yield Verdict(file.name, 0, tuple(_missing(missing)))
                continue
            contract = data_contract(
                data_contract_file=str(file),
                server=server.name,
                inline_references=False,
                config=server.config(),
            )
            yield _verdict(file, contract.test(), missing)


def find_contracts(root: Path) -> list[Path]:
    """Return the contracts of the project.

    Raises
    ------
    UserError
        If there is none.
    """
    files = sorted((root / "schemas").glob(PATTERN))
    if not files:
        raise UserError(f"No {PATTERN} in {root / 'schemas'}: run la-pipes from the project.")
    return files


def _tool() -> Any:  # noqa: ANN401 - of a package that may not be installed
    try:
        from datacontract.data_contract import DataContract
    except ImportError:
        raise UserError(
            "The datacontract tool is not installed: "
            'pip install "la_pipeline_failure_predict[contracts]".'
        ) from None
    return DataContract


def _existing_tables(settings: Settings) -> set[tuple[str, str]]:
    with open_warehouse(settings) as warehouse:
        rows = warehouse.query("select table_schema, table_name from information_schema.tables")
    return {(row["table_schema"], row["table_name"]) for row in rows.to_pylist()}


def _declared_tables(file: Path) -> list[tuple[str, str]]:
    contract = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not contract.get("servers"):
        raise UserError(f"{file.name} has no servers: give it the list of data_schema.yaml.")
    schema = contract["servers"][0]["schema"]
    return [(schema, table["physicalName"]) for table in contract["schema"]]


def _missing(tables: Iterable[str]) -> Iterator[Finding]:
    for table in tables:
        yield Finding(True, f"{table} is not there: build it with la-pipes run")


def _verdict(file: Path, run: Any, missing: Sequence[str] = ()) -> Verdict:  # noqa: ANN401
    for entry in run.logs:
        log.debug("%s: %s %s", file.name, entry.level, entry.message)
    findings = (*_missing(missing), *_findings(run.checks, missing))
    return Verdict(file.name, len(run.checks), findings)


def _findings(checks: Iterable[Any], missing: Sequence[str]) -> Iterator[Finding]:
    """Yield what did not pass; tables that are missing, and figures of no rows, aside."""
    for check in checks:
        result, reason = check.result.value, " ".join(str(check.reason or "").split())
        if result in PASSED or check.model in missing or NO_FIGURE.match(reason):
            continue
        place = ".".join(part for part in (check.model, check.field) if part)
        heading = ": ".join(part for part in (place, str(check.name or "").rstrip(".")) if part)
        yield Finding(result in BROKEN, f"{heading} ({reason})" if reason else heading)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

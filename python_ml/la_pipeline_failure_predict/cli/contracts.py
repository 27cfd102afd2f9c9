"""Commands of the contracts: sync, lint, test."""

from collections.abc import Iterable

import click

from la_pipeline_failure_predict.cli.common import Screen, common, fail
from la_pipeline_failure_predict.contracts.consumer_contracts import sync_consumer_contracts
from la_pipeline_failure_predict.contracts.datacontract_tool import (
    Verdict,
    lint_contracts,
    test_contracts,
)
from la_pipeline_failure_predict.contracts.dbt_sources import sync_sources
from la_pipeline_failure_predict.settings import Settings


@click.group()
def contracts() -> None:
    """Work with the contracts in schemas/."""


@contracts.command()
@click.option("--check", is_flag=True, help="Write nothing; end 1 where a file has drifted.")
@common
def sync(settings: Settings, check: bool) -> None:
    """Write what is generated: dbt's source YAML, and the contracts of what others read.

    The source YAML comes from the contracts of the landing, model and score tables; the contracts
    of the features and the Power BI views come from the YAML of their models.

    \b
    Example: la-pipes contracts sync --check
    """
    drifted = sync_sources(settings.root, check)
    drifted += sync_consumer_contracts(settings, check)
    for path in drifted:
        click.echo(f"{'drifted' if check else 'wrote'} {path}")
    if not drifted:
        click.echo("The generated files match the contracts and the models.")
    elif check:
        fail("run la-pipes contracts sync and commit what it writes.", 1)


@contracts.command()
@common
def lint(settings: Settings) -> None:
    """Check that every contract follows the Open Data Contract Standard.

    \b
    Example: la-pipes contracts lint
    """
    _show(lint_contracts(settings.root), "follow the standard")


@contracts.command()
@common
def test(settings: Settings) -> None:
    """Check that the target's tables keep every contract: types, keys, ranges, quality rules.

    \b
    Example: la-pipes contracts test --target postgres
    """
    _show(test_contracts(settings), "are kept")


def _show(verdicts: Iterable[Verdict], achievement: str) -> None:
    """Show each contract as it is judged, and what did not pass; end 1 where one is broken."""
    screen, judged = Screen(), []
    for verdict in verdicts:
        mark = "ok    " if verdict.is_kept else "broken"
        checks = "1 check" if verdict.check_count == 1 else f"{verdict.check_count:,} checks"
        screen.say(f"{mark} {verdict.file_name}: {checks}")
        for finding in verdict.findings:
            screen.say(f"  {'failed' if finding.is_broken else 'warning'} {finding.message}")
        judged.append(verdict)
    if broken := [verdict.file_name for verdict in judged if not verdict.is_kept]:
        fail(f"{len(broken)} of {len(judged)} contracts broken: {', '.join(broken)}.", 1)
    screen.say(f"All {len(judged)} contracts {achievement}.")

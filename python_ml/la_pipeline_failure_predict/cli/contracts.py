"""Commands of the contracts."""

import click

from la_pipeline_failure_predict.cli.common import common, fail
from la_pipeline_failure_predict.cli.lazy import Group
from la_pipeline_failure_predict.cli.screen import Screen
from la_pipeline_failure_predict.contracts.column_docs import sync_column_docs
from la_pipeline_failure_predict.contracts.consumer_contracts import sync_consumer_contracts
from la_pipeline_failure_predict.contracts.dbt_sources import sync_sources
from la_pipeline_failure_predict.model.terms_macro import sync_terms_macro
from la_pipeline_failure_predict.settings import Settings


@click.group(cls=Group)
def contracts() -> None:
    """Work with the contracts in schemas/."""


@contracts.command()
@click.option("--check", is_flag=True, help="Write nothing; end with 1 if a file is out of date.")
@common
def sync(settings: Settings, check: bool) -> None:
    """Write the generated files: dbt's source YAML, doc blocks, terms, contracts of marts.

    The source YAML comes from the contracts of the landing, model and score tables. The doc blocks
    of the columns that views pass on, the terms of the models' features, and the contracts of the
    features and the Power BI views come from the YAML of the models.

    \b
    Example: la-pipes contracts sync --check
    """
    drifted = sync_sources(settings.root, check) + sync_column_docs(settings.root, check)
    drifted += sync_terms_macro(settings.root, check)
    drifted += sync_consumer_contracts(settings, check)
    screen = Screen.current()
    for path in drifted:
        screen.say(f"{'drifted' if check else 'wrote'} {path}")
    if not drifted:
        screen.say("The generated files match the contracts and the models.")
    elif check:
        fail("run la-pipes contracts sync and commit what it writes.", 1)

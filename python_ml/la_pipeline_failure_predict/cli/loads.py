"""`la-pipes loads`: what was loaded, and how to take a load back."""

import click

from la_pipeline_failure_predict.cli.common import common
from la_pipeline_failure_predict.cli.lazy import Group
from la_pipeline_failure_predict.cli.screen import Column, Screen
from la_pipeline_failure_predict.loads import Load, faults_of, find_load, list_loads, withdraw
from la_pipeline_failure_predict.project import open_for_writing
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import one_writer


@click.group(cls=Group)
def loads() -> None:
    """List what was loaded, show a load, or withdraw one."""


@loads.command("list")
@click.option("--all", "everything", is_flag=True, help="Also list loads that were withdrawn.")
@common
def list_(settings: Settings, everything: bool) -> None:
    """List the loads, the oldest first.

    \b
    Example: la-pipes loads list
    """
    with open_for_writing(settings) as warehouse:
        found = list_loads(warehouse, everything)
    screen = Screen.current()
    if not found:
        screen.say("Nothing is loaded.")
        return
    screen.table(
        [
            Column("load", is_whole=True),
            Column("loaded, UTC"),
            Column("table"),
            Column("file"),
            Column("is of"),
            Column("rows", is_number=True),
            Column("set aside", is_number=True),
            *([Column("withdrawn, UTC")] if everything else []),
        ],
        [
            (
                load.load_id,
                f"{load.loaded_at:%F %R}",
                load.table_name,
                load.source_file,
                _terms(load),
                f"{load.rows_loaded:,}",
                f"{load.rows_quarantined:,}",
                *([_withdrawn(load)] if everything else []),
            )
            for load in found
        ],
    )


@loads.command("show")
@click.argument("load_id")
@common
def show(settings: Settings, load_id: str) -> None:
    """Show one load: its file, its mapping, and what was set aside.

    \b
    Example: la-pipes loads show 0123456789abcdef
    """
    with open_for_writing(settings) as warehouse:
        load = find_load(warehouse, load_id)
        faults = faults_of(warehouse, load)
    screen = Screen.current()
    screen.say(
        f"{load.table_name}: {load.rows_in_file:,} rows in {load.source_file} = "
        f"{load.rows_loaded:,} loaded + {load.rows_quarantined:,} quarantined"
    )
    screen.say(f"loaded {load.loaded_at:%F %R} UTC as {load.source_name}")
    if load.extent:
        screen.say(f"is of: {_terms(load)}")
    if load.withdrawn_at:
        screen.say(f"withdrawn {_withdrawn(load)} UTC")
    screen.say(f"file SHA-256: {load.file_sha256}")
    screen.say(f"mapping: {load.mapping_json or '{}'}")
    for fault in faults:
        screen.say(f"{fault.rows:,} set aside: {fault.reason}")


@loads.command("withdraw")
@click.argument("load_id")
@common
def withdraw_(settings: Settings, load_id: str) -> None:
    """Take out a load with all that was read from its file; nothing else changes.

    Its rows, its quarantine and its links go in one transaction. The record of it stays, see
    la-pipes loads list --all. The file can be loaded again, with another mapping or the same.

    \b
    Example: la-pipes loads withdraw 0123456789abcdef
    """
    screen = Screen.current()
    with one_writer(settings), open_for_writing(settings) as warehouse:
        taken = withdraw(warehouse, load_id)
    for load in taken:
        screen.say(
            f"{load.table_name}: withdrew {load.rows_loaded:,} rows and "
            f"{load.rows_quarantined:,} quarantined ones of {load.source_file}"
        )
    screen.say("Run la-pipes run to bring the marts up to date.")


def _terms(load: Load) -> str:
    day = f"{load.delivered_at:%F}" if load.delivered_at else None
    return ", ".join(filter(None, (load.extent, load.part, day)))


def _withdrawn(load: Load) -> str:
    return f"{load.withdrawn_at:%F %R}" if load.withdrawn_at else ""

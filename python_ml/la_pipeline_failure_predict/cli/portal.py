"""`la-pipes portal`: the web pages that planners open."""

import click

from la_pipeline_failure_predict.cli.common import common
from la_pipeline_failure_predict.cli.lazy import Group
from la_pipeline_failure_predict.cli.screen import Screen
from la_pipeline_failure_predict.project import open_warehouse
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import one_writer


@click.group(cls=Group)
def portal() -> None:
    """Publish what planners see in the portal."""


@portal.command()
@click.option("--force", is_flag=True, help="Publish also what has not changed.")
@common
def publish(settings: Settings, force: bool) -> None:
    """Write a snapshot of the views for the portal, and make it the current one.

    The last three snapshots are kept in the folder portal. A portal that is running takes up the
    new one by itself.

    \b
    Example: la-pipes portal publish
    """
    from la_pipeline_failure_predict.portal.data.publish import publish as publish_snapshot

    screen = Screen.current()
    folder = settings.root / settings.portal_dir
    # No other command may change the views meanwhile.
    with one_writer(settings), open_warehouse(settings) as warehouse:
        published = publish_snapshot(warehouse, folder, force, screen.advance)
    manifest = published.manifest
    if not published.is_new:
        screen.say(f"publish: up to date, snapshot {manifest.snapshot_id}")
        return
    scores = f"scores as of {manifest.as_of_date}" if manifest.as_of_date else "no scores"
    screen.say(
        f"published snapshot {manifest.snapshot_id}: {len(manifest.rows)} tables, "
        f"{sum(manifest.rows.values()):,} rows, {scores}"
    )

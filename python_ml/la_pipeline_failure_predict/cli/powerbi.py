"""Commands for Power BI: build, check, export, impact, deploy."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from la_pipeline_failure_predict.cli.common import common, fail
from la_pipeline_failure_predict.cli.lazy import Group
from la_pipeline_failure_predict.cli.screen import Screen, echo
from la_pipeline_failure_predict.project import open_warehouse
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import one_writer

if TYPE_CHECKING:
    from la_pipeline_failure_predict.powerbi.build import Design

manifest_option = click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    help="dbt's manifest.json; without it, the project is parsed if it has changed.",
)


@click.group(cls=Group)
def powerbi() -> None:
    """Generate, check and publish the Power BI model and reports.

    \b
    Start here: open a .pbip file of powerbi/reports in Power BI Desktop
    """


@powerbi.command()
@manifest_option
@click.option(
    "--catalog",
    type=click.Path(path_type=Path),
    help="catalog.json of dbt docs generate: fail if a column differs in the warehouse.",
)
@click.option(
    "--pbix",
    is_flag=True,
    help="Also compile to .pbix, in artifacts/powerbi (extra pbix).",
)
@common
def build(settings: Settings, manifest: Path | None, catalog: Path | None, pbix: bool) -> None:
    """Write the model and the reports from what dbt declares.

    The files are in powerbi/: open a .pbip file of powerbi/reports in Power BI Desktop.

    \b
    Example: la-pipes powerbi build
    """
    from la_pipeline_failure_predict.powerbi.build import write_project
    from la_pipeline_failure_predict.powerbi.catalog import check_catalog, read_catalog

    design = _read_design(settings, manifest)
    if catalog:
        check_catalog(design.specification, read_catalog(catalog))
    screen, changed = Screen.current(), write_project(settings.root, design)
    for path in changed:
        screen.say(f"wrote {path}" if (settings.root / path).exists() else f"deleted {path}")
    model = design.specification.model
    measures = sum(len(table.measures) for table in model.tables)
    pages = sum(len(report.pages) for report in design.reports)
    screen.say(
        f"{len(model.tables)} tables, {measures} measures, {len(design.reports)} reports with "
        f"{pages} pages; files changed: {len(changed)}."
    )
    if pbix:
        from la_pipeline_failure_predict.powerbi.pbix import compile_reports

        for path in compile_reports(settings.root, design):
            screen.say(f"compiled {path}: by a third-party compiler, not by Power BI")


@powerbi.command()
@manifest_option
@click.option(
    "--data",
    "with_data",
    is_flag=True,
    help="Also check the target's warehouse: columns, types, keys, relationships.",
)
@click.option(
    "--schemas",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of Microsoft's published JSON schemas. [env: LA_PIPES_JSON_SCHEMAS]",
)
@common
def check(settings: Settings, manifest: Path | None, with_data: bool, schemas: Path | None) -> None:
    """Say what no longer matches dbt, or would not work.

    \b
    Example: la-pipes powerbi check --data --target postgres
    """
    from la_pipeline_failure_predict.powerbi.check import check_project, check_warehouse

    design = _read_design(settings, manifest)
    findings = check_project(settings.root, design, schemas or settings.json_schemas)
    if with_data:
        with open_warehouse(settings) as warehouse:
            findings += check_warehouse(warehouse, design.specification.model)
    screen = Screen.current()
    for finding in findings:
        screen.say(str(finding))
    errors = [finding for finding in findings if finding.is_error]
    if errors:
        fail(f"what Power BI reads breaks rules: errors above, {len(errors)}.", 1)
    if findings:
        screen.say(f"No errors; warnings: {len(findings)}.")
    else:
        screen.say("The Power BI files match dbt and keep every rule.")


@powerbi.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "formats",
    type=click.Choice(("parquet", "csv")),
    multiple=True,
    help="One format only; both by default.",
)
@common
def export(settings: Settings, folder: Path, formats: Sequence[str]) -> None:
    """Write the views as Parquet and CSV files.

    In Power BI, set the parameter DataSource to Parquet and ParquetFolder to the folder.

    \b
    Example: la-pipes powerbi export exports --format parquet
    """
    from la_pipeline_failure_predict.powerbi.export import FORMATS, export_views

    screen = Screen.current()
    with one_writer(settings), open_warehouse(settings) as warehouse:
        exported = export_views(warehouse, folder, formats or tuple(FORMATS), screen.advance)
    for view in exported:
        screen.say(f"{view.name}: {view.rows:,} rows in {', '.join(map(str, view.files))}")


@powerbi.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--report", "reports", multiple=True, help="One report only; all by default.")
@manifest_option
@common
def preview(
    settings: Settings, folder: Path, reports: Sequence[str], manifest: Path | None
) -> None:
    """Draw each page of the reports without Power BI.

    The pictures show the fields of the reports in their places; they are not screenshots.

    \b
    Example: la-pipes powerbi preview pages --report la_pipeline_failure_risk
    """
    from la_pipeline_failure_predict.powerbi.preview import draw_pages

    design = _read_design(settings, manifest)
    with open_warehouse(settings) as warehouse:
        for path in draw_pages(warehouse, design, folder, reports):
            Screen.current().say(f"wrote {path}")


@powerbi.command()
@click.argument("subjects", nargs=-1, required=True, metavar="MODEL[.COLUMN]...")
@click.option("--markdown", is_flag=True, help="Write Markdown, as the pull-request workflow does.")
@manifest_option
@common
def impact(
    settings: Settings, subjects: Sequence[str], markdown: bool, manifest: Path | None
) -> None:
    """List what uses a model or one of its columns.

    These are measures, visuals and reports, found through the models in between. Columns are not
    followed through training, because every feature can affect every score.

    \b
    Example: la-pipes powerbi impact dim_pipes.install_year
    """
    from la_pipeline_failure_predict.powerbi.impact import ImpactFinder, describe_impacts

    design = _read_design(settings, manifest)
    specification = design.specification
    finder = ImpactFinder(settings, specification.manifest, specification.model, design.reports)
    impacts = [finder.find(subject) for subject in subjects]
    if markdown:
        echo(describe_impacts(impacts), sys.stdout, nl=False)
        return
    for item in impacts:
        for line in item.describe():
            Screen.current().say(line)


@powerbi.command()
@click.argument("environment")
@click.option(
    "--environments",
    type=click.Path(path_type=Path),
    default=Path("powerbi/deploy/environments.yml"),
    show_default=True,
    help="File that lists the workspaces and what the model reads there.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be published, and publish nothing.")
@click.option("--refresh", "with_refresh", is_flag=True, help="Refresh the model afterwards.")
@click.option(
    "--wait",
    default=0.0,
    show_default=True,
    help="Longest wait for the end of the refresh, seconds.",
)
@common
def deploy(
    settings: Settings,
    environment: str,
    environments: Path,
    dry_run: bool,
    with_refresh: bool,
    wait: float,
) -> None:
    """Publish the model and the reports to a workspace.

    AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET name the service principal, in the
    environment or in .env.

    \b
    Example: la-pipes powerbi deploy test --dry-run
    """
    from la_pipeline_failure_predict.powerbi import deploy as deploying
    from la_pipeline_failure_predict.powerbi.build import FOLDER
    from la_pipeline_failure_predict.powerbi.fabric_rest import service_principal
    from la_pipeline_failure_predict.powerbi.refresh import refresh

    chosen = deploying.read_environment(settings.root / environments, environment)
    deployment = deploying.plan_deployment(settings.root / FOLDER, environment, chosen)
    screen = Screen.current()
    for line in deployment.describe():
        screen.say(line)
    if dry_run:
        screen.say("Dry run: nothing was published.")
        return
    credential = service_principal()
    published = deploying.publish(deployment, credential)
    for one in published:
        done = "created" if one.is_new else "updated"
        screen.say(f"{done} {one.item.kind} {one.item.name}")
    if with_refresh:
        model_id = next(one.id for one in published if one.item == deployment.model)
        result = refresh(deployment, model_id, credential, wait)
        if result.has_failed:
            fail(result.describe(), 1)
        screen.say(result.describe())


def _read_design(settings: Settings, manifest: Path | None) -> "Design":
    from la_pipeline_failure_predict.dbt_manifest import read_manifest, read_manifest_file
    from la_pipeline_failure_predict.powerbi.build import read_design

    if manifest:
        return read_design(read_manifest_file(manifest))
    return read_design(read_manifest(settings))

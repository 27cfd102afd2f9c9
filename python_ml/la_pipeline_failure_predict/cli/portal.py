"""`la-pipes portal`: the web pages that planners open."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from la_pipeline_failure_predict.cli.common import common, needs_portal
from la_pipeline_failure_predict.cli.lazy import Group
from la_pipeline_failure_predict.cli.project import tell
from la_pipeline_failure_predict.cli.screen import Column, Screen
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.portal.auth.roles import MAY, ROLE_NAMES, RoleName
from la_pipeline_failure_predict.project import open_warehouse
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import one_writer

if TYPE_CHECKING:
    from flask import Flask

    from la_pipeline_failure_predict.portal.config import PortalConfig

THREADS = 8


@click.group(cls=Group)
def portal() -> None:
    """Publish, serve and administer the pages that planners open."""


@portal.command()
@click.option("--force", is_flag=True, help="Publish also what has not changed.")
@common
def publish(settings: Settings, force: bool) -> None:
    """Write a snapshot of the views for the portal, and make it the current one.

    With the views go dbt's exposures, which the page Reports shows. The last three snapshots are
    kept in the folder portal. A portal that is running takes up the new one by itself.

    \b
    Example: la-pipes portal publish
    """
    write_snapshot(settings, force)


@portal.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port."
)
@common
def serve(settings: Settings, host: str, port: int) -> None:
    """Serve the portal until it is stopped with Ctrl+C.

    It reads published snapshots, never the warehouse. Planners reach it through a proxy that
    speaks https: see docs/08_deployment.

    \b
    Example: la-pipes portal serve
    """
    app, config = _open(settings)
    from waitress import create_server

    from la_pipeline_failure_predict.portal.auth import accounts
    from la_pipeline_failure_predict.portal.data.store import Store

    screen = Screen.current()
    with app.app_context():
        if not accounts.all_accounts():
            screen.say(
                "Nobody can sign in yet: la-pipes portal user add YOU@EXAMPLE.ORG --role "
                "administrator"
            )
    if Store(config.folder).current() is None:
        screen.say("Nothing is published yet: la-pipes portal publish.")
    try:
        server = create_server(
            app, host=host, port=port, threads=THREADS, ident=None, **_proxy(settings)
        )
    except OSError as error:
        raise UserError(
            f"Cannot listen on {host}:{port} ({error.strerror or error}): name another one with "
            "--host and --port."
        ) from error
    screen.say(f"The portal is at {_address(settings, host, port)}; Ctrl+C stops it.")
    try:
        server.run()
    finally:
        server.close()


def _proxy(settings: Settings) -> dict[str, object]:
    if settings.portal_proxy is None:
        return {}
    return {
        "trusted_proxy": settings.portal_proxy,
        "trusted_proxy_count": 1,
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"},
    }


def _address(settings: Settings, host: str = "127.0.0.1", port: int = 8080) -> str:
    """Return what browsers call the portal."""
    named = settings.portal_hosts.split(",")[0].strip()
    if settings.portal_tls and named:
        return f"https://{named}"
    return f"http://{host}:{port}"


@portal.command()
@common
def doctor(settings: Settings) -> None:
    """Say what the portal has and what it is missing; exit code 1 if anything is missing.

    It looks at the folder, the key, the accounts, who administers them, the snapshot, and whether
    the settings of https go together, and changes nothing.

    \b
    Example: la-pipes portal doctor
    """
    config = _read_config(settings)
    from la_pipeline_failure_predict.portal.doctor import examine

    tell(examine(config, settings.portal_proxy))


@portal.group(cls=Group)
def user() -> None:
    """Say who may sign in to the portal, with what role and areas."""


def _role_and_areas(command: click.decorators.FC) -> click.decorators.FC:
    role = click.option(
        "--role",
        type=click.Choice(ROLE_NAMES),
        default="viewer",
        show_default=True,
        help="; ".join(f"{role}: {words}" for role, words in MAY.items()) + ".",
    )
    areas = click.option(
        "--area", "areas", multiple=True, help="Area that the account may see; all by default."
    )
    return role(areas(command))


@user.command("add")
@click.argument("email")
@_role_and_areas
@common
def add_(settings: Settings, email: str, role: RoleName, areas: Sequence[str]) -> None:
    """Add the account EMAIL with a password that is asked for.

    \b
    Example: la-pipes portal user add ana@example.org --role administrator
    """
    with _accounts(settings, areas):
        from la_pipeline_failure_predict.portal.auth import accounts

        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        accounts.add(email, role, areas, password)
    Screen.current().say(f"Added {email} as {role}.")


@user.command("invite")
@click.argument("email")
@_role_and_areas
@common
def invite_(settings: Settings, email: str, role: RoleName, areas: Sequence[str]) -> None:
    """Add the account EMAIL and print a link with which its owner chooses a password.

    The link works once, within three days.

    \b
    Example: la-pipes portal user invite ben@example.org --area downtown
    """
    with _accounts(settings, areas):
        from la_pipeline_failure_predict.portal.auth import accounts

        token = accounts.invite(accounts.add(email, role, areas))
    _say_link(settings, email, token)


@user.command("change")
@click.argument("email")
@click.option("--role", type=click.Choice(ROLE_NAMES), help="Another role; by default as it is.")
@click.option("--area", "areas", multiple=True, help="Area that the account may see from now on.")
@click.option("--all-areas", is_flag=True, help="The account may see all areas.")
@common
def change_(
    settings: Settings, email: str, role: RoleName | None, areas: Sequence[str], all_areas: bool
) -> None:
    """Give EMAIL another role or other areas; it stays signed in.

    \b
    Example: la-pipes portal user change ben@example.org --role planner
             la-pipes portal user change ben@example.org --all-areas
    """
    if (areas and all_areas) or not (role or areas or all_areas):
        raise UserError("Say what to change: --role, and either --area or --all-areas.")
    with _accounts(settings, areas):
        from la_pipeline_failure_predict.portal.auth import accounts

        account = accounts.get(email)
        kept = () if all_areas else areas or sorted(account.area_ids or ())
        accounts.change(account, role or account.role, kept)
    Screen.current().say(f"Changed {email}.")


@user.command("reset")
@click.argument("email")
@common
def reset_(settings: Settings, email: str) -> None:
    """Take password and second factor of EMAIL away, end its sessions, and print a link.

    With the link its owner chooses a new password. A disabled account may sign in again.

    \b
    Example: la-pipes portal user reset ben@example.org
    """
    with _accounts(settings):
        from la_pipeline_failure_predict.portal.auth import accounts

        account = accounts.get(email)
        had_second_factor = account.has_second_factor
        token = accounts.reset(account)
    if had_second_factor:
        Screen.current().say(f"The second factor of {email} is taken away too.")
    _say_link(settings, email, token)


def _say_link(settings: Settings, email: str, token: str) -> None:
    Screen.current().say(f"Send this link to {email}; it works once, within three days:")
    # Not by the screen, which also writes to the log.
    click.echo(f"{_address(settings)}/invitation/{token}")


@user.command("disable")
@click.argument("email")
@common
def disable_(settings: Settings, email: str) -> None:
    """Keep EMAIL from signing in, and end its sessions at once.

    Not the last administrator who can sign in.

    \b
    Example: la-pipes portal user disable ben@example.org
    """
    with _accounts(settings):
        from la_pipeline_failure_predict.portal.auth import accounts

        accounts.disable(accounts.get(email))
    Screen.current().say(f"Disabled {email}.")


@user.command("list")
@common
def list_(settings: Settings) -> None:
    """List the accounts.

    \b
    Example: la-pipes portal user list
    """
    with _accounts(settings):
        from la_pipeline_failure_predict.portal.auth import accounts

        rows = [
            (
                account.email,
                account.role,
                "all" if account.area_ids is None else ", ".join(sorted(account.area_ids)),
                account.state,
            )
            for account in accounts.all_accounts()
        ]
    screen = Screen.current()
    if not rows:
        screen.say("There are no accounts yet: la-pipes portal user add EMAIL.")
        return
    columns = [Column("account", is_whole=True), Column("role"), Column("areas"), Column("state")]
    screen.table(columns, rows)


@portal.group("sessions", cls=Group)
def sessions_() -> None:
    """End sessions of people who are signed in to the portal."""


@sessions_.command("revoke")
@click.argument("email", required=False)
@click.option("--all", "everybody", is_flag=True, help="Of everybody.")
@common
def revoke_(settings: Settings, email: str | None, everybody: bool) -> None:
    """End all sessions of EMAIL, or of everybody, at once.

    \b
    Example: la-pipes portal sessions revoke ben@example.org
             la-pipes portal sessions revoke --all
    """
    if (email is None) is not everybody:
        raise UserError("Name an account, or everybody with --all.")
    with _accounts(settings):
        from la_pipeline_failure_predict.portal.auth import accounts

        ended = accounts.end_sessions(None if email is None else accounts.get(email))
    Screen.current().say(f"Ended {ended} {'session' if ended == 1 else 'sessions'}.")


def portal_folder(settings: Settings) -> Path:
    """Return the folder of snapshots and accounts; it is there where a portal is used."""
    return settings.root / settings.portal_dir


def write_snapshot(settings: Settings, force: bool = False) -> None:
    """Publish the views for the portal, and say so."""
    from la_pipeline_failure_predict.dbt_manifest import read_manifest

    with needs_portal():
        from la_pipeline_failure_predict.portal.data.exposures import read_exposures
        from la_pipeline_failure_predict.portal.data.publish import publish as publish_snapshot

    screen = Screen.current()
    exposures = read_exposures(read_manifest(settings))
    # No other command may change the views meanwhile.
    with one_writer(settings), open_warehouse(settings) as warehouse:
        published = publish_snapshot(
            warehouse, portal_folder(settings), exposures, force, screen.advance
        )
    manifest = published.manifest
    if not published.is_new:
        screen.say(f"publish: up to date, snapshot {manifest.snapshot_id}")
        return
    scores = f"scores as of {manifest.as_of_date}" if manifest.as_of_date else "no scores"
    screen.say(
        f"published snapshot {manifest.snapshot_id}: {len(manifest.rows)} tables, "
        f"{sum(manifest.rows.values()):,} rows, {scores}"
    )


@contextmanager
def _accounts(settings: Settings, areas: Sequence[str] = ()) -> Iterator[None]:
    """Open the accounts; refuse areas that the current snapshot does not have."""
    app, config = _open(settings)
    from la_pipeline_failure_predict.portal.data.figures import area_names
    from la_pipeline_failure_predict.portal.data.reader import Reader, Snapshots
    from la_pipeline_failure_predict.portal.data.store import Store

    snapshot = Snapshots(Store(config.folder)).current()
    known = [row["area_id"] for row in area_names(Reader(snapshot, None))] if snapshot else []
    for area in areas:
        if snapshot and area not in known:
            raise UserError(f"There is no area {area!r}: name one of {', '.join(known)}.")
    with app.app_context():
        yield


def _open(settings: Settings) -> "tuple[Flask, PortalConfig]":
    config = _read_config(settings)
    from la_pipeline_failure_predict.portal.app import create_app

    return create_app(config), config


def _read_config(settings: Settings) -> "PortalConfig":
    """Read the settings, once it is sure that the portal's packages are installed."""
    with needs_portal():
        import la_pipeline_failure_predict.portal.app  # noqa: F401
    from la_pipeline_failure_predict.portal.config import PortalConfig

    return PortalConfig.from_settings(settings)

"""`la-pipes portal doctor`: what is missing, and how to fix it; changes nothing."""

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime

import sqlalchemy as sa

from la_pipeline_failure_predict.doctor import Diagnosis
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.portal.auth.database import connect, versions
from la_pipeline_failure_predict.portal.auth.models import Account
from la_pipeline_failure_predict.portal.auth.roles import ADMINISTRATOR
from la_pipeline_failure_predict.portal.config import KEY_BYTES, LOOPBACK, PortalConfig
from la_pipeline_failure_predict.portal.data.store import Store

OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO
KEY_MODE = 0o600
NO_SECOND_FACTOR = " (who then sets a second factor up)"
ADD_FIRST = "la-pipes portal user add YOU@EXAMPLE.ORG --role administrator"


def examine(config: PortalConfig, proxy: str | None) -> Iterator[Diagnosis]:
    """Look at folder, key, accounts, snapshot and settings, a sentence each.

    Parameters
    ----------
    proxy
        Address of the proxy whose headers are believed.
    """
    yield _folder(config)
    yield _key(config)
    yield from _accounts(config)
    yield from _snapshot(config)
    yield _addresses(config, proxy)


def _folder(config: PortalConfig) -> Diagnosis:
    folder = config.folder
    if not folder.is_dir():
        return _missing(f"There is no folder {folder}: la-pipes portal publish makes it.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return _missing(f"This user may not write to {folder}: chown it, or run as its owner.")
    if folder.stat().st_mode & OF_OTHERS:
        return _missing(f"Others may read {folder}: chmod 700 {folder}.")
    return _right(f"The folder {folder} is private and can be written.")


def _key(config: PortalConfig) -> Diagnosis:
    file = config.key_file
    if not file.is_file():
        return _missing(f"There is no key {file}: la-pipes portal serve makes it.")
    if stat.S_IMODE(file.stat().st_mode) != KEY_MODE:
        return _missing(f"The key {file} is not its owner's alone: chmod 600 {file}.")
    if not os.access(file, os.R_OK) or file.stat().st_size < KEY_BYTES:
        return _missing(
            f"{file} holds no key: remove it; everybody signs in again, and sets the second "
            "factor up again after la-pipes portal user reset."
        )
    return _right(f"The key {file} is its owner's alone.")


def _accounts(config: PortalConfig) -> Iterator[Diagnosis]:
    if config.postgres is None and not config.accounts_file.is_file():
        yield _missing(f"There are no accounts at {config.accounts_url}: {ADD_FIRST}.")
        return
    try:
        with connect(config) as connection:
            has, is_to_have = versions(connection)
            if has != is_to_have:
                yield _missing(
                    f"The accounts at {config.accounts_url} have version {has or 'none'} of their "
                    f"tables, not {is_to_have}: la-pipes portal user list brings them up to date."
                )
                return
            yield _right(f"The accounts at {config.accounts_url} are up to date.")
            yield _administrators(connection)
    except UserError as error:
        yield _missing(str(error))


def _administrators(connection: sa.Connection) -> Diagnosis:
    table = sa.inspect(Account).local_table
    able = (
        sa.select(table.c.email, table.c.otp_secret)
        .where(table.c.role == ADMINISTRATOR, table.c.active, table.c.password.is_not(None))
        .order_by(table.c.email)
    )
    rows = connection.execute(able).all()
    if not rows:
        return _missing(f"No administrator can sign in: {ADD_FIRST}.")
    names = (f"{email}{'' if secret else NO_SECOND_FACTOR}" for email, secret in rows)
    return _right(f"Administrators who can sign in: {', '.join(names)}.")


def _snapshot(config: PortalConfig) -> Iterator[Diagnosis]:
    store = Store(config.folder)
    manifest = store.current()
    if manifest is None:
        yield _missing("No snapshot is published that can be read: la-pipes portal publish.")
        return
    if not store.is_whole(manifest):
        yield _missing(
            f"The snapshot {manifest.snapshot_id} is not what was published: la-pipes portal "
            "publish --force."
        )
        return
    age = datetime.now(UTC) - datetime.fromisoformat(manifest.published_at)
    yield _right(
        f"The snapshot {manifest.snapshot_id} is whole; it was published {age.days} days ago."
    )


def _addresses(config: PortalConfig, proxy: str | None) -> Diagnosis:
    named = [host for host in config.hosts if host not in LOOPBACK]
    if config.tls and not named:
        return _missing(
            "LA_PIPES_PORTAL_TLS is set, but no name that browsers call the portal by: set "
            "LA_PIPES_PORTAL_HOSTS."
        )
    if named and not config.tls:
        return _missing(
            f"Browsers call the portal {named[0]} without https, and passwords can be read on the "
            "way: put a proxy with https before it, and set LA_PIPES_PORTAL_TLS=true."
        )
    if config.tls and proxy is None:
        return _missing(
            "LA_PIPES_PORTAL_TLS is set, but not the proxy: everybody would have its address in "
            "the audit and in the bounds of guessing. Set LA_PIPES_PORTAL_PROXY, such as 127.0.0.1."
        )
    if proxy and not config.tls:
        return _missing(
            f"The headers of the proxy {proxy} are believed, but cookies are not for https alone: "
            "set LA_PIPES_PORTAL_TLS=true."
        )
    if config.tls:
        return _right(f"Browsers reach it as https://{named[0]}, through the proxy {proxy}.")
    return _right("Browsers reach it on this computer alone, without https.")


def _right(sentence: str) -> Diagnosis:
    return Diagnosis(sentence, True)


def _missing(sentence: str) -> Diagnosis:
    return Diagnosis(sentence, False)

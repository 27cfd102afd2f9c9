"""Settings of the portal, and the key that signs its cookies."""

import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
KEY_BYTES = 32
PRIVATE = 0o700
"""Of the folder: for its owner alone."""
KEY_FILE = "secret_key"
SCHEMA = "portal"
"""Of the accounts in Postgres."""
DRIVER = "postgresql+psycopg2"
CONNECT_TIMEOUT_S = 10


@dataclass(frozen=True)
class PortalConfig:
    """What an app of the portal needs to know.

    Attributes
    ----------
    folder
        Of the snapshots, the accounts and the key.
    hosts
        Names that browsers may call the portal by.
    tls
        Whether browsers reach it over https, by a proxy: cookies are then for https alone.
    idle, absolute
        After how long without a request, and after how long at most, a session ends.
    postgres
        Database of the accounts; None for a SQLite file in the folder.
    """

    folder: Path
    hosts: tuple[str, ...] = LOOPBACK
    tls: bool = False
    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=12)
    postgres: sa.URL | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> "PortalConfig":
        """Read it from the settings of a command."""
        named = (host.strip() for host in settings.portal_hosts.split(","))
        return cls(
            folder=settings.root / settings.portal_dir,
            hosts=(*LOOPBACK, *(host for host in named if host)),
            tls=settings.portal_tls,
            idle=timedelta(minutes=settings.portal_idle_minutes),
            absolute=timedelta(hours=settings.portal_session_hours),
            postgres=_read_url(settings.portal_accounts_url),
        )

    @property
    def accounts_file(self) -> Path:
        """The database of accounts."""
        return self.folder / "accounts.sqlite"

    @property
    def accounts_url(self) -> sa.URL:
        """Address of the database of accounts; written as text, it hides the password."""
        return self.postgres or sa.URL.create("sqlite", database=str(self.accounts_file))

    @property
    def engine_options(self) -> dict[str, Any]:
        """How the database of accounts is opened; errors do not show what was sent to it."""
        options: dict[str, Any] = {"url": self.accounts_url, "hide_parameters": True}
        if self.postgres:
            options["pool_pre_ping"] = True
            options["connect_args"] = {
                "options": f"-csearch_path={SCHEMA}",
                "connect_timeout": CONNECT_TIMEOUT_S,
            }
        return options

    @property
    def key_file(self) -> Path:
        """The key that signs cookies and seals second factors."""
        return self.folder / KEY_FILE

    def make_folder(self) -> None:
        """Make the folder where it is missing.

        Raises
        ------
        UserError
            If it cannot be made.
        """
        try:
            self.folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"Cannot use the folder {self.folder} ({error.strerror or error}): name another "
                "one with LA_PIPES_PORTAL_DIR."
            ) from error

    def read_key(self) -> str:
        """Return the key that signs cookies; the first call makes it, for its owner alone."""
        path = self.key_file
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_text(encoding="ascii")
            if len(key) < KEY_BYTES:
                raise UserError(
                    f"{path} holds no key: remove it; everybody signs in again."
                ) from None
            return key
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES))
        return path.read_text(encoding="ascii")


def _read_url(given: SecretStr | None) -> sa.URL | None:
    """Read the address of a Postgres.

    Raises
    ------
    UserError
        If it is none; the sentence does not repeat it, because it may hold a password.
    """
    if given is None:
        return None
    try:
        url = sa.make_url(given.get_secret_value())
    except (sa.exc.ArgumentError, ValueError):
        url = None
    if url is None or url.get_backend_name() != "postgresql":
        raise UserError(
            "LA_PIPES_PORTAL_ACCOUNTS_URL is not the address of a Postgres: write it like "
            "postgresql://user:password@host:5432/database."
        )
    return url.set(drivername=DRIVER)

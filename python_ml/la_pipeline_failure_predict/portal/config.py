"""Settings of the portal, and the key that signs its cookies."""

import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
KEY_BYTES = 32


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
    """

    folder: Path
    hosts: tuple[str, ...] = LOOPBACK
    tls: bool = False
    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=12)

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
        )

    @property
    def accounts_file(self) -> Path:
        """The database of accounts."""
        return self.folder / "accounts.sqlite"

    @property
    def accounts_url(self) -> str:
        """Address of the database of accounts."""
        return f"sqlite:///{self.accounts_file}"

    def make_folder(self) -> None:
        """Make the folder where it is missing.

        Raises
        ------
        UserError
            If it cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"Cannot use the folder {self.folder} ({error.strerror or error}): name another "
                "one with LA_PIPES_PORTAL_DIR."
            ) from error

    def read_key(self) -> str:
        """Return the key that signs cookies; the first call makes it, for its owner alone."""
        path = self.folder / "secret_key"
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

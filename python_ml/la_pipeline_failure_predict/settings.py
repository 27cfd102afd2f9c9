"""Settings of a run, from the environment and `.env`; connections come from dbt's profile alone."""

from contextlib import suppress
from functools import cached_property
from io import StringIO
from os import environ
from pathlib import Path

from dotenv import load_dotenv
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import read_text


class Settings(BaseSettings):
    """What a run needs to know besides the connection.

    Every field can be set as an environment variable with the prefix ``LA_PIPES_`` or in `.env`.
    """

    model_config = SettingsConfigDict(env_prefix="LA_PIPES_")

    project_dir: Path = Field(default=Path(), description="Folder that holds dbt_project.yml.")
    target: str | None = Field(default=None, description="dbt target; the profile's default.")
    log_dir: Path = Field(default=Path("logs"), description="Folder of the log files, one a run.")
    max_rejects: str | None = Field(
        default=None, description="Most rows of a file that may be set aside, 1% or 250."
    )
    link_distance_m: float = Field(
        default=30.0, gt=0, description="Search distance from a break to its main, meters."
    )
    lock_wait_s: float = Field(
        default=60.0, ge=0, description="How long to wait for another writer, seconds."
    )
    http_timeout_s: float = Field(
        default=60.0, gt=0, description="How long a server may be silent, seconds."
    )
    http_retries: int = Field(
        default=5, ge=0, description="How often a request is repeated after a fault of the server."
    )
    socrata_app_token: SecretStr | None = Field(
        default=None, description="Application token of Socrata portals, such as data.lacity.org."
    )
    arcgis_token: SecretStr | None = Field(default=None, description="Token of an ArcGIS server.")
    arcgis_token_host: str | None = Field(
        default=None, description="The one host that the ArcGIS token is sent to."
    )
    portal_dir: Path = Field(
        default=Path("portal"), description="Folder of the portal's snapshots and accounts."
    )
    portal_hosts: str = Field(
        default="", description="Names that browsers call the portal by, separated by commas."
    )
    portal_tls: bool = Field(
        default=False, description="Whether browsers reach the portal over https, by a proxy."
    )
    portal_proxy: str | None = Field(
        default=None, description="Address of the proxy whose X-Forwarded headers are believed."
    )
    portal_accounts_url: SecretStr | None = Field(
        default=None,
        description="Postgres that holds the portal's accounts; a SQLite file in its folder.",
    )
    portal_idle_minutes: float = Field(
        default=30.0, gt=0, description="After how long without a request a session ends, minutes."
    )
    portal_session_hours: float = Field(
        default=12.0, gt=0, description="After how long a session ends at the latest, hours."
    )
    json_schemas: Path | None = Field(
        default=None,
        description="Copy of Microsoft's json-schemas, for la-pipes powerbi check: the folder that "
        "holds fabric.",
    )

    @cached_property
    def root(self) -> Path:
        """Project folder as an absolute path.

        Raises
        ------
        UserError
            If the folder holds no dbt project.
        """
        root = self.project_dir.resolve()
        if not (root / "dbt_project.yml").is_file():
            raise UserError(
                f"No dbt_project.yml in {root}: run la-pipes from the project folder, or name it "
                "with --project-dir or LA_PIPES_PROJECT_DIR."
            )
        return root


def read_settings(**overrides: object) -> Settings:
    """Read the settings; arguments that are not None win over environment and `.env`.

    Raises
    ------
    UserError
        If a value is not of its type, or `.env` cannot be read.
    """
    # Into the environment, so that dbt's env_var() in the profile sees it too.
    folder = overrides.get("project_dir") or environ.get("LA_PIPES_PROJECT_DIR") or "."
    with suppress(FileNotFoundError):
        load_dotenv(stream=StringIO(read_text(Path(str(folder)) / ".env", "The file")))
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "LA_PIPES_" + "_".join(str(part) for part in first["loc"]).upper()
        raise UserError(f"Setting {name}: {first['msg']} (got {first['input']!r}).") from error


def give_home(root: Path) -> None:
    """Let libraries keep their caches in the project where the user has no home of their own.

    A container's user may have neither HOME nor an entry among the system's users; dbt, drawing and
    DuckDB ask for the home when they start.
    """
    try:
        home = Path.home()
    except RuntimeError:
        home = None
    if home is None or not home.is_dir():
        environ["HOME"] = str(root / "target" / "home")

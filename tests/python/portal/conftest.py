"""A portal on a real snapshot of the small sample city, and people who sign in to it."""

import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyotp
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cities import City
from la_pipeline_failure_predict.portal.app import create_app
from la_pipeline_failure_predict.portal.auth import accounts, second_factor
from la_pipeline_failure_predict.portal.auth.models import db
from la_pipeline_failure_predict.portal.auth.roles import RoleName
from la_pipeline_failure_predict.portal.config import PortalConfig
from la_pipeline_failure_predict.portal.data.exposures import read_exposures
from la_pipeline_failure_predict.portal.data.publish import publish
from la_pipeline_failure_predict.portal.data.reader import Reader, Snapshots
from la_pipeline_failure_predict.portal.data.store import Store

ACCOUNT_ENGINES = ("sqlite", "postgres")
PASSWORD = "seven green kettles hum at noon"
EXPOSURE = {
    "name": "report",
    "label": "Report",
    "type": "dashboard",
    "maturity": "high",
    "description": "What a report shows.",
    "owner": {"name": "Planning", "email": None},
    "config": {"meta": {"portal": {"page": "plan"}}},
}
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture(scope="session")
def published(sample_cities: dict[str, City], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one snapshot of the sample city."""
    folder = tmp_path_factory.mktemp("portal")
    with sample_cities["duckdb"].connect() as warehouse:
        publish(warehouse, folder, read_exposures({"exposures": {"report": EXPOSURE}}))
    return folder


@pytest.fixture
def accounts_engine() -> str:
    """Where the accounts are. Tests of accounts have one of their own, which names both places."""
    return "sqlite"


@pytest.fixture(scope="session")
def accounts_server(postgres_server: dict[str, str]) -> Iterator[sa.URL]:
    """A database of Postgres for accounts."""
    server = sa.URL.create(
        "postgresql+psycopg2",
        postgres_server["user"],
        postgres_server.get("password"),
        database=postgres_server["database"],
        query={"host": postgres_server["host"], "port": postgres_server["port"]},
    )
    name = f"la_pipes_portal_{uuid.uuid4().hex[:12]}"
    administration = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with administration.connect() as connection:
        connection.exec_driver_sql(f"create database {name}")
        yield server.set(database=name)
        connection.exec_driver_sql(f"drop database {name} with (force)")
    administration.dispose()


@pytest.fixture
def accounts_url(accounts_engine: str, request: pytest.FixtureRequest) -> sa.URL | None:
    """The empty database of accounts, None for a file."""
    if accounts_engine == "sqlite":
        return None
    url: sa.URL = request.getfixturevalue("accounts_server")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("drop schema if exists portal cascade")
    engine.dispose()
    return url


@dataclass
class Browser:
    """A browser of somebody, with cookies of its own."""

    client: FlaskClient

    def get(self, address: str) -> TestResponse:
        """Open an address."""
        return self.client.get(address)

    def post(self, address: str, form: str | None = None, **fields: str) -> TestResponse:
        """Send a form as the page with it has it."""
        found = TOKEN.search(self.client.get(form or address).text)
        assert found, form or address
        return self.client.post(address, data={"csrf_token": found[1], **fields})

    def sign_in(self, email: str, password: str = PASSWORD, following: str = "") -> TestResponse:
        """Sign in with the form."""
        return self.post("/login", "/login", email=email, password=password, next=following)

    def cookies(self) -> dict[str, str]:
        """Values of the cookies, by name."""
        return {cookie.key: cookie.value for cookie in self.client._cookies.values()}


@dataclass
class Portal:
    """An app with a folder of its own."""

    app: Flask
    config: PortalConfig

    @property
    def environment(self) -> dict[str, str]:
        """What makes commands use this portal."""
        folder = {"LA_PIPES_PORTAL_DIR": str(self.config.folder)}
        if self.config.postgres is None:
            return folder
        url = self.config.postgres.render_as_string(hide_password=False)
        return folder | {"LA_PIPES_PORTAL_ACCOUNTS_URL": url}

    def browser(self) -> Browser:
        """Open a browser that is not signed in."""
        return Browser(self.app.test_client())

    def add(self, email: str, role: RoleName = "viewer", areas: tuple[str, ...] = ()) -> None:
        """Add an account with the password of the tests, who has been here before."""
        with self.app.app_context():
            accounts.welcome(accounts.add(email, role, areas, PASSWORD))

    def give_second_factor(self, email: str) -> str:
        """Give an account a second factor; returns the secret of its codes."""
        with self.app.app_context():
            account = accounts.get(email)
            account.otp_secret = second_factor.offer(account)
            db.session.commit()
            return str(second_factor.secret_of(account, account.otp_secret))

    def signed_in(self, role: RoleName, areas: tuple[str, ...] = ()) -> Browser:
        """Open a browser of a new account that is signed in, with what its role needs for that."""
        email = f"{role}-{len(areas)}@example.org"
        self.add(email, role, areas)
        secret = self.give_second_factor(email) if role == "administrator" else None
        browser = self.browser()
        assert browser.sign_in(email).status_code == 302
        if secret:
            answer = browser.post("/login/code", code=pyotp.TOTP(secret).now())
            assert answer.status_code == 302
        return browser


@pytest.fixture
def make_portal(
    published: Path, tmp_path: Path, accounts_url: sa.URL | None
) -> Iterator[Callable[..., Portal]]:
    """Make a portal on a copy of the snapshot; `with_snapshot=False` has nothing yet."""
    made: list[Portal] = []

    def make(with_snapshot: bool = True, **settings: object) -> Portal:
        folder = tmp_path / "portal"
        if with_snapshot:
            shutil.copytree(published, folder)
        config = replace(PortalConfig(folder, postgres=accounts_url), **settings)  # type: ignore[arg-type]
        portal = Portal(create_app(config), config)
        made.append(portal)
        return portal

    yield make
    for portal in made:
        with portal.app.app_context():
            db.engine.dispose()


@pytest.fixture
def portal(make_portal: Callable[..., Portal]) -> Portal:
    """A portal on the snapshot of the sample city, without accounts."""
    return make_portal()


@pytest.fixture(scope="session")
def areas_of(published: Path) -> dict[str, list[str]]:
    """Scored mains of each area of the snapshot, the riskiest first."""
    import duckdb

    store = Store(published)
    file = str(store.database(str(store.current_id())))
    with duckdb.connect(file, read_only=True) as snapshot:
        rows = snapshot.execute(
            "select area_id, list(pipe_id order by risk_rank) from published.pipe_risk "
            "where area_id <> 'unknown' group by area_id"
        ).fetchall()
    return dict(rows)


@pytest.fixture
def reader_of(published: Path) -> Callable[..., Reader]:
    """Read the snapshot with all areas, or with those that are named."""
    snapshot = Snapshots(Store(published)).current()
    assert snapshot is not None

    def read(areas: tuple[str, ...] | None = None) -> Reader:
        return Reader(snapshot, None if areas is None else frozenset(areas))

    return read


@pytest.fixture
def reader(reader_of: Callable[..., Reader]) -> Reader:
    """The snapshot with all areas."""
    return reader_of()

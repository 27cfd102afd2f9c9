"""Publishing reaches the right workspace with the right values, and gives no secret away."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from cities import ROOT
from la_pipeline_failure_predict.cli import main
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi import fabric_rest
from la_pipeline_failure_predict.powerbi import refresh as refreshing
from la_pipeline_failure_predict.powerbi.deploy import (
    Deployment,
    plan_deployment,
    publish,
    read_environment,
)
from la_pipeline_failure_predict.powerbi.fabric_rest import service_principal
from la_pipeline_failure_predict.powerbi.pbir import render_report
from la_pipeline_failure_predict.powerbi.refresh import refresh
from la_pipeline_failure_predict.runlog import show_notices, start_logging
from powerbi.example_model import write_model
from powerbi.example_report import REPORT
from powerbi.fake_fabric import CLIENT, SECRET, TENANT, Answer, FakeFabric, serve

REPORTS = ("water_dashboard", "water_overview", "water_risk")
WORKSPACE = "6f1c2b8c-12ab-4f3e-9bcd-0af2c5e6d123"
CONNECTION = "0d0cbe37-3b3f-4f2c-8a59-2b1a7f2f0c11"
EXPRESSIONS = "model/example_model.SemanticModel/definition/expressions.tmdl"
AREAS = "model/example_model.SemanticModel/definition/tables/Areas.tmdl"
ENVIRONMENTS = f"""
test:
  workspace_id: {WORKSPACE}
  parameters:
    PgServer: test.example.org:5432
    PgDatabase: it's "new"
production:
  workspace_id: {WORKSPACE}
  connection_id: {CONNECTION}
  parameters: {{PgServer: example.org}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What `la-pipes powerbi build` writes, as small as it gets."""
    folder = tmp_path / "powerbi"
    write_model(folder / "model")
    for name in REPORTS:
        report = render_report(
            replace(REPORT, name=name), "../../model/example_model.SemanticModel"
        )
        for path, text in report.items():
            file = folder / "reports" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
    mine = folder / "reports" / "water_risk.Report" / ".pbi" / "localSettings.json"
    mine.parent.mkdir()
    mine.write_text("{}")
    (folder / "environments.yml").write_text(ENVIRONMENTS)
    return folder


@pytest.fixture
def fabric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeFabric]:
    """The service, trusted and signed in to as the environment says."""
    import fabric_cicd.constants

    service = FakeFabric(WORKSPACE)
    with serve(service, tmp_path) as certificate:
        monkeypatch.setattr(fabric_cicd.constants, "DEFAULT_API_ROOT_URL", service.address)
        monkeypatch.setattr(fabric_cicd.constants, "FABRIC_API_ROOT_URL", service.address)
        monkeypatch.setattr(refreshing, "POLL_SECONDS", 0.01)
        for name, value in {
            "AZURE_AUTHORITY_HOST": service.address,
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": SECRET,
            "REQUESTS_CA_BUNDLE": str(certificate),
            "NO_PROXY": "localhost",
            "FABRIC_CICD_RETRY_DELAY_OVERRIDE_SECONDS": "0",
        }.items():
            monkeypatch.setenv(name, value)
        yield service


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """The log of a command, which everything is written to and shown."""
    yield start_logging(tmp_path / "logs", verbose=True)
    logging.getLogger("la_pipeline_failure_predict").handlers.clear()


@pytest.fixture
def notices(log_file: Path) -> list[str]:
    """What the user is shown meanwhile."""
    lines: list[str] = []
    show_notices(lines.append)
    return lines


def planned(project: Path, name: str = "test") -> Deployment:
    return plan_deployment(project, name, read_environment(project / "environments.yml", name))


def deployed_model(project: Path, fabric: FakeFabric) -> tuple[Deployment, str]:
    deployment = planned(project)
    published = publish(deployment, service_principal())
    return deployment, next(p.id for p in published if p.item == deployment.model)


def test_the_model_and_three_reports_arrive(project: Path, fabric: FakeFabric) -> None:
    published = publish(planned(project), service_principal())

    assert {(item.type, item.name) for item in fabric.items.values()} == {
        ("SemanticModel", "example_model"),
        *(("Report", name) for name in REPORTS),
    }
    assert [(p.item.name, p.is_new) for p in published] == [
        (name, True) for name in ("example_model", *REPORTS)
    ]
    model = fabric.item("example_model")
    written = (project / EXPRESSIONS).read_text()
    assert model.files["definition/expressions.tmdl"] == written.replace(
        'PgServer = "localhost:5432"', 'PgServer = "test.example.org:5432"'
    ).replace('PgDatabase = "the ""main"" one"', 'PgDatabase = "it\'s ""new"""')
    assert model.files["definition/tables/Areas.tmdl"] == (project / AREAS).read_text()
    for name in REPORTS:
        files = fabric.item(name).files
        assert model.id in files["definition.pbir"], "the report reads the published model"
        assert ".pbi/localSettings.json" not in files, "somebody's own settings stay here"
    assert fabric.folders == [], "the workspace's folders belong to the readers"
    assert 'PgServer = "localhost:5432"' in written, "the files stay as they are"


def test_a_second_deployment_updates(project: Path, fabric: FakeFabric) -> None:
    publish(planned(project), service_principal())
    ids = set(fabric.items)
    areas = (project / AREAS).read_text()
    (project / AREAS).write_text(areas.replace("One row per neighborhood", "One row per größeres"))

    published = publish(planned(project), service_principal())

    assert set(fabric.items) == ids
    assert {p.id for p in published} == ids
    assert not any(p.is_new for p in published)
    assert [item.versions for item in fabric.items.values()] == [2, 2, 2, 2]
    assert "größeres" in fabric.item("example_model").files["definition/tables/Areas.tmdl"]


def test_nothing_to_replace(project: Path, fabric: FakeFabric) -> None:
    (project / "environments.yml").write_text(f"test: {{workspace_id: {WORKSPACE}}}")
    publish(planned(project), service_principal())
    written = (project / EXPRESSIONS).read_text()
    assert fabric.item("example_model").files["definition/expressions.tmdl"] == written


def test_a_connection_is_bound(project: Path, fabric: FakeFabric) -> None:
    fabric.connections[CONNECTION] = {
        "id": CONNECTION,
        "connectivityType": "OnPremisesGateway",
        "connectionDetails": {"type": "PostgreSql", "path": "example.org;la_pipes"},
    }
    publish(planned(project, "production"), service_principal())
    assert fabric.item("example_model").connection == CONNECTION


def test_a_connection_that_is_not_there_is_reported(
    project: Path, fabric: FakeFabric, notices: list[str]
) -> None:
    publish(planned(project, "production"), service_principal())
    assert [line for line in notices if CONNECTION in line and "not found" in line], notices


def test_a_plan_needs_no_network(project: Path, fabric: FakeFabric) -> None:
    lines = planned(project).describe()
    assert fabric.requests == []
    assert lines == [
        f"environment test: workspace {WORKSPACE}",
        "  SemanticModel example_model",
        *(f"  Report {name}" for name in REPORTS),
        "  parameter DataSource = PostgreSQL (as in the files)",
        "  parameter PgServer = test.example.org:5432",
        '  parameter PgDatabase = it\'s "new"',
        "  parameter PgSchema = powerbi (as in the files)",
        "  parameter ExportFolder = C:\\exports (as in the files)",
        "  connection as set in the service",
    ]


def test_the_secret_goes_to_entra_alone(
    project: Path,
    fabric: FakeFabric,
    log_file: Path,
    notices: list[str],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    deployment, model_id = deployed_model(project, fabric)
    refresh(deployment, model_id, service_principal(), 5)
    fabric.faults = [("POST", "/items$", Answer(403, {"message": "No."}))]
    fabric.items.clear()
    with pytest.raises(UserError) as refused:
        publish(deployment, service_principal())

    output = capfd.readouterr()
    log = log_file.read_text()
    assert "Publishing Report 'water_risk'" in log
    everything = (output.out, output.err, log, caplog.text, str(refused.value), *notices)
    assert not [text for text in everything if SECRET in text or "token-" in text]
    with_secret = {r.path for r in fabric.requests if "hush" in r.body + r.path + str(r.headers)}
    assert with_secret == {f"/{TENANT}/oauth2/token"}


def test_the_sentence_is_all_there_is_to_read(project: Path, fabric: FakeFabric) -> None:
    """In a process of its own: the libraries' imports would set up a log and a hook of theirs."""
    script = f"""
import logging, sys
from pathlib import Path
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.deploy import plan_deployment, publish, read_environment
from la_pipeline_failure_predict.powerbi.fabric_rest import service_principal
from la_pipeline_failure_predict.runlog import start_logging
start_logging(Path({str(project / "logs")!r}), verbose=False)
folder = Path({str(project)!r})
environment = read_environment(folder / "environments.yml", "test")
try:
    publish(plan_deployment(folder, "test", environment), service_principal())
except UserError as error:
    print(error)
print(sys.excepthook is sys.__excepthook__, logging.root.level == logging.WARNING)
"""
    environment = {**os.environ, "AZURE_CLIENT_SECRET": "other~9.Secret"}
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment
    )
    assert result.stderr == ""
    sentence, process = result.stdout.splitlines()
    assert "AADSTS7000215" in sentence
    assert "check AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET" in sentence
    assert "other~9" not in sentence
    assert process == "True True"


@pytest.mark.parametrize("path", ["/v1/workspaces/[^/]+$", "/items$", "/updateDefinition", "/refr"])
def test_throttling_is_waited_for(project: Path, fabric: FakeFabric, path: str) -> None:
    publish(planned(project), service_principal())
    throttled = Answer(429, {"message": "Slow down."}, {"Retry-After": "0"})
    fabric.faults = [("GET", path, throttled), ("POST", path, throttled)]
    deployment, model_id = deployed_model(project, fabric)
    refresh(deployment, model_id, service_principal(), 5)
    assert len(fabric.faults) < 2, "it was throttled"
    assert fabric.item("example_model").versions == 2


@pytest.mark.parametrize(
    ("method", "path", "answer", "expected"),
    [
        ("GET", f"{WORKSPACE}$", Answer(401), "must allow service principals"),
        (
            "GET",
            f"{WORKSPACE}$",
            Answer(403, {"message": "Not you."}),
            "the service says: Not you.",
        ),
        ("GET", f"{WORKSPACE}$", Answer(404), "check workspace_id"),
        ("GET", "/items$", Answer(403, {"message": "Not you."}), "Message: Not you."),
        ("POST", "/items$", Answer(400, {"message": "Bad TMDL."}), "example_model.*Bad TMDL."),
    ],
)
def test_what_the_service_refuses_is_one_sentence(
    project: Path, fabric: FakeFabric, method: str, path: str, answer: Answer, expected: str
) -> None:
    fabric.faults = [(method, path, answer)] * 8
    with pytest.raises(UserError, match=expected) as error:
        publish(planned(project), service_principal())
    assert "\n" not in str(error.value)


def test_no_network(project: Path, fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch) -> None:
    import fabric_cicd.constants

    monkeypatch.setattr(fabric_cicd.constants, "DEFAULT_API_ROOT_URL", "https://localhost:9")
    monkeypatch.setattr(fabric_rest, "TRIES", 0)
    with pytest.raises(UserError, match="https://localhost:9 could not be reached"):
        publish(planned(project), service_principal())


def test_a_refresh_is_waited_for(project: Path, fabric: FakeFabric) -> None:
    deployment, model_id = deployed_model(project, fabric)
    fabric.refreshes = [{"requestId": "of yesterday"}]
    fabric.refresh_statuses = ["Completed", "Completed", "Unknown", "InProgress", "Completed"]
    result = refresh(deployment, model_id, service_principal(), 30)
    assert (result.status, result.has_failed) == ("Completed", False)
    assert len(fabric.refreshes) == 2
    assert len(fabric.asked("GET", "refreshes")) == 5, "yesterday's end is not taken for today's"


def test_a_refresh_that_nobody_waits_for(project: Path, fabric: FakeFabric) -> None:
    deployment, model_id = deployed_model(project, fabric)
    result = refresh(deployment, model_id, service_principal())
    assert len(fabric.asked("POST", "refreshes")) == 1
    assert result.describe().startswith("The refresh runs in the service")
    assert not result.has_failed


def test_a_refresh_may_outlast_a_token(
    project: Path, fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment, model_id = deployed_model(project, fabric)
    fabric.token_seconds = 1
    fabric.refresh_statuses = ["Unknown"] * 4 + ["Completed"]
    monkeypatch.setattr(refreshing, "POLL_SECONDS", 0.4)
    assert refresh(deployment, model_id, service_principal(), 30).status == "Completed"


def test_a_refresh_that_takes_too_long(project: Path, fabric: FakeFabric) -> None:
    deployment, model_id = deployed_model(project, fabric)
    fabric.refresh_statuses = ["Unknown"]
    result = refresh(deployment, model_id, service_principal(), 0.2)
    assert (result.status, result.has_failed) == ("Unknown", False)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ('{"errorCode":"ModelRefreshFailed_CredentialsNotSpecified"}', "CredentialsNotSpecified"),
        ('{"errorCode":"E","errorDescription":"No such table."}', "E, No such table."),
        ("broken", "broken"),
        ("", "ended as Failed after 0 s."),
    ],
)
def test_a_refresh_that_fails_says_why(
    project: Path, fabric: FakeFabric, fault: str, expected: str
) -> None:
    deployment, model_id = deployed_model(project, fabric)
    fabric.refresh_statuses, fabric.refresh_fault = ["Failed"], fault
    result = refresh(deployment, model_id, service_principal(), 5)
    assert result.has_failed
    assert expected in result.describe()


def test_a_refresh_that_does_not_start(project: Path, fabric: FakeFabric) -> None:
    deployment, model_id = deployed_model(project, fabric)
    running = {"error": {"code": "InvalidRequest", "message": "Another refresh is executing"}}
    fabric.faults = [("POST", "refreshes", Answer(400, running))]
    with pytest.raises(UserError, match="the service says: Another refresh is executing"):
        refresh(deployment, model_id, service_principal())


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("test: {workspace_id: x, parameters: {}}", "test", "test.workspace_id: Input should be"),
        ("test: {parameters: {Database: 1}}", "test", "test.workspace_id: Field required"),
        (ENVIRONMENTS.replace("PgServer", "Sever"), "test", "no parameter Sever.*it has Data"),
        (ENVIRONMENTS.replace("connection_id", "conection_id"), "test", "conection_id: Extra"),
        (ENVIRONMENTS, "prod", "no environment 'prod': it has test, production"),
        ("a: [", "test", "is not YAML"),
        ("", "test", "top level"),
    ],
)
def test_a_bad_file_of_environments(project: Path, text: str, name: str, expected: str) -> None:
    (project / "environments.yml").write_text(text)
    with pytest.raises(UserError, match=expected) as error:
        planned(project, name)
    assert "\n" not in str(error.value)


def test_what_is_missing_is_named(
    tmp_path: Path, project: Path, fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"copy environments\.yml\.example"):
        read_environment(tmp_path / "environments.yml", "test")
    environment = read_environment(project / "environments.yml", "test")
    with pytest.raises(UserError, match="run la-pipes powerbi build"):
        plan_deployment(tmp_path / "nothing", "test", environment)
    monkeypatch.setenv("AZURE_TENANT_ID", "no tenant!")
    with pytest.raises(UserError, match="Invalid tenant ID"):
        service_principal()
    monkeypatch.delenv("AZURE_TENANT_ID")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "")
    with pytest.raises(UserError, match="Set AZURE_TENANT_ID, AZURE_CLIENT_SECRET in"):
        service_principal()


def test_without_the_extra(
    project: Path, fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fabric_cicd", None)
    with pytest.raises(UserError, match=r"la_pipeline_failure_predict\[deploy\]"):
        publish(planned(project), service_principal())
    assert fabric.requests == []


def test_the_project_of_this_repository(fabric: FakeFabric) -> None:
    """As the example of environments says, and with every file that is committed."""
    folder = ROOT / "powerbi"
    example = read_environment(folder / "deploy" / "environments.yml.example", "test")
    # Not as in the files, for what is replaced to be seen.
    values = {name: f"{value}_of_test" for name, value in example.parameters.items()}
    environment = example.model_copy(update={"parameters": values})
    fabric.workspace_id = str(environment.workspace_id)
    deployment = plan_deployment(folder, "test", environment)
    publish(deployment, service_principal())
    assert [item.type for item in fabric.items.values()].count("Report") == 3
    model = fabric.item(deployment.model.name)
    assert values.keys() == {"Server", "Database", "Schema"}
    for name, value in values.items():
        assert f'expression {name} = "{value}"' in model.files["definition/expressions.tmdl"]
    files = next(folder.rglob("*.SemanticModel"))
    committed = {p.relative_to(files).as_posix() for p in files.rglob("*") if p.is_file()}
    assert set(model.files) == committed


def test_the_command(project: Path, fabric: FakeFabric) -> None:
    (project.parent / "dbt_project.yml").touch()
    (project / "deploy").mkdir()
    (project / "environments.yml").rename(project / "deploy" / "environments.yml")

    def la_pipes(*arguments: str) -> Result:
        places = ["--project-dir", str(project.parent)]
        return CliRunner().invoke(main, ["powerbi", "deploy", "test", *arguments, *places])

    result = la_pipes("--dry-run")
    assert (result.exit_code, fabric.requests) == (0, []), result.output
    assert f"workspace {WORKSPACE}" in result.output
    fabric.refresh_statuses = ["Completed"]
    result = la_pipes("--refresh", "--wait", "30")
    assert result.exit_code == 0, result.output
    assert "created Report water_risk" in result.output
    assert "The refresh ended as Completed" in result.output
    fabric.refresh_statuses, fabric.refresh_fault = ["Failed"], '{"errorCode": "NoGateway"}'
    result = la_pipes("--refresh", "--wait", "30")
    assert result.exit_code == 1
    assert "NoGateway" in result.output
    assert SECRET not in result.output


def test_the_workflow_follows_the_nightly_delivery() -> None:
    """By its name: one that is renamed would leave Power BI with yesterday's data, unsaid."""
    folder = ROOT / ".github" / "workflows"
    nightly, deployment = (
        yaml.safe_load((folder / name).read_text())
        for name in ("nightly_delivery.yml", "powerbi_deploy.yml")
    )
    started_by = deployment[True]["workflow_run"]  # YAML 1.1 takes the word on for true
    assert started_by["workflows"] == [nightly["name"]]
    assert "conclusion == 'success'" in deployment["jobs"]["deploy"]["if"]

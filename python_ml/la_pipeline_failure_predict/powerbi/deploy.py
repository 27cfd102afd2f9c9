"""Publish the semantic model and the reports to a workspace of Power BI, and refresh the model.

fabric-cicd publishes: it creates what a workspace lacks, updates what it has and binds the reports
to the model. Here is said to which workspace, with which values of the model's parameters, as whom.
"""

import json
import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from la_pipeline_failure_predict.errors import UserError, first_line
from la_pipeline_failure_predict.powerbi.tmdl import quoted
from la_pipeline_failure_predict.powerbi.tmdl_reader import read_model
from la_pipeline_failure_predict.powerbi.tmsl import m_text
from la_pipeline_failure_predict.runlog import notice

if TYPE_CHECKING:
    import requests
    from azure.core.credentials import TokenCredential

log = logging.getLogger(__name__)

KINDS = ("SemanticModel", "Report")
PRINCIPAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
FABRIC_SCOPE = "https://api.fabric.microsoft.com/.default"
POWERBI_SCOPE = "https://analysis.windows.net/powerbi/api/.default"
COLORS = re.compile(r"\x1b\[[0-9;]*m")
RUNNING = ("Unknown", "NotStarted", "InProgress")
TRIES = 5
LONGEST_PAUSE_SECONDS = 60
REQUEST_SECONDS = 60
POLL_SECONDS = 15.0


class Environment(BaseModel):
    """A workspace and what the model reads there.

    Attributes
    ----------
    parameters
        Values of the model's parameters by name; one that is not named stays as it is in the files.
    connection_id
        Connection of the service that holds the database's credentials; None where someone types
        them in the settings of the published model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    workspace_id: UUID
    parameters: dict[str, str] = {}
    connection_id: UUID | None = None


@dataclass(frozen=True)
class Item:
    """A semantic model or a report, as its `.platform` names it."""

    kind: str
    name: str


@dataclass(frozen=True)
class Deployment:
    """What to publish, and where.

    Attributes
    ----------
    folder
        Folder that holds the items, at any depth.
    parameters
        Every parameter of the model with the value it will have.
    """

    environment_name: str
    environment: Environment
    folder: Path
    items: tuple[Item, ...]
    parameters: Mapping[str, str]

    @property
    def model(self) -> Item:
        """The semantic model."""
        return next(item for item in self.items if item.kind == "SemanticModel")

    def describe(self) -> list[str]:
        """Return a line for the workspace, and one for each item, parameter and connection."""
        chosen, connection = self.environment.parameters, self.environment.connection_id
        return [
            f"environment {self.environment_name}: workspace {self.environment.workspace_id}",
            *(f"  {item.kind} {item.name}" for item in self.items),
            *(
                f"  parameter {name} = {value}{'' if name in chosen else ' (as in the files)'}"
                for name, value in self.parameters.items()
            ),
            f"  connection {connection or 'as set in the service'}",
        ]


@dataclass(frozen=True)
class Published:
    """An item that is in the workspace now.

    Attributes
    ----------
    id
        Its identifier there.
    is_new
        Whether it was created; else updated.
    """

    item: Item
    id: str
    is_new: bool


@dataclass(frozen=True)
class Refresh:
    """How a refresh of the model stands.

    Attributes
    ----------
    status
        As the service calls it: Completed, Failed, Cancelled, Disabled; or Unknown while it runs.
    reason
        What the service says of a failure.
    """

    status: str
    seconds: float
    reason: str = ""

    @property
    def has_failed(self) -> bool:
        """Whether it ended without new data."""
        return self.status not in ("Completed", *RUNNING)

    def describe(self) -> str:
        """Say it in one sentence."""
        if self.status in RUNNING:
            return f"The refresh runs in the service, after {self.seconds:.0f} s of waiting."
        reason = f": {self.reason}" if self.reason else ""
        return f"The refresh ended as {self.status} after {self.seconds:.0f} s{reason}."


def read_environment(file: Path, name: str) -> Environment:
    """Read one environment of a file that maps names to environments.

    Raises
    ------
    UserError
        If the file is missing or malformed, or holds no environment of this name.
    """
    if not file.is_file():
        raise UserError(f"No {file}: copy {file.name}.example and fill in your workspaces.")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        environments = TypeAdapter(dict[str, Environment]).validate_python(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file} is not YAML: {first_line(error)}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{file}, {place or 'top level'}: {first['msg']}.") from None
    if name not in environments:
        raise UserError(f"{file} has no environment {name!r}: it has {_listed(environments)}.")
    return environments[name]


def plan_deployment(folder: Path, name: str, environment: Environment) -> Deployment:
    """Say what would be published to an environment, from the files alone.

    Parameters
    ----------
    folder
        Folder that `la-pipes powerbi build` writes.

    Raises
    ------
    UserError
        If the folder holds no semantic model, or the environment names a parameter it lacks.
    """
    items = sorted(_items(folder), key=lambda item: (KINDS.index(item.kind), item.name))
    model_folder = next(folder.rglob("*.SemanticModel"), None)
    if model_folder is None:
        raise UserError(f"No semantic model in {folder}: run la-pipes powerbi build first.")
    model = read_model(model_folder).model
    parameters = {parameter.name: parameter.value for parameter in model.parameters}
    if unknown := [each for each in environment.parameters if each not in parameters]:
        raise UserError(
            f"The model has no parameter {_listed(unknown)}, which environment {name} sets: it "
            f"has {_listed(parameters)}."
        )
    values = {**parameters, **environment.parameters}
    return Deployment(name, environment, folder, tuple(items), values)


def _items(folder: Path) -> Iterator[Item]:
    for file in folder.rglob(".platform"):
        metadata = json.loads(file.read_text(encoding="utf-8"))["metadata"]
        if metadata["type"] in KINDS:
            yield Item(metadata["type"], metadata["displayName"])


def service_principal() -> "TokenCredential":
    """Return the service principal that the environment names.

    Raises
    ------
    UserError
        If a variable is missing, or the libraries are.
    """
    if missing := [name for name in PRINCIPAL if not os.environ.get(name)]:
        raise UserError(
            f"Set {_listed(missing)} in the environment or in .env: they name the service "
            "principal that publishes."
        )
    try:
        from azure.identity import ClientSecretCredential
    except ImportError:
        raise _not_installed() from None
    try:
        return ClientSecretCredential(*(os.environ[name] for name in PRINCIPAL))
    except ValueError as error:
        raise UserError(f"The service principal in the environment: {first_line(error)}") from None


def publish(deployment: Deployment, credential: "TokenCredential") -> list[Published]:
    """Create or update the items in the workspace; what else is there stays.

    Raises
    ------
    UserError
        If fabric-cicd is not installed, the workspace is not there or closed to the service
        principal, or the service refuses an item.
    """
    fabric = _fabric_cicd()
    workspace_id = str(deployment.environment.workspace_id)
    # Asked first, because what fabric-cicd says of a workspace that is not there helps nobody.
    _Rest(credential, FABRIC_SCOPE).call("GET", f"/v1/workspaces/{workspace_id}")
    # The workspace's own folders are the readers' affair.
    fabric.append_feature_flag(fabric.FeatureFlag.DISABLE_WORKSPACE_FOLDER_PUBLISH.value)
    with tempfile.TemporaryDirectory() as scratch:
        parameter_file = Path(scratch) / "parameter.yml"
        parameter_file.write_text(yaml.safe_dump(_parameter_file(deployment)), encoding="utf-8")
        try:
            workspace = fabric.FabricWorkspace(
                workspace_id=workspace_id,
                # A report finds its model by the path with links followed.
                repository_directory=str(deployment.folder.resolve()),
                item_type_in_scope=list(KINDS),
                environment=deployment.environment_name,
                token_credential=credential,
                parameter_file_path=str(parameter_file),
            )
            fabric.publish_all_items(workspace)
        except fabric._common._exceptions.BaseCustomError as error:
            raise UserError(_publishing_failed(error)) from error
    return [
        Published(
            item,
            id=workspace.repository_items[item.kind][item.name].guid,
            is_new=item.name not in workspace.deployed_items.get(item.kind, {}),
        )
        for item in deployment.items
    ]


def _parameter_file(deployment: Deployment) -> dict[str, Any]:
    """Return what fabric-cicd replaces in the files of this environment."""
    name, environment = deployment.environment_name, deployment.environment
    content: dict[str, Any] = {
        "find_replace": [
            {
                # With the quotes: fabric-cicd refuses to replace what is empty.
                "find_value": rf'(?m)^expression {re.escape(quoted(key))} = ("(?:[^"]|"")*")',
                "replace_value": {name: m_text(value)},
                "is_regex": "true",
                "item_type": "SemanticModel",
            }
            for key, value in environment.parameters.items()
        ]
    }
    if environment.connection_id:
        ids = {name: str(environment.connection_id)}
        content["semantic_model_binding"] = {"default": {"connection_id": ids}}
    return content


def _publishing_failed(error: Exception) -> str:
    for item, cause in getattr(error, "errors", []):
        return f"{item} could not be published: {first_line(cause, 300)}"
    return f"Nothing could be published: {first_line(error, 300)}"


def refresh(
    deployment: Deployment,
    model_id: str,
    credential: "TokenCredential",
    wait_seconds: float = 0,
) -> Refresh:
    """Start a refresh of the published model and wait for its end.

    Parameters
    ----------
    model_id
        Identifier of the model in the workspace.
    wait_seconds
        Longest wait; what still runs then goes on in the service.

    Raises
    ------
    UserError
        If the service does not start it, because one runs already or the day's refreshes are used
        up, for instance.
    """
    rest = _Rest(credential, POWERBI_SCOPE)
    workspace_id = deployment.environment.workspace_id
    path = f"/v1.0/myorg/groups/{workspace_id}/datasets/{model_id}/refreshes"
    earlier = _newest(rest, path).get("requestId")
    rest.call("POST", path, {"notifyOption": "NoNotification"})
    started = time.monotonic()
    while (waited := time.monotonic() - started) < wait_seconds:
        time.sleep(min(POLL_SECONDS, wait_seconds - waited))
        newest = _newest(rest, path)
        if newest.get("requestId") != earlier and newest["status"] not in RUNNING:
            seconds = time.monotonic() - started
            return Refresh(newest["status"], seconds, _reason(newest))
    return Refresh("Unknown", waited)


def _newest(rest: "_Rest", path: str) -> Mapping[str, Any]:
    entries = rest.call("GET", f"{path}?$top=1").json()["value"]
    return entries[0] if entries else {}


def _reason(entry: Mapping[str, Any]) -> str:
    """Return what the service says of a failure: a code, and on some capacities a description."""
    text = entry.get("serviceExceptionJson") or ""
    try:
        fault = json.loads(text)
    except ValueError:
        return first_line(text, 300) if text else ""
    said = (fault.get("errorCode"), fault.get("errorDescription"))
    return ", ".join(first_line(each, 300) for each in said if each)


class _Rest:
    """Calls to the service; one that is throttled is made again when the service says."""

    def __init__(self, credential: "TokenCredential", scope: str) -> None:
        import requests
        from urllib3.util import Retry

        self._root = _fabric_cicd().constants.DEFAULT_API_ROOT_URL
        self._session = requests.Session()
        retry = Retry(
            TRIES,
            backoff_factor=1,
            status_forcelist=(429, 503),
            allowed_methods=None,
            raise_on_status=False,
            retry_after_max=LONGEST_PAUSE_SECONDS,
        )
        self._session.mount(self._root, requests.adapters.HTTPAdapter(max_retries=retry))
        self._credential, self._scope = credential, scope

    def call(
        self, method: str, path: str, body: Mapping[str, str] | None = None
    ) -> "requests.Response":
        """Return the service's answer.

        Raises
        ------
        UserError
            If the service cannot be reached, or refuses.
        """
        import requests

        address = self._root + path
        # Each time, as it may expire while a refresh is waited for; until then it is cached.
        headers = {"Authorization": f"Bearer {_token(self._credential, self._scope)}"}
        try:
            answer = self._session.request(
                method, address, json=body, headers=headers, timeout=REQUEST_SECONDS
            )
        except requests.RequestException as error:
            log.debug("no answer", exc_info=error)
            raise UserError(
                f"{self._root} could not be reached: check the network and run the command again."
            ) from error
        log.debug("%s %s: %s", method, address, answer.status_code)
        if answer.ok:
            return answer
        raise UserError(_refusal(answer))


def _refusal(answer: "requests.Response") -> str:
    asked = f"{answer.request.method} {answer.url} was answered with {answer.status_code}"
    advice = {
        401: "the tenant's settings must allow service principals to use Fabric APIs",
        403: "make the service principal a contributor or member of the workspace",
        404: "check workspace_id, and that the service principal is a member of the workspace",
        429: "the service is busy; run the command again later",
    }
    said = _message(answer)
    parts = [asked, advice.get(answer.status_code), f"the service says: {said}" if said else None]
    return "; ".join(part for part in parts if part) + "."


def _message(answer: "requests.Response") -> str:
    """Return what an answer says: Fabric writes it at the top, Power BI under `error`."""
    try:
        content = answer.json()
    except ValueError:
        return ""
    fault = content.get("error", content)
    return first_line(fault.get("message") or fault.get("code") or "", 300).rstrip(".")


def _token(credential: "TokenCredential", scope: str) -> str:
    from azure.core.exceptions import AzureError

    try:
        return credential.get_token(scope).token
    except AzureError as error:
        raise UserError(
            f"Microsoft Entra gave the service principal no token ({first_line(error, 300)}): "
            f"check {_listed(PRINCIPAL)} and the network."
        ) from error


def _fabric_cicd() -> Any:  # noqa: ANN401 - of a package that may not be installed
    """Return the library, logging to our log, without what its import does to the process."""
    hook, level = sys.excepthook, logging.root.level
    try:
        import fabric_cicd
    except ImportError:
        raise _not_installed() from None
    finally:
        sys.excepthook = hook
        logging.root.setLevel(level)
    for name, is_shown in (("fabric_cicd", True), ("azure", False)):
        library = logging.getLogger(name)
        library.handlers = [_Relay(is_shown)]
        library.propagate = False
    return fabric_cicd


class _Relay(logging.Handler):
    """Writes a library's lines to our log, and shows its warnings; an error is raised as well."""

    def __init__(self, is_shown: bool) -> None:
        super().__init__()
        self._is_shown = is_shown

    def emit(self, record: logging.LogRecord) -> None:
        text = COLORS.sub("", record.getMessage()).strip(" #->\n")
        if not text:
            return
        log.log(record.levelno, "%s: %s", record.name, text)
        is_raised = text.startswith("Failed to publish")
        if self._is_shown and record.levelno >= logging.WARNING and not is_raised:
            notice(text)


def _not_installed() -> UserError:
    return UserError(
        'Deploying needs fabric-cicd: pip install "la_pipeline_failure_predict[deploy]".'
    )


def _listed(names: Any) -> str:  # noqa: ANN401
    return ", ".join(names) or "none"

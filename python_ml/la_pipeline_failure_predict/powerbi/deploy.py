"""Publish the semantic model and the reports to a workspace of Power BI.

fabric-cicd publishes: it creates what a workspace lacks, updates what it has and binds the reports
to the model. This module says to which workspace, with which values of the model's parameters, and
as whom.
"""

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from la_pipeline_failure_predict.errors import UserError, first_line
from la_pipeline_failure_predict.powerbi.fabric_rest import FABRIC_SCOPE, Rest, fabric_cicd
from la_pipeline_failure_predict.powerbi.tmdl import quoted
from la_pipeline_failure_predict.powerbi.tmdl_reader import read_model
from la_pipeline_failure_predict.powerbi.tmsl import m_text

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

ITEM_KINDS = ("SemanticModel", "Report")


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
    items = sorted(_items(folder), key=lambda item: (ITEM_KINDS.index(item.kind), item.name))
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
        if metadata["type"] in ITEM_KINDS:
            yield Item(metadata["type"], metadata["displayName"])


def publish(deployment: Deployment, credential: "TokenCredential") -> list[Published]:
    """Create or update the items in the workspace; what else is there stays.

    Raises
    ------
    UserError
        If fabric-cicd is not installed, the workspace is not there or closed to the service
        principal, or the service refuses an item.
    """
    fabric = fabric_cicd()
    workspace_id = str(deployment.environment.workspace_id)
    # Asked first, because fabric-cicd's message about a missing workspace does not help.
    Rest(credential, FABRIC_SCOPE).call("GET", f"/v1/workspaces/{workspace_id}")
    # The workspace's own folders belong to the readers.
    fabric.append_feature_flag(fabric.FeatureFlag.DISABLE_WORKSPACE_FOLDER_PUBLISH.value)
    with tempfile.TemporaryDirectory() as scratch:
        parameter_file = Path(scratch) / "parameter.yml"
        parameter_file.write_text(yaml.safe_dump(_parameter_file(deployment)), encoding="utf-8")
        try:
            workspace = fabric.FabricWorkspace(
                workspace_id=workspace_id,
                # A report finds its model by the path with links followed.
                repository_directory=str(deployment.folder.resolve()),
                item_type_in_scope=list(ITEM_KINDS),
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
                # With the quotes, because fabric-cicd refuses to replace an empty text.
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


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"

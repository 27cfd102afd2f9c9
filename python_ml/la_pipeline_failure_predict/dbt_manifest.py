"""dbt's manifest: what the project declares of its models, tests and owners."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import environ
from pathlib import Path
from typing import Any

from la_pipeline_failure_predict.dbt_runner import run_dbt
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import write_whole
from la_pipeline_failure_predict.settings import Settings

# What dbt parses, and so what a manifest depends on.
PARSED_FILES = ("models", "macros", "seeds", "tests/generic", "dbt_project.yml")
# In full, because a partial parse keeps exposures whose YAML was deleted.
PARSE = ("parse", "--no-partial-parse")


# What is read of a manifest.
MANIFEST_PARTS = ("nodes", "groups", "exposures", "metrics", "semantic_models", "child_map")


@dataclass(frozen=True)
class GenericTest:
    """A generic test of a model, with its arguments.

    Attributes
    ----------
    column
        Column it is about; None for a test of the model.
    is_binding
        Whether it covers every row and fails the build.
    """

    name: str
    column: str | None
    arguments: Mapping[str, Any]
    is_binding: bool


@dataclass(frozen=True)
class Model:
    """A model as dbt declares it.

    Attributes
    ----------
    relation
        Name of its table or view.
    meta
        Its `config.meta`.
    is_contracted
        Whether dbt enforces the types of its columns.
    columns
        dbt's own entries, in the order of the YAML: name, data_type, description, constraints,
        config.
    """

    name: str
    schema: str
    relation: str
    materialized: str
    description: str
    owner: str
    meta: Mapping[str, Any]
    is_contracted: bool
    columns: tuple[Mapping[str, Any], ...]
    tests: tuple[GenericTest, ...]


def read_models(settings: Settings) -> list[Model]:
    """Return the models of the project, sorted by schema and relation.

    Raises
    ------
    UserError
        If dbt cannot parse the project, or finds no profile.
    """
    return models_of(read_manifest(settings))


def models_of(manifest: Mapping[str, Any]) -> list[Model]:
    """Return the models of a manifest, sorted by schema and relation."""
    nodes = manifest["nodes"].values()
    owners = {group["name"]: group["owner"]["name"] for group in manifest["groups"].values()}
    tests: dict[str, list[GenericTest]] = {}
    for node in nodes:
        if node["resource_type"] == "test" and node.get("test_metadata"):
            tests.setdefault(node["attached_node"], []).append(_test(node))
    models = [
        Model(
            name=node["name"],
            schema=node["schema"],
            relation=node["alias"],
            materialized=node["config"]["materialized"],
            description=" ".join(node["description"].split()),
            owner=owners.get(node["group"], ""),
            meta=node["config"]["meta"],
            is_contracted=node["config"]["contract"]["enforced"],
            columns=tuple(node["columns"].values()),
            tests=tuple(tests.get(node["unique_id"], ())),
        )
        for node in nodes
        if node["resource_type"] == "model"
    ]
    return sorted(models, key=lambda model: (model.schema, model.relation))


def _test(node: Mapping[str, Any]) -> GenericTest:
    metadata, config = node["test_metadata"], node["config"]
    arguments = {
        name: value
        for name, value in metadata["kwargs"].items()
        if name not in ("model", "column_name")
    }
    is_binding = config["severity"].lower() == "error" and not config["where"]
    return GenericTest(metadata["name"], node["column_name"], arguments, is_binding)


def read_manifest(settings: Settings) -> Mapping[str, Any]:
    """Return dbt's manifest of the project as it is now, parsing it where it has changed.

    Raises
    ------
    UserError
        If dbt cannot parse the project, or finds no profile.
    """
    return current_manifest(settings, PARSE, "manifest")


def current_manifest(settings: Settings, command: Sequence[str], folder: str) -> Mapping[str, Any]:
    """Return the manifest that a dbt command writes, running it where the project has changed.

    Parameters
    ----------
    command
        Arguments of dbt.
    folder
        Folder below dbt's target for this command alone: the manifest in the target itself is
        rewritten by every command, so its age says nothing about the files it was made from.

    Raises
    ------
    UserError
        If the command fails.
    """
    place = settings.root / environ.get("DBT_TARGET_PATH", "target") / folder
    manifest, made_from = place / "manifest.json", place / "made_from"
    # Before the command: a file that changes meanwhile is read again next time.
    digest = project_digest(settings.root, PARSED_FILES)
    is_current = manifest.is_file() and made_from.is_file() and made_from.read_text() == digest
    if not is_current:
        made_from.unlink(missing_ok=True)
        run_dbt(settings, [*command, "--target-path", str(place)])
        write_whole(made_from, digest)
    return json.loads(manifest.read_text(encoding="utf-8"))


def read_manifest_file(file: Path) -> Mapping[str, Any]:
    """Read a manifest that dbt wrote.

    Raises
    ------
    UserError
        If the file is missing or not one.
    """
    try:
        manifest: Any = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(manifest, dict) and set(MANIFEST_PARTS) <= set(manifest):
            return manifest
    except OSError:
        raise UserError(f"There is no manifest {file}: write it with dbt parse.") from None
    except ValueError:
        pass
    raise UserError(f"{file} is not a dbt manifest: write it again with dbt parse.")


def project_digest(root: Path, names: Sequence[str]) -> str:
    """Return a digest of files of the project, and of all files in its folders."""
    digest = hashlib.sha256()
    for file in _files(root, names):
        digest.update(str(file.relative_to(root)).encode() + file.read_bytes())
    return digest.hexdigest()


def _files(root: Path, names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        path = root / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                yield file

"""Models that are not a table of coefficients: files whose hash, types and libraries are checked.

A file is read only if `model_registry.json` knows its SHA-256 and the versions that wrote it, and
if it holds no type but those listed here. Nothing in it is executed.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from pydantic import BaseModel, ConfigDict, TypeAdapter
from sklearn.ensemble import HistGradientBoostingRegressor

from la_pipeline_failure_predict.errors import UserError, first_line
from la_pipeline_failure_predict.files import atomic_write, write_whole
from la_pipeline_failure_predict.model.candidates.gradient_boosting import GradientBoosting
from la_pipeline_failure_predict.model.design import Design, Number

REGISTRY = "model_registry.json"
TRUSTED_TYPES = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
MOST_BYTES = 200_000_000
"""Of a file and of what it unpacks to; a model of 150 trees has a megabyte."""
MOST_SCHEMA_BYTES = 20_000_000


class _Entry(BaseModel):
    """What the registry says about a file."""

    run_id: str
    trained_until: date
    model: str
    sha256: str
    libraries: dict[str, str]


_REGISTRY = TypeAdapter(dict[str, _Entry])


class _Held(BaseModel):
    """What a file holds."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    estimator: HistGradientBoostingRegressor
    levels: dict[str, dict[str, float]]
    known: list[str]
    numbers: list[Number]
    parameters: dict[str, Any]


def save_trees(folder: Path, run_id: str, trained_until: date, model: GradientBoosting) -> Path:
    """Write a fit and enter it into the registry; a reader sees both or neither.

    Raises
    ------
    UserError
        If skops is not installed.
    """
    skops = _skops()
    content: bytes = skops.dumps(
        {
            "estimator": model.estimator_,
            "levels": model.levels_,
            "known": model.known_,
            "numbers": [asdict(number) for number in model.design.numbers],
            "parameters": {
                name: value for name, value in model.get_params().items() if name != "design"
            },
        }
    )
    file = folder / f"{run_id}-{trained_until:%Y%m%d}.skops"
    with atomic_write(file, "wb") as target:
        target.write(content)
    entries = _entries(folder)
    entries[file.name] = _Entry(
        run_id=run_id,
        trained_until=trained_until,
        model=model.name,
        sha256=hashlib.sha256(content).hexdigest(),
        libraries=_libraries(),
    )
    written = {name: entry.model_dump(mode="json") for name, entry in entries.items()}
    write_whole(folder / REGISTRY, json.dumps(written, indent=2, sort_keys=True) + "\n")
    return file


def load_trees(folder: Path, run_id: str, trained_until: date) -> GradientBoosting:
    """Read a fit.

    Raises
    ------
    UserError
        If it is missing or not registered, was changed, was written by other versions of the
        libraries, or holds a type that is not trusted.
    """
    skops = _skops()
    file = folder / f"{run_id}-{trained_until:%Y%m%d}.skops"
    again = (
        f"train again with la-pipes train --model {GradientBoosting.name} (and promote the run, if "
        "the data has changed and it is another one)"
    )
    entry = _entries(folder).get(file.name)
    if entry is None or not file.is_file():
        raise UserError(f"{file} is missing or not in {REGISTRY}: copy both back, or {again}.")
    if file.stat().st_size > MOST_BYTES:
        raise UserError(f"{file} is far larger than any model: delete it, and {again}.")
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise UserError(
            f"{file} is not the file that {REGISTRY} describes (its SHA-256 differs): it was "
            f"changed or damaged. Copy the original back, or {again}."
        )
    wrote, here = entry.libraries, _libraries()
    if wrote != here:
        raise UserError(
            f"{file} was written with {_text(wrote)}, but {_text(here)} is installed: install "
            f"those versions, or {again}."
        )
    try:
        _check_size(content)
        unknown = sorted(set(skops.get_untrusted_types(data=content)) - set(TRUSTED_TYPES))
        if not unknown:
            return _assemble(skops.loads(content, trusted=list(TRUSTED_TYPES)))
    except Exception as error:  # of any kind: someone else has written it
        raise UserError(
            f"{file} does not hold a model as la-pipes writes it ({first_line(error, 100)}): "
            f"{again}."
        ) from None
    raise UserError(f"{file} contains types that are not trusted ({', '.join(unknown)}): {again}.")


def are_readable(folder: Path, run_id: str, days: Iterable[date]) -> bool:
    """Whether all fits of a run, by the days until which they were trained, can be read."""
    try:
        for day in days:
            load_trees(folder, run_id, day)
    except UserError:
        return False
    return True


def _check_size(content: bytes) -> None:
    """Refuse by what the directory of the zip says, before anything is unpacked."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        items = archive.infolist()
    schema = sum(item.file_size for item in items if item.filename == "schema.json")
    if schema > MOST_SCHEMA_BYTES or sum(item.file_size for item in items) > MOST_BYTES:
        raise ValueError("it unpacks to far more than any model")


def _assemble(given: object) -> GradientBoosting:
    """Return a fit from what was kept of it.

    Raises
    ------
    ValueError
        If something is not as it was written.
    """
    held = _Held.model_validate(given)
    design = Design(tuple(held.levels), tuple(held.numbers))
    _check_trees(held.estimator, len(design.levels) + len(design.numbers))
    model = GradientBoosting(design, **held.parameters)
    model.estimator_, model.levels_, model.known_ = held.estimator, held.levels, held.known
    return model


def _check_trees(estimator: HistGradientBoostingRegressor, width: int) -> None:
    """Refuse trees that lead out of their array or in a circle: compiled code follows them."""
    if estimator.n_features_in_ != width:
        raise ValueError(f"trees of {estimator.n_features_in_} columns for {width}")
    for (tree,) in estimator._predictors:
        nodes = tree.nodes
        places = np.flatnonzero(nodes["is_leaf"] == 0)
        inner = nodes[places]
        is_sound = (inner["feature_idx"] >= 0) & (inner["feature_idx"] < width)
        is_sound &= inner["is_categorical"] == 0
        for side in ("left", "right"):
            is_sound &= (inner[side] > places) & (inner[side] < len(nodes))
        if not len(nodes) or not is_sound.all():
            raise ValueError("a tree whose branches lead nowhere")


def _entries(folder: Path) -> dict[str, _Entry]:
    file = folder / REGISTRY
    if not file.exists():
        return {}
    try:
        if not file.is_file() or file.stat().st_size > MOST_SCHEMA_BYTES:
            raise ValueError
        return _REGISTRY.validate_json(file.read_bytes())
    except ValueError:
        raise UserError(
            f"{file} is not the JSON that la-pipes wrote: copy the original back, or delete it and "
            "train again."
        ) from None


def _libraries() -> dict[str, str]:
    return {"scikit-learn": sklearn.__version__, "skops": _version("skops")}


def _version(name: str) -> str:
    from importlib.metadata import version

    return version(name)


def _text(libraries: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(libraries.items()))


def _skops() -> Any:  # noqa: ANN401 - a module
    try:
        from skops import io
    except ImportError:
        raise UserError(
            "Boosted trees are stored with skops, which is not installed: "
            'pip install "la_pipeline_failure_predict[trees]", or choose another --model.'
        ) from None
    return io

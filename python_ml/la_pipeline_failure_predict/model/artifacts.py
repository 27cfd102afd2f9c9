"""Models that are not a table of coefficients: files whose hash, types and libraries are checked.

A file is read only if `model_registry.json` knows its SHA-256 and the versions that wrote it, and
if it holds no type but those listed here. Nothing in it is executed.
"""

import hashlib
import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import sklearn

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import atomic_write, write_whole
from la_pipeline_failure_predict.model.candidates.gradient_boosting import GradientBoosting
from la_pipeline_failure_predict.model.design import Design, Number

REGISTRY = "model_registry.json"
TRUSTED_TYPES = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)


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
    entries[file.name] = {
        "run_id": run_id,
        "trained_until": trained_until.isoformat(),
        "model": model.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "libraries": _libraries(),
    }
    write_whole(folder / REGISTRY, json.dumps(entries, indent=2, sort_keys=True) + "\n")
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
    again = f"train again with la-pipes train --model {GradientBoosting.name}"
    entry = _entries(folder).get(file.name)
    if entry is None or not file.is_file():
        raise UserError(f"{file} is missing or not in {REGISTRY}: copy both back, or {again}.")
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry.get("sha256"):
        raise UserError(
            f"{file} is not the file that {REGISTRY} describes (its SHA-256 differs): it was "
            f"changed or damaged. Copy the original back, or {again}."
        )
    wrote, here = entry.get("libraries"), _libraries()
    if wrote != here:
        raise UserError(
            f"{file} was written with {_text(wrote)}, but {_text(here)} is installed: install "
            f"those versions, or {again}."
        )
    unknown = sorted(set(skops.get_untrusted_types(data=content)) - set(TRUSTED_TYPES))
    if unknown:
        raise UserError(
            f"{file} contains types that are not trusted ({', '.join(unknown)}): {again}."
        )
    held = skops.loads(content, trusted=list(TRUSTED_TYPES))
    design = Design(tuple(held["levels"]), tuple(Number(**given) for given in held["numbers"]))
    model = GradientBoosting(design, **held["parameters"])
    model.estimator_, model.levels_, model.known_ = held["estimator"], held["levels"], held["known"]
    return model


def _entries(folder: Path) -> dict[str, dict[str, Any]]:
    file = folder / REGISTRY
    if not file.is_file():
        return {}
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        entries = None
    if not isinstance(entries, dict):
        raise UserError(f"{file} is not the JSON that la-pipes wrote: copy the original back.")
    return entries


def _libraries() -> dict[str, str]:
    return {"scikit-learn": sklearn.__version__, "skops": _version("skops")}


def _version(name: str) -> str:
    from importlib.metadata import version

    return version(name)


def _text(libraries: object) -> str:
    if not isinstance(libraries, dict):
        return "unknown versions"
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

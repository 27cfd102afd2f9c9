import io
import json
import shutil
import zipfile
from datetime import date

import numpy as np
import pytest
from skops import io as skops

from cities import ROOT
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model import artifacts
from la_pipeline_failure_predict.model.features import read_features
from la_pipeline_failure_predict.model.grains import MAINS
from la_pipeline_failure_predict.model.score import score
from la_pipeline_failure_predict.model.train import train

DAY = date(2020, 1, 1)


@pytest.fixture
def trees(warehouse, marts, make_pipes, tmp_path):
    """A trained run of boosted trees: the warehouse, its folder and its name."""
    marts.fill(warehouse, "fct_pipe_features", make_pipes(pipes=400))
    folder = tmp_path / "artifacts"
    run = train(
        warehouse,
        read_features(ROOT, MAINS),
        model="gradient_boosting",
        progress=marts.progress,
        folder=folder,
    )
    return warehouse, folder, run


def scored(trees, marts):
    warehouse, folder, _ = trees
    return score(warehouse, MAINS, progress=marts.progress, folder=folder)


def test_trees_are_kept_as_files_with_hash_and_versions(trees, marts):
    warehouse, folder, run = trees
    assert run.run_id.startswith("pipe-gradient-boosting-20200101-")
    entries = json.loads((folder / artifacts.REGISTRY).read_text())
    assert sorted(entries) == sorted(file.name for file in folder.glob("*.skops"))
    assert len(entries) == 2  # the evaluation fit and the final one
    for entry in entries.values():
        assert len(entry["sha256"]) == 64
        assert set(entry["libraries"]) == {"scikit-learn", "skops"}
    assert warehouse.scalar("select count(*) from ml.model_coefficients") == 0
    first = scored(trees, marts)
    assert (first.rows, first.run_id) == (400, run.run_id)
    assert scored(trees, marts).expected_breaks == first.expected_breaks
    assert 0 < first.expected_breaks < 100


def test_a_file_holds_no_type_that_is_not_listed(trees):
    _, folder, _ = trees
    for file in folder.glob("*.skops"):
        found = skops.get_untrusted_types(data=file.read_bytes())
        assert set(found) <= set(artifacts.TRUSTED_TYPES)


def test_what_was_written_is_what_is_read(trees, make_pipes):
    _, folder, run = trees
    model = artifacts.load_trees(folder, run.run_id, DAY)
    assert model.get_params()["random_state"] == 1
    file = artifacts.save_trees(folder, "copy", DAY, model)
    assert file.is_file()
    again = artifacts.load_trees(folder, "copy", DAY)
    columns = np.random.default_rng(1).random((50, model.estimator_.n_features_in_))
    np.testing.assert_array_equal(
        model.estimator_.predict(columns), again.estimator_.predict(columns)
    )


def changed(folder):
    file = sorted(folder.glob("*.skops"))[-1]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def other_version(folder):
    file = folder / artifacts.REGISTRY
    file.write_text(file.read_text().replace(artifacts._version("scikit-learn"), "0.0.1"))


def removed(folder):
    for file in folder.glob("*.skops"):
        file.unlink()


def not_registered(folder):
    (folder / artifacts.REGISTRY).write_text("{}")


def garbled(folder):
    (folder / artifacts.REGISTRY).write_text("[")


def replaced(folder, content):
    """Write other files, entered into the registry by someone who can do that."""
    for file in folder.glob("*.skops"):
        file.write_bytes(content(file.read_bytes()))
        registry = json.loads((folder / artifacts.REGISTRY).read_text())
        registry[file.name]["sha256"] = artifacts.hashlib.sha256(file.read_bytes()).hexdigest()
        (folder / artifacts.REGISTRY).write_text(json.dumps(registry))


def smuggled(folder):
    replaced(folder, lambda _: skops.dumps({"estimator": np.poly1d([1.0])}))


def no_archive(folder):
    replaced(folder, lambda content: content[: len(content) // 2])


def without_parts(folder):
    replaced(folder, lambda _: skops.dumps({"levels": {}, "known": []}))


def packed(schema):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", schema)
    return written.getvalue()


def bomb(folder):
    replaced(folder, lambda _: packed(b" " * 300_000_000))


def deep_schema(folder):
    replaced(folder, lambda _: packed(b"[" * 100_000 + b"]" * 100_000))


def with_trees(change):
    """Change the trees of the files."""

    def content(old):
        held = skops.loads(old, trusted=list(artifacts.TRUSTED_TYPES))
        change(held["estimator"]._predictors[0][0].nodes)
        return skops.dumps(held)

    return lambda folder: replaced(folder, content)


def astray(nodes):
    nodes["left"][0] = 1_000_000


def circle(nodes):
    nodes["left"][0] = nodes["right"][0] = 0


def elsewhere(nodes):
    nodes["feature_idx"][0] = 1_000_000


def registry_of(text):
    return lambda folder: (folder / artifacts.REGISTRY).write_text(text)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (changed, r"its SHA-256 differs\): it was changed or damaged"),
        (other_version, r"was written with scikit-learn 0\.0\.1, .* but scikit-learn"),
        (removed, "is missing or not in model_registry.json: copy both back, or train again"),
        (not_registered, "is missing or not in model_registry.json"),
        (garbled, "is not the JSON that la-pipes wrote: copy the original back"),
        (smuggled, r"contains types that are not trusted \(numpy.poly1d\)"),
    ],
)
def test_a_file_that_is_not_the_one_is_refused_and_the_scores_stay(trees, marts, harm, message):
    warehouse, folder, _ = trees
    kept = "select pipe_id, expected_breaks, scored_at from ml.pipe_scores order by 1"
    scored(trees, marts)
    before = warehouse.query(kept).to_pylist()
    harm(folder)
    with pytest.raises(UserError, match=message):
        scored(trees, marts)
    assert warehouse.query(kept).to_pylist() == before


TAMPERED = (
    (no_archive, "does not hold a model as la-pipes writes it"),
    (without_parts, "does not hold a model as la-pipes writes it"),
    (bomb, r"it unpacks to far more than any model\): train again with la-pipes train"),
    (deep_schema, "does not hold a model as la-pipes writes it"),
    (with_trees(astray), "a tree whose branches lead nowhere"),
    (with_trees(circle), "a tree whose branches lead nowhere"),
    (with_trees(elsewhere), "a tree whose branches lead nowhere"),
    (registry_of("[" * 100_000), "is not the JSON that la-pipes wrote: copy the original"),
    (registry_of('{"x.skops": 7}'), "is not the JSON that la-pipes wrote: copy the original"),
    (registry_of('{"x.skops": {"sha256": []}}'), "is not the JSON that la-pipes wrote"),
)


def test_what_was_tampered_with_is_refused_before_it_is_read(trees, marts):
    _, folder, _ = trees
    files = {file: file.read_bytes() for file in folder.iterdir()}
    for harm, message in TAMPERED:
        harm(folder)
        with pytest.raises(UserError, match=message):
            scored(trees, marts)
        for file, content in files.items():
            file.write_bytes(content)


def test_lost_files_are_written_again_by_training(trees, marts):
    warehouse, folder, run = trees
    before = scored(trees, marts).expected_breaks
    rows = "select count(*) from ml.model_metrics"
    metrics = warehouse.scalar(rows)
    shutil.rmtree(folder)
    with pytest.raises(UserError, match="train again with la-pipes train"):
        scored(trees, marts)
    for expected in (False, True):
        again = train(
            warehouse,
            read_features(ROOT, MAINS),
            model="gradient_boosting",
            progress=marts.progress,
            folder=folder,
        )
        assert (again.run_id, again.skipped) == (run.run_id, expected)
    assert scored(trees, marts).expected_breaks == pytest.approx(before)
    assert warehouse.scalar(rows) == metrics

from typing import get_args

import pytest
import yaml

from cities import ROOT
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.candidates.base import DesignModel
from la_pipeline_failure_predict.model.features import FEATURES_FILE, Reader, read_features
from la_pipeline_failure_predict.model.grains import AREAS, MAINS
from la_pipeline_failure_predict.model.terms_macro import render_terms


@pytest.fixture
def declare(tmp_path):
    """Write the project's YAML of the features with one column's, or combination's, changed."""

    def write(name, settings):
        content = yaml.safe_load((ROOT / FEATURES_FILE).read_text())
        mart = content["models"][0]
        if "*" in name or "/" in name:
            mart["config"]["meta"]["combinations"][name] = settings
        else:
            column = next(item for item in mart["columns"] if item["name"] == name)
            column["config"] = {"meta": {"feature": settings}}
        file = tmp_path / FEATURES_FILE
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(content))
        return tmp_path

    return write


def test_a_feature_enters_the_models_that_its_yaml_names(declare):
    root = declare(
        "pressure_zone",
        {"transform": "indicator", "reason": "zone", "enters": ["poisson_glm", "weibull"]},
    )
    features = read_features(root, MAINS)
    assert "pressure_zone" in features.design("poisson_glm").levels
    assert "pressure_zone" in features.design("weibull").levels
    assert "pressure_zone" not in features.design("empirical_bayes").levels
    assert "{'feature': 'pressure_zone', 'transform': 'indicator'" in render_terms(features)


def test_trees_get_the_sign_of_the_yaml(declare):
    settings = {
        "transform": "log",
        "reason": "diameter",
        "monotone": "decreasing",
        "enters": ["gradient_boosting"],
    }
    design = read_features(declare("diameter_mm", settings), MAINS).design("gradient_boosting")
    signs = {item.feature: item.sign for item in design.numbers}
    assert (signs["diameter_mm"], signs["age_years"], signs["length_m"]) == (-1, 1, 0)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("length_m", None, r"fct_pipe_features\.length_m: .*give either excluded"),
        ("length_m", {"transfrom": "log"}, r"length_m: config\.meta\.feature\.transfrom is not"),
        ("length_m", {"transform": "sqrt"}, r"length_m: config\.meta\.feature\.transform is not"),
        (
            "length_m",
            {"transform": "log", "reason": "length", "enters": ["glm"]},
            r"length_m: config\.meta\.feature\.enters\.0 is not",
        ),
        ("length_m", {"transform": "log", "enters": ["weibull"]}, "name the reason"),
        ("length_m", {"excluded": "why", "enters": ["weibull"]}, "an excluded column cannot enter"),
        ("road_class", {"transform": "indicator", "monotone": "increasing"}, "no order"),
        ("length_m/depth_m", {"transform": "log"}, "the mart has no column depth_m"),
    ],
)
def test_a_wrong_declaration_is_refused(declare, name, settings, message):
    with pytest.raises(UserError, match=message):
        read_features(declare(name, settings), MAINS)


def test_a_combination_of_what_is_excluded_is_refused():
    features = read_features(ROOT, MAINS)
    for column in ("breaks_next_12m", "is_label_complete", "area_id"):
        reason = features.declared[column].excluded
        assert reason
        with pytest.raises(UserError, match=f"{column} may not be a feature.*: {reason}"):
            features.check([f"length_m/{column}"])
    with pytest.raises(UserError, match="break_count may not be a feature of the area_month model"):
        read_features(ROOT, AREAS).check(["break_count"])


def test_every_model_of_a_design_can_be_entered():
    named = {
        kind.name
        for grain in (MAINS, AREAS)
        for kind in grain.models.values()
        if issubclass(kind, DesignModel)
    }
    assert named == set(get_args(Reader))

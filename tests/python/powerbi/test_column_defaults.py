"""How a column appears in Power BI follows from its name; YAML says only what does not."""

import pytest
import yaml

from cities import ROOT
from la_pipeline_failure_predict.powerbi.column_defaults import (
    default_format,
    default_sort,
    friendly_name,
    is_hidden_by_name,
)


@pytest.mark.parametrize(
    ("name", "data_type", "shown"),
    [
        ("length_m", "double precision", "Length (m)"),
        ("pipe_count", "integer", "Main Count"),
        ("joint_name", "text", "Joint"),
    ],
)
def test_a_column_is_named_for_readers(name: str, data_type: str, shown: str) -> None:
    assert friendly_name({"name": name, "data_type": data_type, "config": {}}) == shown


def test_names_are_ordered_by_their_order_where_there_is_one() -> None:
    assert default_sort("joint_name", ["joint_name", "joint_sort"]) == "joint_sort"
    assert default_sort("joint_name", ["joint_name"]) is None
    assert default_sort("joint_code", ["joint_code", "joint_sort"]) is None


def test_yaml_does_not_repeat_what_follows_from_a_name() -> None:
    """Repeated, it would stay behind when the rule or the column's name changes."""
    file = ROOT / "models" / "marts" / "powerbi" / "_powerbi__models.yml"
    repeated = []
    for model in yaml.safe_load(file.read_text(encoding="utf-8"))["models"]:
        names = [column["name"] for column in model["columns"]]
        for column in model["columns"]:
            given = column.get("config", {}).get("meta", {}).get("powerbi", {})
            column = {"config": {}} | column
            follows = {
                "name": friendly_name(column),
                "format": default_format(column),
                "sort_by": default_sort(column["name"], names),
                "hidden": is_hidden_by_name(column["name"]) or None,
            }
            repeated += [
                f"{model['name']}.{column['name']}: {setting}"
                for setting, value in given.items()
                if value == follows.get(setting)
            ]
    assert not repeated

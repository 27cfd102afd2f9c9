"""A catalog of dbt is compared with the views by types, however an engine spells them."""

import pytest

from la_pipeline_failure_predict.dbt_manifest import Model
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.catalog import check_catalog
from la_pipeline_failure_predict.powerbi.specification import Specification


def check(declared: str, found: str) -> None:
    """Check a view of one column against a catalog."""
    columns = ({"name": "value", "data_type": declared},)
    model = Model("pbi_v", "powerbi", "v", "view", "", "", {}, True, columns, ())
    node = {
        "metadata": {"schema": "powerbi", "name": "v"},
        "columns": {"VALUE": {"type": found}},
    }
    check_catalog(Specification({"v": model}, {}, {}), {"model.la.pbi_v": node})


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        ("text", "VARCHAR"),
        ("text", "character varying"),
        ("integer", "int4"),
        ("bigint", "int8"),
        ("double precision", "DOUBLE"),
        ("double precision", "float8"),
        ("boolean", "bool"),
        ("date", "DATE"),
        ("timestamp", "timestamp without time zone"),
    ],
)
def test_a_type_has_several_names(declared: str, found: str) -> None:
    """A build that refused one of them would fail on that engine alone."""
    check(declared, found)


def test_another_type_is_stale() -> None:
    """Power BI would import the column with the type of the day before."""
    with pytest.raises(UserError, match=r"pbi_v\.value is bigint there and integer in its YAML"):
        check("integer", "INT8")

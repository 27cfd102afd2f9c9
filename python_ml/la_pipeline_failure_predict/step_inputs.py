"""What a step of `la-pipes run` worked on, so that the next run knows what changed since."""

import hashlib
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from la_pipeline_failure_predict.warehouse import Warehouse

# What the models and the links read of a load: its rows follow from its identifier.
LOADS = """
select
    table_name,
    load_id,
    rows_loaded,
    extent,
    part,
    cast(delivered_at as text) as delivered_at,
    cast(loaded_at as text) as loaded_at
from raw.loads
order by 1, 2
"""


class StepInputs(BaseModel):
    """What a step worked on.

    Attributes
    ----------
    code
        Digest of the code and settings that make its result of its rows.
    loads
        Landing table -> digest of its loads.
    rows
        Digest of other rows that it reads, such as scores.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    loads: Mapping[str, str]
    rows: str = ""

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Read what `raw.steps` keeps; None for nothing, or for what another version wrote."""
        try:
            return None if text is None else cls.model_validate_json(text)
        except ValidationError:
            return None

    def changed_since(self, last: Self | None) -> frozenset[str] | None:
        """Return the landing tables whose loads changed; None if more than rows changed."""
        if last is None or last.code != self.code:
            return None
        tables = self.loads.keys() | last.loads.keys()
        return frozenset(name for name in tables if self.loads.get(name) != last.loads.get(name))


def digest_loads(warehouse: Warehouse) -> dict[str, str]:
    """Return a digest of the loads of each landing table that has any."""
    loads: dict[str, list[str]] = {}
    for row in warehouse.query(LOADS).to_pylist():
        loads.setdefault(row["table_name"], []).append(str(row))
    return {name: combine(*rows) for name, rows in loads.items()}


def combine(*parts: str) -> str:
    """Return a digest of texts, in this order."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

"""The true hazard of a synthetic network: what the best possible ranking would catch."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.data import Frame, day_of, entity_numbers
from la_pipeline_failure_predict.model.metrics import Doubles

ORACLE = "true_hazard"
COLUMNS = ("pipe_id", "year", "expected_breaks")
# With fewer mains of an origin than this, the file belongs to another network.
LEAST_KNOWN_SHARE = 0.99
FIX = "name the true_hazard.parquet that la-pipes sample wrote beside the delivery that is loaded"


@dataclass(frozen=True)
class Oracle:
    """Expected breaks of each main and year of a synthetic network, as they were drawn from.

    Attributes
    ----------
    path
        The file, for messages.
    digest
        SHA-256 of the file.
    hazard
        Expected breaks per year, by (`entity`, `year`).
    """

    path: Path
    digest: str
    hazard: pd.Series

    def expected(self, frame: Frame) -> Doubles:
        """Return the true expected breaks of the rows of one origin, shape (rows,).

        Raises
        ------
        UserError
            If the file lacks the year, or knows too few of the mains.
        """
        day = day_of(frame.period[0])
        if (day.month, day.day) != (1, 1) or (frame.period != frame.period[0]).any():
            raise UserError(
                f"{self.path} is by calendar year, but the origin {day} is not: leave out --truth "
                "for this configuration."
            )
        keys = pd.MultiIndex.from_arrays([frame.entity, np.full(frame.rows, day.year)])
        found = self.hazard.reindex(keys).to_numpy()
        known = np.count_nonzero(~np.isnan(found))
        if known < LEAST_KNOWN_SHARE * frame.rows:
            raise UserError(
                f"{self.path} has the hazard in {day.year} of {known:,} of {frame.rows:,} mains: "
                f"{FIX}."
            )
        # Mains that the network no longer has do not break.
        hazard: Doubles = np.nan_to_num(found)
        return hazard


def read_oracle(path: Path) -> Oracle:
    """Read the true hazard that `la-pipes sample` writes, one row per main and year.

    Raises
    ------
    UserError
        If the file is missing, is no Parquet file, lacks a column, holds something other than
        a number from 0 on, or has a main and year twice.
    """
    if not path.is_file():
        raise UserError(f"No file {path}: {FIX}.")
    try:
        found = pq.read_table(path)
        missing = [name for name in COLUMNS if name not in found.column_names]
        if missing:
            raise UserError(f"{path} has no column {', '.join(missing)}: {FIX}.")
        year = found["year"].cast(pa.int32()).to_numpy()
        hazard = found["expected_breaks"].cast(pa.float64()).to_numpy()
        entity = entity_numbers(found["pipe_id"])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise UserError(f"{path} cannot be read as a true hazard: {FIX}.") from error
    if not np.isfinite(hazard).all() or (hazard < 0).any():
        raise UserError(f"{path} has expected breaks that are not numbers of 0 or more: {FIX}.")
    index = pd.MultiIndex.from_arrays([entity, year])
    if index.has_duplicates:
        raise UserError(f"{path} lists a main and year twice: {FIX}.")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Oracle(path, digest, pd.Series(hazard, index=index))

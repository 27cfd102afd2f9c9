"""Square blocks of the network, held out whole: the second report."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from la_pipeline_failure_predict.model.backtest_config import SpatialConfig
from la_pipeline_failure_predict.model.data import Frame, entity_numbers
from la_pipeline_failure_predict.warehouse.base import Warehouse


@dataclass(frozen=True)
class Blocks:
    """Which fold each main belongs to.

    Attributes
    ----------
    entity
        Numbers of the mains that have a location, sorted, shape (mains,).
    fold
        From 0 on, shape (mains,).
    blocks
        Number of blocks.
    """

    entity: NDArray[np.uint64]
    fold: NDArray[np.int64]
    blocks: int

    def fold_of(self, frame: Frame) -> NDArray[np.int64]:
        """Return the fold of each row; -1 for mains without a location, shape (rows,)."""
        place = np.minimum(np.searchsorted(self.entity, frame.entity), self.entity.size - 1)
        return np.where(self.entity[place] == frame.entity, self.fold[place], -1)


def read_blocks(warehouse: Warehouse, config: SpatialConfig, seed: int) -> Blocks | None:
    """Put the mains into square blocks and the blocks into folds at random.

    Returns
    -------
    Blocks or None
        None where mains have no location, or fewer blocks than folds are there.
    """
    if not warehouse.has_table("core", "dim_pipes"):
        return None
    sql = "select pipe_id, x_m, y_m from core.dim_pipes where x_m is not null and y_m is not null"
    found = warehouse.query(sql)
    if not found.num_rows:
        return None
    numbers = entity_numbers(found.column("pipe_id").combine_chunks())
    cells = np.column_stack(
        [
            np.floor(found.column(name).to_numpy() / config.block_m).astype(np.int64)
            for name in ("x_m", "y_m")
        ]
    )
    blocks, block = np.unique(cells, axis=0, return_inverse=True)
    if len(blocks) < config.folds:
        return None
    shuffled = np.random.default_rng(seed).permutation(len(blocks)) % config.folds
    order = np.argsort(numbers)
    return Blocks(numbers[order], shuffled[block.ravel()][order], len(blocks))

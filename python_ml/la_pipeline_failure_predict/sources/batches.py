"""Write Arrow batches into a scratch table of text, one after the other."""

from collections.abc import Iterable

import pyarrow as pa

from la_pipeline_failure_predict.sources.csv_rows import ROW_NUMBER, distinct_names
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.base import quote


def append_batches(scratch: Scratch, relation: str, batches: Iterable[pa.Table]) -> None:
    """Create a scratch table of text columns and `_row_number` from batches of any types.

    Each batch may have columns of its own.
    """
    scratch.drop(relation)
    scratch.execute(f"create table {relation} ({ROW_NUMBER} bigint)")
    given: list[str] = []
    first = 1
    for batch in batches:
        new = [name for name in batch.column_names if name not in given]
        given += new
        scratch.make_room(len(given))
        names = dict(zip(given, distinct_names(given), strict=True))
        for name in new:
            scratch.execute(f"alter table {relation} add column {quote(names[name])} varchar")
        texts = ", ".join(
            f"cast({quote(name)} as varchar) as {quote(names[name])}" for name in batch.column_names
        )
        numbers = pa.array(range(first, first + batch.num_rows), pa.int64())
        scratch.register("batch_rows", batch.append_column(ROW_NUMBER, numbers))
        scratch.execute(
            f"insert into {relation} by name select {ROW_NUMBER}, {texts} from batch_rows"
        )
        first += batch.num_rows

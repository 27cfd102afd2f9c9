"""Read a feature mart in Arrow batches into compact columns."""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from la_pipeline_failure_predict.model.attributes import with_attributes
from la_pipeline_failure_predict.warehouse.base import Warehouse, quote

EPOCH = date(1970, 1, 1)
GrainName = Literal["pipe", "area_month"]


@dataclass(frozen=True)
class Mart:
    """A feature mart as the model step sees it.

    Attributes
    ----------
    entity, period
        The columns of its grain.
    months
        Length of the label's period, from the day in `period` on.
    exposure_unit
        The offset is the exposure column over this number: 1000 turns meters into kilometers.
    """

    schema: str
    name: str
    entity: str
    period: str
    label: str
    months: int
    exposure: str
    exposure_unit: float

    @property
    def full_name(self) -> str:
        """Quoted name with its schema."""
        return f"{quote(self.schema)}.{quote(self.name)}"

    def rows(self, columns: Iterable[str], levels: Iterable[str]) -> str:
        """Return SQL of its rows, with the attributes that are among some columns."""
        return with_attributes(self.full_name, self.entity, self.period, columns, levels)

    @property
    def usable(self) -> str:
        """SQL condition of rows that can be trained on: a complete label and an exposure."""
        return f"is_label_complete and {self.label} is not null and {self.exposure} > 0"

    def label_end(self, period: date) -> date:
        """Return the day on which the label of a period ends: the first day after it."""
        return add_months(period, self.months)


PIPES = Mart(
    schema="features",
    name="fct_pipe_features",
    entity="pipe_id",
    period="as_of_date",
    label="breaks_next_12m",
    months=12,
    exposure="length_m",
    exposure_unit=1000.0,
)
AREA_MONTHS = Mart(
    schema="features",
    name="fct_area_month_features",
    entity="area_id",
    period="month_on",
    label="break_count",
    months=1,
    exposure="exposure",
    exposure_unit=1.0,
)


@dataclass(frozen=True)
class Factor:
    """A column of levels: ``names[codes]``, and code -1 for null."""

    codes: NDArray[np.int32]
    names: tuple[str, ...]

    def code(self, name: str) -> int:
        """Return the code of a level, or -2 when no row has it."""
        try:
            return self.names.index(name)
        except ValueError:
            return -2

    def joined(self, other: "Factor") -> "Factor":
        """Return the combination of two columns, ``a*b``; null where either is null."""
        width = np.int32(len(other.names))
        codes = np.where(
            (self.codes < 0) | (other.codes < 0), np.int32(-1), self.codes * width + other.codes
        )
        return Factor(codes, tuple(f"{a}*{b}" for a in self.names for b in other.names))


@dataclass
class Frame:
    """Rows of a mart as columns.

    Attributes
    ----------
    period
        Day of each row, days since 1970, shape (rows,).
    numbers
        Numeric columns, NaN for null, shape (rows,): single precision for counts, which it holds
        exactly, double for measurements.
    factors
        Columns of levels.
    weight
        How many rows of the mart each row stands for, shape (rows,): 0 for rows that are only
        there to be scored, more than 1 for sampled ones.
    entity
        A number for each main or area, the same in every period, shape (rows,); empty where it was
        not asked for.
    """

    period: NDArray[np.int32]
    numbers: dict[str, NDArray[np.floating]]
    factors: dict[str, Factor]
    weight: NDArray[np.float32]
    entity: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.period.size

    def take(self, positions: NDArray[np.intp]) -> "Frame":
        """Return some of the rows."""
        return Frame(
            period=self.period[positions],
            numbers={name: values[positions] for name, values in self.numbers.items()},
            factors={
                name: Factor(factor.codes[positions], factor.names)
                for name, factor in self.factors.items()
            },
            weight=self.weight[positions],
            entity=self.entity[positions] if self.entity.size else self.entity,
        )

    def only(self, numbers: Iterable[str]) -> "Frame":
        """Return the frame with some of its numeric columns."""
        return Frame(self.period, {name: self.numbers[name] for name in numbers}, {}, self.weight)

    def factor(self, feature: str) -> Factor:
        """Return the levels of a feature, ``a`` or the combination ``a*b``."""
        if feature not in self.factors:
            first, *others = columns_of(feature)
            joined = self.factors[first]
            for column in others:
                joined = joined.joined(self.factors[column])
            self.factors[feature] = joined
        return self.factors[feature]

    def number(self, feature: str) -> NDArray[np.float64]:
        """Return a numeric feature, ``a`` or the ratio ``a/b``, NaN for null, shape (rows,)."""
        values = [self.numbers[column].astype(np.float64) for column in columns_of(feature)]
        if len(values) == 1:
            return values[0]
        above, below = values
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio: NDArray[np.float64] = np.where(below > 0, above / below, np.nan)
        return ratio


@dataclass(frozen=True)
class Sampling:
    """Keep every row with a break and a share of the others, whose weight restores the rate.

    Whether a row is kept depends on its key and the seed alone, never on the order of the rows.

    Attributes
    ----------
    share
        Share of the rows without a break that is kept; 1 keeps all.
    whole_from
        Rows of this day or later stay in the frame even when they are not sampled, with weight 0.
    """

    share: float = 1.0
    seed: int = 0
    whole_from: date | None = None


def read_frame(
    warehouse: Warehouse,
    mart: Mart,
    numbers: Sequence[str],
    levels: Sequence[str],
    where: str,
    *,
    sampling: Sampling | None = None,
    with_entity: bool = False,
    batch_rows: int = 200_000,
) -> Frame:
    """Read rows of a mart.

    Parameters
    ----------
    numbers, levels
        Columns to read as numbers and as levels.
    where
        SQL condition.
    sampling
        How to thin rows without a break; None reads every row with weight 1.
    with_entity
        Whether the frame tells which rows are of the same main or area.
    """
    thin = sampling is not None and sampling.share < 1
    keys = (mart.entity,) if thin or with_entity else ()
    wanted = tuple(dict.fromkeys((mart.period, *keys, *numbers, *levels)))
    sql = select(mart, wanted, levels, where)
    builder = _Builder(mart, numbers, levels, with_entity)
    for batch in warehouse.stream(sql, batch_rows=batch_rows):
        if thin and sampling is not None:
            keep, weight = _thin(batch, mart, sampling)
            builder.add(batch.filter(pa.array(keep)), weight[keep])
        else:
            builder.add(batch, np.ones(batch.num_rows, np.float32))
    return builder.frame()


def frame_of(
    batch: pa.RecordBatch, mart: Mart, numbers: Sequence[str], levels: Sequence[str]
) -> Frame:
    """Return one Arrow batch as a frame."""
    builder = _Builder(mart, numbers, levels)
    builder.add(batch, np.ones(batch.num_rows, np.float32))
    return builder.frame()


def columns_of(feature: str) -> tuple[str, ...]:
    """Return the columns of the mart that a feature is made of."""
    return tuple(feature.replace("/", "*").split("*"))


def select(mart: Mart, columns: Sequence[str], levels: Iterable[str], where: str) -> str:
    """Return a query of columns of a mart, and of attributes of its mains.

    Parameters
    ----------
    levels
        Which of the columns are read as levels.
    """
    listed = ", ".join(quote(column) for column in columns)
    return f"select {listed} from {mart.rows(columns, levels)} where {where}"


def sql_date(day: date) -> str:
    """Return a date literal, because Postgres does not stream large reads with parameters."""
    return f"date '{day.isoformat()}'"


def add_months(day: date, months: int) -> date:
    """Return a day moved by whole months; at most the last day of the month, as SQL does."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def day_number(day: date) -> int:
    """Return the days since 1970."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """Return the day of a number of days since 1970."""
    return EPOCH + timedelta(days=int(number))


class _Builder:
    """Collect batches, then join each column."""

    def __init__(
        self,
        mart: Mart,
        numbers: Sequence[str],
        levels: Sequence[str],
        with_entity: bool = False,
    ) -> None:
        self.period_name = mart.period
        self.entity_name = mart.entity if with_entity else None
        self.entity: list[NDArray[np.uint64]] = []
        self.period: list[NDArray[np.int32]] = []
        self.weight: list[NDArray[np.float32]] = []
        self.numbers: dict[str, list[NDArray[np.floating]]] = {name: [] for name in numbers}
        self.codes: dict[str, list[NDArray[np.int32]]] = {name: [] for name in levels}
        self.names: dict[str, dict[str, int]] = {name: {} for name in levels}

    def add(self, batch: pa.RecordBatch, weight: NDArray[np.float32]) -> None:
        period = batch.column(self.period_name).cast(pa.date32()).cast(pa.int32())
        self.period.append(_own(period))
        self.weight.append(weight)
        if self.entity_name:
            self.entity.append(entity_numbers(batch.column(self.entity_name)))
        for name, parts in self.numbers.items():
            parts.append(_numeric(batch.column(name)))
        for name, codes in self.codes.items():
            codes.append(_codes(batch.column(name), self.names[name]))

    def frame(self) -> Frame:
        return Frame(
            period=_joined(self.period, np.int32),
            numbers={name: _joined(parts, np.float64) for name, parts in self.numbers.items()},
            factors={
                name: Factor(_joined(codes, np.int32), tuple(self.names[name]))
                for name, codes in self.codes.items()
            },
            weight=_joined(self.weight, np.float32),
            entity=_joined(self.entity, np.uint64),
        )


def _joined(parts: list, empty_dtype: type) -> NDArray:
    joined = np.concatenate(parts) if parts else np.empty(0, empty_dtype)
    # So that only one column is held twice at a time.
    parts.clear()
    return joined


def _numeric(column: pa.Array) -> NDArray[np.floating]:
    counts = pa.types.is_integer(column.type)
    values = column.cast(pa.float32() if counts else pa.float64(), safe=False)
    return _own(values)


def _own(values: pa.Array) -> NDArray:
    # A copy, because a view would keep the whole batch, with its text, in memory.
    return np.array(values.to_numpy(zero_copy_only=False))


def _codes(column: pa.Array, known: dict[str, int]) -> NDArray[np.int32]:
    encoded = column.cast(pa.string()).dictionary_encode()
    # The last entry is for code -1, null.
    codes = [known.setdefault(name, len(known)) for name in encoded.dictionary.to_pylist()] + [-1]
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.asarray(codes, dtype=np.int32)[indices]


def _thin(
    batch: pa.RecordBatch, mart: Mart, sampling: Sampling
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return which rows stay in the frame, and the weight of every row."""
    label = batch.column(mart.label).to_numpy(zero_copy_only=False)
    days = batch.column(mart.period).cast(pa.date32()).cast(pa.int32()).to_numpy()
    drawn = _uniform(batch.column(mart.entity), days, sampling.seed) < sampling.share
    weight = np.where(label > 0, 1.0, np.where(drawn, 1 / sampling.share, 0.0)).astype(np.float32)
    keep = weight > 0
    if sampling.whole_from is not None:
        keep |= days >= day_number(sampling.whole_from)
    return keep, weight


def _uniform(keys: pa.Array, days: NDArray[np.int32], seed: int) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each key and day, the same on every run and engine."""
    return uniform(entity_numbers(keys) ^ spread(days.astype(np.uint64) + np.uint64(seed)))


def spread(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return numbers far apart for numbers close by."""
    return numbers * np.uint64(0x9E3779B97F4A7C15)


def uniform(mixed: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each, shape (rows,).

    The mixing steps are those of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable
    pseudorandom number generators").
    """
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def entity_numbers(keys: pa.Array) -> NDArray[np.uint64]:
    """Return a number for each key, the same on every run and engine, shape (rows,)."""
    names = keys.cast(pa.string()).to_numpy(zero_copy_only=False)
    return pd.util.hash_array(names, categorize=False).astype(np.uint64)

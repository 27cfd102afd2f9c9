"""Check delivered rows against their table's rules; set aside those that break a hard one.

Works in the scratch database, one pass over all rows to find the bad ones, then a look at those
alone to say what is wrong with each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.sources.csv_rows import MALFORMED, ROW_NUMBER
from la_pipeline_failure_predict.sources.shapes import is_outside_degrees
from la_pipeline_failure_predict.spatial.geometry import (
    MOST_CROSSINGS,
    crosses_too_often,
    read_wkt,
)
from la_pipeline_failure_predict.tables import Rule, Table
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.base import quote, sql_text

MISFIT = "_misfit"
"""Column of the typed rows: whether the row's shape or the kind of a value is wrong."""
SHOWN_CHARACTERS = 1000
"""Of a refused value; the whole row is kept beside it."""
SHAPES_AT_ONCE = 20_000
SAYS_SOMETHING = r"[^\s\v\x{a0}\x{2007}\x{202f}\x{3000}]"
"""A character that is no kind of space."""


def holds_text(sql: str) -> str:
    """Return SQL that holds where a text says something."""
    return f"coalesce(regexp_matches({sql}, {sql_text(SAYS_SOMETHING)}), false)"


@dataclass(frozen=True)
class DeliveredText:
    """The delivered text of a column.

    Attributes
    ----------
    sql
        SQL of the text, over the delivered rows.
    kind
        What it must be, in words; None where any text will do.
    never
        SQL of a character that no value holds, though SQL would read it; empty where there is none.
    fix
        SQL of what would make a value of the wrong kind readable; may be an empty text.
    """

    sql: str
    kind: str | None
    never: str
    fix: str

    @property
    def is_given(self) -> str:
        """SQL that holds where there is a text."""
        return holds_text(self.sql)


@dataclass(frozen=True)
class Misfits:
    """How to tell rows that could not be typed.

    Attributes
    ----------
    given
        What it takes of the delivered rows: name -> SQL.
    condition
        SQL over typed values and those that holds where a row is a misfit.
    """

    given: Mapping[str, str]
    condition: str


@dataclass(frozen=True)
class Checked:
    """Scratch tables of accepted rows and of faults, with their counts, and what is suspect."""

    accepted: str
    refused: str
    rows_in_file: int
    rows_accepted: int
    rows_refused: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Fault:
    """A way in which a row can be bad.

    `reason` and `condition` are SQL over the typed rows, `typed`, and the delivered ones,
    `delivered`.
    """

    column: str
    rule: str
    reason: str
    condition: str


def find_misfits(scratch: Scratch, delivered: str, texts: Mapping[str, DeliveredText]) -> Misfits:
    """Return how to tell rows of a wrong shape, values of a wrong kind and NUL characters."""
    given, conditions = {}, []
    forbidding: dict[str, list[str]] = {}
    if _is_ragged(scratch, delivered):
        given["_is_ragged"] = f"delivered.{MALFORMED} is not null"
        conditions.append("_is_ragged")
    for name, text in texts.items():
        column = quote(name)
        if text.kind is not None:
            # A case looks at few of the texts, where `and` would look at all.
            is_given = holds_text(quote(f"?{name}"))
            conditions.append(f"case when {column} is null then {is_given} else false end")
            column = quote(f"?{name}")
            given[column] = text.sql
        if text.never:
            forbidding.setdefault(text.never, []).append(column)
    for never, columns in forbidding.items():
        # All in one text: looking through one is faster than through many.
        conditions.append(f"contains(concat('', {', '.join(columns)}), {never})")
    return Misfits(given, " or ".join(conditions))


def _is_ragged(scratch: Scratch, delivered: str) -> bool:
    columns = scratch.query(f"describe {delivered}").column("column_name").to_pylist()
    return MALFORMED in columns


def check_rows(
    scratch: Scratch,
    table: Table,
    delivered: str,
    typed: str,
    texts: Mapping[str, DeliveredText],
    taken: str | None = None,
) -> Checked:
    """Split typed rows into accepted and refused ones.

    Parameters
    ----------
    delivered, typed
        Scratch tables of the same rows, as text and in the contract's types, by `_row_number`.
    texts
        Delivered text of each column that the delivery fills.
    taken
        Scratch table of the rest of the delivery, whose keys count as used already; None when all
        of it is here, and then it is judged as a whole too.

    Raises
    ------
    UserError
        If the delivery as a whole breaks an error-level rule.
    """
    checks = _Checks(scratch, table, delivered, typed, texts)
    checks.find()
    checks.find_repeated(taken)
    return checks.split(is_whole=taken is None)


class _Checks:
    def __init__(
        self,
        scratch: Scratch,
        table: Table,
        delivered: str,
        typed: str,
        texts: Mapping[str, DeliveredText],
    ) -> None:
        self.scratch, self.table, self.texts = scratch, table, texts
        self.delivered, self.typed = delivered, typed
        lineage = {column.name for column in table.columns if column.is_lineage}
        self.rules = tuple(rule for rule in table.rules if rule.column not in lineage)
        self.accepted, self.refused = f"{table.name}_accepted", f"{table.name}_refused"
        self.crossing: dict[str, pa.Array] = {}
        scratch.execute(
            f"create or replace table {self.refused} (_row_number bigint, column_name varchar, "
            "value varchar, rule varchar, reason varchar, row_json varchar)"
        )

    def find(self) -> None:
        """Write down the faults that a row shows by itself."""
        faults = [*self._shape_faults(), *self._column_faults(), *self._row_faults()]
        flags = "".join(f" or {quote('!' + rule.name)}" for rule in self._flagging())
        self.scratch.execute(
            f"create or replace table bad_numbers as select _row_number from {self._flagged()} "
            f"where coalesce({MISFIT}{flags}, false)"
        )
        if self.scratch.scalar("select count(*) from bad_numbers"):
            self._gather_bad_rows()
            for fault in faults:
                self._note(fault)
        for rule in self._rules("wkt"):
            for reason, numbers in self._judge_shapes(rule).items():
                self._note_numbers(rule, reason, numbers)

    def find_repeated(self, taken: str | None) -> None:
        """Write down rows whose key an earlier good row of the same delivery has."""
        for rule in self._rules("repeated"):
            columns = [name for name in rule.columns if self._is_delivered(name)]
            if not columns or not all(name in self.texts for name in columns):
                continue
            keys = ", ".join(map(quote, columns))
            good = f"select * from {self.typed} where _row_number not in (select _row_number "
            good += f"from {self.refused})"
            repeated = (
                f"select _row_number from ({good}) qualify row_number() over "
                f"(partition by {keys} order by _row_number) > 1"
            )
            if taken is not None:
                repeated += (
                    f" union select _row_number from ({good}) semi join {taken} using ({keys})"
                )
            numbers = self.scratch.query(repeated).column(0)
            self._note_numbers(rule, rule.reason, numbers.combine_chunks(), columns[0])

    def split(self, is_whole: bool) -> Checked:
        """Keep the good rows, count them, and judge a whole delivery as one."""
        scratch = self.scratch
        if scratch.scalar(f"select count(*) from {self.refused}"):
            scratch.execute(
                f"create or replace table {self.accepted} as "
                f"select * exclude ({MISFIT}) from {self.typed} "
                f"where _row_number not in (select _row_number from {self.refused})"
            )
        else:
            scratch.execute(
                f"create or replace view {self.accepted} as "
                f"select * exclude ({MISFIT}) from {self.typed}"
            )
        counts = scratch.query(
            f"select (select count(*) from {self.delivered}), "
            f"(select count(*) from {self.accepted}), "
            f"(select count(distinct _row_number) from {self.refused})"
        )
        given, kept, refused = (column[0].as_py() for column in counts.columns)
        warnings = tuple(self._warnings(kept)) if is_whole else ()
        return Checked(self.accepted, self.refused, given, kept, refused, warnings)

    def _shape_faults(self) -> Iterator[_Fault]:
        if _is_ragged(self.scratch, self.delivered):
            malformed = f"delivered.{MALFORMED}"
            yield _Fault("", "shape", malformed, f"{malformed} is not null")

    def _column_faults(self) -> Iterator[_Fault]:
        """Yield, for each column, text of the wrong kind, then the contract's hard rules."""
        for column in self.table.delivered:
            text, typed = self.texts.get(column.name), f"typed.{quote(column.name)}"
            if text is not None:
                reason = sql_text(f"{column.name} contains a NUL character: remove it")
                condition = f"contains({typed}, {text.never})"
                if text.kind:
                    wrong = sql_text(f"{column.name} is not {text.kind}")
                    reason = f"concat_ws('; ', {wrong}, nullif({text.fix}, ''))"
                    condition = f"{typed} is null and {text.is_given}"
                    if text.never:
                        condition += f" or contains({text.sql}, {text.never})"
                yield _Fault(column.name, "type", reason, condition)
            for rule in self._flagging():
                if rule.column != column.name:
                    continue
                flag = f"typed.{quote('!' + rule.name)}"
                if rule.kind == "required" and text is not None:
                    flag += f" and not ({text.is_given})"
                yield _Fault(column.name, rule.kind, sql_text(rule.reason), flag)

    def _row_faults(self) -> Iterator[_Fault]:
        for rule in self._flagging():
            if rule.column is None:
                flag = f"typed.{quote('!' + rule.name)}"
                yield _Fault("", rule.name, sql_text(rule.reason), flag)

    def _flagging(self) -> Iterator[Rule]:
        """Yield the hard rules that a row can break by itself and SQL can judge."""
        for rule in self.rules:
            if rule.is_hard and rule.condition:
                is_required = rule.kind == "required"
                if is_required or rule.column is None or rule.column in self.texts:
                    yield rule

    def _flagged(self) -> str:
        """Return the typed rows with a column per rule that says whether the row breaks it.

        Rules are written over bare column names, which the delivery's headers may share.
        """
        flags = "".join(
            f", {rule.condition} as {quote('!' + rule.name)}" for rule in self._flagging()
        )
        return f"(select *{flags} from {self.typed})"

    def _rules(self, kind: str) -> Iterator[Rule]:
        return (rule for rule in self.rules if rule.kind == kind)

    def _gather_bad_rows(self) -> None:
        """Copy the rows numbered in `bad_numbers`, as delivered, typed and as JSON."""
        scratch, wanted = self.scratch, "where _row_number in (from bad_numbers)"
        scratch.execute(
            f"create or replace table bad_delivered as from {self.delivered} {wanted}; "
            f"create or replace table bad_typed as from {self._flagged()} {wanted}"
        )
        headers = scratch.query("describe bad_delivered").column("column_name").to_pylist()
        fields = ", ".join(
            f"{sql_text(name)}: {quote(name)}"
            for name in headers
            if name not in (ROW_NUMBER, MALFORMED)
        )
        scratch.execute(
            f"create or replace table bad_json as select _row_number, "
            f"cast(to_json({{{fields}}}) as varchar) as row_json from bad_delivered"
        )

    def _note(self, fault: _Fault) -> None:
        """Write down a fault of the bad rows in which it holds."""
        text = self.texts.get(fault.column)
        shown = f"left(replace({text.sql}, chr(0), '\\0'), {SHOWN_CHARACTERS})" if text else "null"
        self.scratch.execute(
            f"insert into {self.refused} select _row_number, {sql_text(fault.column)}, "
            f"{shown}, {sql_text(fault.rule)}, {fault.reason}, bad_json.row_json "
            "from bad_delivered as delivered inner join bad_typed as typed using (_row_number) "
            f"inner join bad_json using (_row_number) where coalesce({fault.condition}, false)"
        )

    def _note_numbers(
        self, rule: Rule, reason: str, numbers: pa.Array, column: str | None = None
    ) -> None:
        """Write down a fault of the rows with these numbers."""
        if not len(numbers):
            return
        self.scratch.register("given_numbers", pa.table({"_row_number": numbers}))
        self.scratch.execute("create or replace table bad_numbers as from given_numbers")
        self._gather_bad_rows()
        self._note(_Fault(column or str(rule.column), rule.kind, sql_text(reason), "true"))

    def _judge_shapes(self, rule: Rule) -> dict[str, pa.Array]:
        """Return reason -> numbers of the rows whose well-known text cannot be used for it.

        Remembers those whose polygons cross themselves, which are fixed where they are used.
        """
        name = str(rule.column)
        outside = (
            f"{name} is outside longitude -180 to 180 or latitude -90 to 90; name its system as "
        )
        outside += "crs in the mapping, or swap x and y"
        empty = f"{name} is an empty shape; leave the value out"
        tangled = f"{name} crosses itself more than {MOST_CROSSINGS:,} times; draw it again"
        found: dict[str, list[pa.Array]] = {
            rule.reason: [],
            empty: [],
            outside: [],
            tangled: [],
        }
        crossing = []
        rows = self.scratch.stream(
            f"select _row_number, {quote(name)} from {self.scratch.place(self.typed)} "
            f"where {quote(name)} is not null",
            batch_rows=SHAPES_AT_ONCE,
        )
        for batch in rows:
            numbers = batch.column(0)
            with np.errstate(invalid="ignore"):
                shapes = read_wkt(batch.column(1).to_pylist())
                crosses = np.isin(shapely.get_type_id(shapes), (3, 6)) & ~shapely.is_valid(shapes)
                is_tangled = crosses.copy()
                is_tangled[crosses] = [crosses_too_often(shape) for shape in shapes[crosses]]
                crossing.append(numbers.filter(pa.array(crosses & ~is_tangled)))
                judged = (
                    shapely.is_missing(shapes),
                    shapely.is_empty(shapes),
                    is_outside_degrees(shapes),
                    is_tangled,
                )
            for parts, bad in zip(found.values(), judged, strict=True):
                parts.append(numbers.filter(pa.array(bad)))
        self.crossing[name] = _joined(crossing)
        return {reason: _joined(parts) for reason, parts in found.items()}

    def _warnings(self, rows: int) -> Iterator[str]:
        """Yield a sentence for each broken rule that sets no row aside.

        Raises
        ------
        UserError
            If one of them refuses the delivery.
        """
        for rule, figure in self._figures(rows):
            if rule.bound.holds(figure):
                continue
            text = f"{rule.reason} ({_figure_text(rule, figure)}, must be {rule.bound})"
            if rule.refuses_delivery:
                raise UserError(f"{self.table.name}: {text}. Nothing was loaded.")
            yield text
        for name, numbers in self.crossing.items():
            if len(numbers):
                yield (
                    f"{name} crosses itself in {len(numbers):,} rows (the first is row "
                    f"{numbers[0]}); it is fixed where it is used."
                )

    def _figures(self, rows: int) -> Iterator[tuple[Rule, float | None]]:
        if not rows:
            return
        soft = [
            rule
            for rule in self.rules
            if rule.condition and not rule.is_hard and self._is_known(rule)
        ]
        if soft:
            counts = ", ".join(f"count(*) filter (where {rule.condition})" for rule in soft)
            values = self.scratch.query(f"select {counts} from {self.accepted}")
            for rule, count in zip(soft, values.to_pylist()[0].values(), strict=True):
                yield rule, 100 * count / rows if rule.is_share else count
        whole = list(self._rules("sql"))
        if whole:
            queries = (str(rule.query).replace("{table}", self.accepted) for rule in whole)
            values = self.scratch.query(f"select {', '.join(f'({query})' for query in queries)}")
            for rule, column in zip(whole, values.columns, strict=True):
                figure = column[0].as_py()
                yield rule, None if figure is None else float(figure)

    def _is_known(self, rule: Rule) -> bool:
        """Whether the delivery can break the rule: a column it lacks is no fault of its rows."""
        return rule.column is None or rule.column in self.texts

    def _is_delivered(self, name: str) -> bool:
        return any(column.name == name for column in self.table.delivered)


def _figure_text(rule: Rule, figure: float | None) -> str:
    if rule.condition is None:
        return f"{figure:.4g}"
    return f"{figure:.3g} % of the rows" if rule.is_share else f"{figure:,.0f} rows"


def _joined(parts: Sequence[pa.Array]) -> pa.Array:
    return pa.concat_arrays(parts) if parts else pa.array([], pa.int64())

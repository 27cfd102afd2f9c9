"""What a delivery is of: all of the mains or breaks, or some of them, and of which day.

The models decide which rows count (`int_loads__deliveries` and what reads it). Here the terms of a
delivery are settled at load, and what it changes is counted and told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Literal

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.warehouse import Warehouse

Extent = Literal["full", "partial"]

# An inventory is an extract of the whole; breaks mostly come by year or by month.
DEFAULT_EXTENTS: Mapping[str, Extent] = {"pipes": "full", "breaks": "partial"}
# As in the model int_loads__deliveries, over the landing tables, which exist before any model.
DELIVERIES = """
with readings as (
    select
        load_id,
        table_name,
        coalesce(extent, 'partial') as extent,
        coalesce(part, '') as part,
        coalesce(delivered_at, loaded_at) as delivered_at,
        record_from,
        record_until,
        row_number() over (
            order by coalesce(delivered_at, loaded_at), loaded_at, load_id desc
        ) as number,
        row_number() over (
            partition by table_name, file_sha256 order by loaded_at desc, load_id
        ) > 1 as is_read_again
    from raw.loads
    where table_name <> 'pipe_attributes'
),
replacing as (
    select
        readings.*,
        case when extent = 'full' and not is_read_again then number end as full_number,
        case when extent = 'full' and not is_read_again then delivered_at end as full_at
    from readings
),
deliveries as (
    select
        replacing.*,
        min(full_number) over later as next_full,
        cast(min(full_at) over later as date) as next_full_on
    from replacing
    window later as (
        partition by table_name, part order by number
        rows between 1 following and unbounded following
    )
)
"""
KEYS = {"pipes": "pipe_id", "breaks": "break_id"}


@dataclass(frozen=True)
class Vintage:
    """The terms of a delivery of mains or breaks, as far as someone has said them.

    Attributes
    ----------
    extent
        `full` where what an earlier delivery has and this one lacks is gone.
    part
        Part of the network that a full delivery is full of; empty for all of it.
    delivered_on
        Day whose state it shows.
    """

    extent: Extent | None = None
    part: str | None = None
    delivered_on: date | None = None

    def check(self, source_name: str) -> None:
        """Refuse terms that the source does not have.

        Raises
        ------
        UserError
            If terms are given for another source than mains and breaks, or the day is to come.
        """
        if self != UNSAID and source_name not in DEFAULT_EXTENTS:
            raise UserError(
                f"Only pipes and breaks are full or partial, have parts or a day of delivery: "
                f"leave extent, part and delivered_on out for {source_name}."
            )
        if self.delivered_on and self.delivered_on > datetime.now(UTC).date():
            raise UserError(
                f"The delivery's day {self.delivered_on} is in the future: give the day of the "
                "extract."
            )


UNSAID = Vintage()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def settle(
    warehouse: Warehouse,
    source_name: str,
    file_sha256: str,
    said: Vintage,
    by_mapping: Extent | None,
    loaded_at: datetime,
) -> dict[str, object]:
    """Return the terms that the record of a load holds; empty for a source that has none.

    What is said counts, then the mapping, then what an earlier reading of the same file was given:
    read with another mapping, an old extract does not become a new one.
    """
    if source_name not in DEFAULT_EXTENTS:
        return {}
    rows = warehouse.query(
        "select extent, part, delivered_at from raw.loads where source_name = $1 "
        "and file_sha256 = $2 and delivered_at is not null order by loaded_at desc limit 1",
        (source_name, file_sha256),
    ).to_pylist()
    unsaid = {"extent": DEFAULT_EXTENTS[source_name], "part": None, "delivered_at": loaded_at}
    earlier = rows[0] if rows else unsaid
    return {
        "extent": said.extent or by_mapping or earlier["extent"],
        "part": earlier["part"] if said.part is None else said.part or None,
        "delivered_at": (
            _midnight(said.delivered_on) if said.delivered_on else earlier["delivered_at"]
        ),
    }


def restate(warehouse: Warehouse, load_ids: list[str], vintage: Vintage) -> bool:
    """Give loads the terms that are said now; returns whether they were others before."""
    changes: dict[str, object] = {}
    if vintage.extent:
        changes["extent"] = vintage.extent
    if vintage.part is not None:
        changes["part"] = vintage.part or None
    if vintage.delivered_on:
        changes["delivered_at"] = _midnight(vintage.delivered_on)
    is_changed = False
    for load_id in load_ids:
        for column, value in changes.items():
            cast = "cast($2 as timestamp)" if column == "delivered_at" else "cast($2 as text)"
            if warehouse.scalar(
                f"select count(*) from raw.loads where load_id = $1 "
                f"and {column} is distinct from {cast}",
                (load_id, value),
            ):
                warehouse.execute(
                    f"update raw.loads set {column} = {cast} where load_id = $1", (load_id, value)
                )
                is_changed = True
    return is_changed


@dataclass(frozen=True)
class Changes:
    """What a delivery changes of the mains or breaks that were there before it.

    Attributes
    ----------
    present, present_in_part
        How many were there, in the whole network and in the delivery's part.
    known
        How many of them it has.
    lacking
        How many of its part it lacks: they have left if it is full.
    moved
        Breaks that now name another main.
    is_read_again
        Whether its file has been read since with another mapping.
    replaced_at
        When the reading of the file was loaded that this one replaces.
    later_on
        Day of the newest delivery, where that is a later one.
    """

    table_name: str
    load_id: str
    extent: Extent
    delivered_on: date
    came: int
    known: int
    present: int
    present_in_part: int
    lacking: int
    moved: int
    is_read_again: bool
    replaced_at: datetime | None
    later_on: date | None

    @property
    def lines(self) -> tuple[str, ...]:
        """What is told at load, a line each."""
        return (*self._counts(), *(f"warning: {text}" for text in self._warnings()))

    @property
    def _what(self) -> str:
        return "main" if self.table_name == "pipes" else "break"

    def _counts(self) -> Iterator[str]:
        if self.replaced_at:
            yield f"replaces the reading of {self.replaced_at:%F %R} UTC with another mapping"
        if not self.present or self.is_read_again:
            return
        is_full = self.extent == "full"
        counts = [f"{self.came:,} came"]
        if self.table_name == "pipes":
            kind = "inventory"
            counts = [f"{_many(self.lacking, self._what)} left", *counts] if is_full else counts
            counts += [f"{self.known:,} stayed"]
        else:
            kind = "record"
            counts += [f"{_many(self.moved, self._what)} moved to another main"]
            counts += [f"{self.lacking:,} withdrawn"] if is_full else []
        yield f"{', '.join(counts)} ({self.extent} {kind} as of {self.delivered_on})"

    def _warnings(self) -> Iterator[str]:
        if self.is_read_again:
            yield (
                "the file was read again since with another mapping, and that reading counts: "
                "withdraw it to return to this one (la-pipes loads list)"
            )
            return
        if self.later_on:
            yield f"a delivery of {self.later_on} is newer: what it says stays"
        if self.extent == "full" and 2 * self.lacking > self.present_in_part:
            yield (
                f"it lacks {self.lacking:,} of the {_many(self.present_in_part, self._what)} that "
                "were there before; if it is not all of them, load it again with --extent partial "
                "or --part NAME; if it was read wrongly: la-pipes loads withdraw "
                f"{self.load_id}"
            )
        if self.extent == "partial" and 0 < self.lacking < self.known:
            yield (
                f"it has {self.known:,} of the {self._what}s that were there before and lacks "
                f"{self.lacking:,}, which stay; if it is all of them, load it again with "
                "--extent full"
            )


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def count_changes(warehouse: Warehouse, load_id: str, table_name: str) -> Changes | None:
    """Count what a load changes; None for a table whose loads have no terms, and its first load."""
    others = "select count(*) from raw.loads where table_name = $1 and load_id <> $2"
    if table_name not in KEYS or not warehouse.scalar(others, (table_name, load_id)):
        return None
    own = warehouse.query(
        f"{DELIVERIES}, own as (select * from deliveries where load_id = $1) "
        "select own.extent, cast(own.delivered_at as date) as delivered_on, own.is_read_again, "
        "(select max(loaded_at) from raw.loads where table_name = $2 and load_id <> $1 "
        "and file_sha256 = (select file_sha256 from raw.loads where load_id = $1)) as read_at, "
        "(select cast(max(later.delivered_at) as date) from deliveries as later "
        "where later.table_name = $2 and later.part = own.part and later.number > own.number "
        "and not later.is_read_again) "
        "as later_on from own",
        (load_id, table_name),
    ).to_pylist()[0]
    counts = warehouse.query(_count_sql(table_name), (load_id,)).to_pylist()[0]
    read_at = own.pop("read_at")
    return Changes(
        table_name=table_name,
        load_id=load_id,
        replaced_at=None if own["is_read_again"] else read_at,
        **own,
        **counts,
    )


def _count_sql(table_name: str) -> str:
    """Return SQL of what the load $1 has, against what the earlier deliveries left.

    Rows that were set aside count as there: only their values cannot be used.
    """
    key = KEYS[table_name]
    is_breaks = table_name == "breaks"
    main = "coalesce(trim(pipe_id), '')" if is_breaks else "cast(null as text)"
    day = "broke_on" if is_breaks else "cast(null as date)"
    return f"""
{DELIVERIES},
own as (
    select * from deliveries where load_id = $1
),
listed as (
    select _load_id as load_id, trim({key}) as id, {main} as main, {day} as happened_on
    from raw.{table_name}
    union all
    select load_id, trim(row_key) as id, null as main, null as happened_on
    from raw.quarantine
    where source_name = '{table_name}' and mended_at is null and row_key is not null
),
delivered as (
    select id, max(main) as main from listed where load_id = $1 group by id
),
newest as (
    select listed.id, max(deliveries.number) as number
    from listed
    inner join deliveries on listed.load_id = deliveries.load_id
    inner join own on deliveries.number < own.number
    where not deliveries.is_read_again
    group by listed.id
),
present as (
    select newest.id, deliveries.load_id, deliveries.part = own.part as is_own_part
    from newest
    inner join deliveries on newest.number = deliveries.number
    cross join own
    where deliveries.next_full is null or deliveries.next_full >= own.number
),
described as (
    select
        present.id,
        present.is_own_part,
        max(listed.main) as main,
        max(listed.happened_on) as happened_on
    from present
    inner join listed on present.load_id = listed.load_id and present.id = listed.id
    group by present.id, present.is_own_part
)
select
    count(case when described.id is null then 1 end) as came,
    count(case when described.id is not null and delivered.id is not null then 1 end) as known,
    count(described.id) as present,
    count(case when described.is_own_part then 1 end) as present_in_part,
    count(
        case
            when delivered.id is null and described.is_own_part
                and coalesce(described.happened_on >= own.record_from, true)
                and coalesce(described.happened_on <= own.record_until, true)
                then 1
        end
    ) as lacking,
    count(case when delivered.main <> described.main then 1 end) as moved
from delivered
full outer join described on delivered.id = described.id
cross join own
"""

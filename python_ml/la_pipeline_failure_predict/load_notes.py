"""What a load says of how its rows fit what the warehouse holds: names, identifiers, places."""

from collections.abc import Iterator, Sequence

from la_pipeline_failure_predict.tables import Column, Table
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.base import full_name, quote

EXAMPLES = 3
WORDS = {"pipes": "a main", "areas": "an area"}
# Columns that say that two records of one identifier are not the same thing.
IDENTITY = {"breaks": ("broke_on", "pipe_id")}


def notes_on_load(warehouse: Warehouse, table: Table, load_id: str) -> Iterator[str]:
    """Yield a sentence for each thing that is suspect about a load among the others."""
    yield from _repeated_in_other_files(warehouse, table, load_id)
    for column in table.delivered:
        if column.references is not None:
            yield from _dangling(warehouse, table, column, load_id)
    for other in warehouse.declared.values():
        for column in other.delivered:
            if column.references is not None and column.references.table == table.name:
                yield from _dangling(warehouse, other, column, None)


def _dangling(
    warehouse: Warehouse, table: Table, column: Column, load_id: str | None
) -> Iterator[str]:
    """Tell the share of rows that name what is not there; nothing where neither is loaded yet."""
    reference = column.references
    if reference is None:
        return
    target = warehouse.table(reference.table)
    if not _has_rows(warehouse, target) or not _has_rows(warehouse, table):
        return
    named = _trimmed(column.name)
    only = "" if load_id is None else "and _load_id = $1"
    unknown = warehouse.query(
        f"with named as (select {named} as name, cast(count(*) as bigint) as row_count "
        f"from {full_name(table)} where {named} is not null {only} group by 1), "
        # Few are named: the many that are known are looked up among them, not the other way.
        f"known as (select {_trimmed(reference.column)} as name from {full_name(target)}), "
        "named_and_known as (select name from known where name in (select name from named)) "
        "select name, row_count, "
        "cast((select sum(row_count) from named) as bigint) as total_count "
        "from named where name not in (select name from named_and_known)",
        () if load_id is None else (load_id,),
    ).to_pylist()
    if not unknown:
        return
    unknown.sort(key=lambda row: (-row["row_count"], row["name"]))
    total = unknown[0]["total_count"]
    lost = sum(row["row_count"] for row in unknown)
    shown = ", ".join(repr(row["name"][:40]) for row in unknown[:EXAMPLES])
    what = WORDS.get(reference.table, reference.table)
    yield (
        f"{lost:,} of the {total:,} {table.name} that name {what} ({100 * lost / total:.1f} %) "
        f"name one that is not loaded (for example {shown})"
        + _advice(warehouse, target, reference.column, [row["name"] for row in unknown])
    )


def _advice(warehouse: Warehouse, target: Table, column: str, unknown: Sequence[str]) -> str:
    """Say what would match them: identifiers read as numbers, or without regard to case."""
    if target.name != "pipes":
        return "; they get the area whose polygon they lie in, if there is one."
    found = warehouse.query(f"select distinct {_trimmed(column)} as name from {full_name(target)}")
    known = [name for name in found.column(0).to_pylist() if name is not None]
    for rule, fix in (
        (
            _as_number,
            "{} match with `identifiers: number` at the top of the mapping of both files.",
        ),
        (
            str.lower,
            "but for case, {} would match; ask the utility which spelling is right.",
        ),
    ):
        alike = {rule(name) for name in known}
        matched = sum(rule(name) in alike for name in unknown)
        if 2 * matched >= len(unknown):
            return f"; {fix.format(f'{matched:,} of these {len(unknown):,} identifiers')}"
    return "; those breaks belong to no main."


def _as_number(name: str) -> str:
    digits = name.strip().lstrip("'").removesuffix(".0")
    return digits.lstrip("0") or "0" if digits.isdigit() else name


def _repeated_in_other_files(warehouse: Warehouse, table: Table, load_id: str) -> Iterator[str]:
    """Tell identifiers that another file uses for something else.

    A full record may: it says of every break what holds now.
    """
    is_full = "select count(*) from raw.loads where load_id = $1 and extent = 'full'"
    if table.name not in IDENTITY or warehouse.scalar(is_full, (load_id,)):
        return
    key = next(rule.columns[0] for rule in table.rules if rule.kind == "repeated")
    differs = " or ".join(f"old.{name} <> new.{name}" for name in IDENTITY[table.name])
    place = full_name(table)
    (found,) = warehouse.query(
        f"select cast(count(*) as bigint) as clashes, min(new.{key}) as example, "
        "max(old._source_file) as file "
        f"from {place} as new inner join {place} as old on trim(old.{key}) = trim(new.{key}) "
        f"where new._load_id = $1 and ({differs}) and old._load_id not in (select load_id "
        "from raw.loads where file_sha256 = "
        "(select file_sha256 from raw.loads where load_id = $1))",
        (load_id,),
    ).to_pylist()
    if found["clashes"]:
        yield (
            f"{found['clashes']:,} of its {key} stand for a break of another day or main in "
            f"{found['file']} (for example {found['example']!r}); the newer row replaces the older "
            f"one. If each file numbers its rows anew, withdraw both loads (la-pipes loads "
            f"withdraw), write `{key}: {{derived: true}}` in the mapping and load them again."
        )


def _has_rows(warehouse: Warehouse, table: Table) -> bool:
    return bool(warehouse.query(f"select 1 as one from {full_name(table)} limit 1").num_rows)


def _trimmed(name: str) -> str:
    return f"nullif(nullif(trim(both ' ' from {quote(name)}), ''), '#NULL#')"

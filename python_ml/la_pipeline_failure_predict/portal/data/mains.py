"""Mains in the order of their risk: filtered, page by page, one by one, and as CSV."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlencode

from pyarrow import csv

from la_pipeline_failure_predict.portal.data.reader import Reader, Row
from la_pipeline_failure_predict.spreadsheets import without_formulas

PAGE_ROWS = 50
EXPORT_ROWS = 20_000
MOST_TEXT = 100
# Filter -> what it compares.
CONDITIONS: Mapping[str, str] = {
    "risk_class": "risk_class_code = $risk_class",
    "material": "material_name = $material",
    "decade": "cast(floor(install_year / 10.0) as integer) * 10 = try_cast($decade as integer)",
    "diameter": "diameter_class = $diameter",
    "area": "area_id = $area",
    "project": "project_id = $project",
    "street": "contains(lower(street_name), lower($street))",
}
CHOICES = """
    select 'risk_class' as filter, risk_class_code as value, risk_class_name as name,
        any_value(risk_class_rank) as sort
    from pipe_risk group by all
    union all
    select 'material', material_name, material_name, 0 from pipe_risk group by all
    union all
    select 'decade', cast(cast(floor(install_year / 10.0) as integer) * 10 as text) as value,
        cast(floor(install_year / 10.0) as integer) * 10 || 's', 0
    from pipe_risk where install_year is not null group by all
    union all
    select 'diameter', diameter_class, coalesce(any_value(named.diameter_class_name),
        diameter_class), any_value(named.diameter_class_sort)
    from pipe_risk
    left join (select pipe_id as named_id, diameter_class_name, diameter_class_sort from pipes)
        as named on pipe_id = named_id
    group by diameter_class
    union all
    select 'area', area_id, area_name, 0 from areas where area_id <> 'unknown'
    order by filter, sort, name
"""
LISTED = """
    risk_rank, pipe_id, street_name, area_name, material_name, install_year, diameter_mm,
    length_m, expected_breaks, risk_class_code, risk_class_name, risk_usd, reasons
"""
EXPORTED = """
    risk_rank, pipe_id, street_name, area_name, material_name, install_year, diameter_mm,
    length_m, expected_breaks, break_probability, expected_breaks_per_km, risk_class_name,
    consequence_usd, risk_usd, reasons, breaks_ever, breaks_prior_60m, project_id, plan_rank,
    renewal_usd, longitude, latitude, run_id, as_of_date
"""


@dataclass(frozen=True)
class Filters:
    """What the reader of the ranking asks for; empty where it does not matter."""

    risk_class: str = ""
    material: str = ""
    decade: str = ""
    diameter: str = ""
    area: str = ""
    street: str = ""
    project: str = ""

    @classmethod
    def from_address(cls, arguments: Mapping[str, str]) -> "Filters":
        """Read it from the address of a page."""
        return cls(
            **{item.name: arguments.get(item.name, "").strip()[:MOST_TEXT] for item in fields(cls)}
        )

    @property
    def given(self) -> dict[str, str]:
        """The filters that are set."""
        return {name: value for name in CONDITIONS if (value := getattr(self, name))}

    @property
    def address(self) -> str:
        """The filters as part of an address."""
        return urlencode(self.given)

    @property
    def where(self) -> str:
        """The filters as SQL; the values are bound."""
        return " and ".join(["true", *(CONDITIONS[name] for name in self.given)])


@dataclass(frozen=True)
class Page:
    """Some mains of a ranking.

    Attributes
    ----------
    number
        Of the page, from 1.
    total
        Mains on all pages.
    """

    mains: list[Row]
    number: int
    total: int
    length_m: float
    expected_breaks: float

    @property
    def last(self) -> int:
        """Number of the last page."""
        return max(1, -(-self.total // PAGE_ROWS))


def rank(reader: Reader, filters: Filters, number: int) -> Page:
    """Return a page of the ranking; a number beyond the last one gives the last one."""
    totals = reader.row(
        "select count(*) as total, coalesce(sum(length_m), 0) as length_m, "
        "coalesce(sum(expected_breaks), 0) as expected_breaks "
        f"from pipe_risk where {filters.where}",
        **filters.given,
    )
    page = Page([], number, **(totals or {}))
    number = min(max(number, 1), page.last)
    mains = reader.rows(
        f"select {LISTED} from pipe_risk where {filters.where} "
        "order by risk_rank nulls last, pipe_id limit $page_rows offset $page_offset",
        **filters.given,
        page_rows=PAGE_ROWS,
        page_offset=(number - 1) * PAGE_ROWS,
    )
    return Page(mains, number, page.total, page.length_m, page.expected_breaks)


def choices(reader: Reader) -> Mapping[str, list[Row]]:
    """Return what each filter offers."""
    offered: dict[str, list[Row]] = {}
    for row in reader.keep("choices", lambda: reader.rows(CHOICES)):
        offered.setdefault(row["filter"], []).append(row)
    return offered


def export(reader: Reader, filters: Filters) -> Iterator[bytes]:
    """Yield the ranking as CSV; each row says which run, snapshot and filter it comes from."""
    batches = reader.stream(
        f"select {EXPORTED}, $snapshot_id as snapshot_id, $said as filter "
        f"from pipe_risk where {filters.where}",
        EXPORT_ROWS,
        **filters.given,
        snapshot_id=reader.manifest.snapshot_id,
        said=", ".join(f"{name} {value}" for name, value in filters.given.items()) or "none",
    )
    is_first = True
    for batch in batches:
        lines = io.BytesIO()
        csv.write_csv(without_formulas(batch), lines, csv.WriteOptions(include_header=is_first))
        is_first = False
        yield lines.getvalue()


def find_main(reader: Reader, pipe_id: str) -> dict[str, Any] | None:
    """Return a main with its score, reasons, breaks and project; None if it cannot be seen."""
    main = reader.row("select * from pipes where pipe_id = $pipe_id", pipe_id=pipe_id)
    if main is None or pipe_id == "unknown":
        return None
    risk = reader.row("select * from pipe_risk where pipe_id = $pipe_id", pipe_id=pipe_id)
    project_id = risk["project_id"] if risk else None
    return {
        "main": main,
        "risk": risk,
        "reasons": reader.rows(
            "select reason_name, reason, rate_factor from pipe_reason_codes "
            "where pipe_id = $pipe_id order by reason_rank",
            pipe_id=pipe_id,
        ),
        "breaks": reader.rows(
            "select broke_on, failure_mode, cause, link_status_name from pipe_breaks "
            "where pipe_id = $pipe_id order by broke_on desc",
            pipe_id=pipe_id,
        ),
        "project": reader.row(
            "select * from replacement_plan where project_id = $project_id", project_id=project_id
        ),
    }

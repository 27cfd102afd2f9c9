"""Mains in the order of their risk: filtered, page by page, and one by one."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from la_pipeline_failure_predict.portal.data.exports import Export
from la_pipeline_failure_predict.portal.data.reader import Reader, Row
from la_pipeline_failure_predict.portal.paging import Paging, find_page
from la_pipeline_failure_predict.spatial import METRES_PER_DEGREE

PAGE_ROWS = 50
MOST_TEXT = 100
NEAR_M = 100
NEIGHBORS_SHOWN = 25
# Where a main is, for the distance to another: its ends and its middle.
PLACES = (
    ("start_longitude", "start_latitude"),
    ("longitude", "latitude"),
    ("end_longitude", "end_latitude"),
)
# Least value of the classes 2 to 5. They are fixed, so that a cell means the same for every area,
# account and year; and quintiles would part mains that cost the same, which most small ones do.
LIKELIHOOD_BOUNDS = (0.01, 0.03, 0.1, 0.3)
"""Breaks expected per kilometer and year."""
CONSEQUENCE_BOUNDS = (20_000, 40_000, 100_000, 250_000)
"""USD of a break."""


def _class_of(column: str, bounds: Sequence[float]) -> str:
    return " + ".join(["1", *(f"cast({column} >= {bound} as integer)" for bound in bounds)])


LIKELIHOOD = _class_of("expected_breaks_per_km", LIKELIHOOD_BOUNDS)
CONSEQUENCE = _class_of("consequence_usd", CONSEQUENCE_BOUNDS)


@dataclass(frozen=True)
class Filter:
    """A filter of the ranking: how it is called, and what it compares."""

    label: str
    condition: str


FILTERS: Mapping[str, Filter] = {
    "risk_class": Filter("Class", "risk_class_code = $risk_class"),
    "material": Filter("Material", "material_name = $material"),
    "decade": Filter(
        "Decade",
        "cast(floor(install_year / 10.0) as integer) * 10 = try_cast($decade as integer)",
    ),
    "diameter": Filter("Diameter", "diameter_class = $diameter"),
    "area": Filter("Area", "area_id = $area"),
    "zone": Filter("Pressure zone", "pressure_zone = $zone"),
    "soil": Filter("Soil corrosivity", "soil_corrosivity_code = $soil"),
    "street": Filter("Street", "contains(lower(street_name), lower($street))"),
    "project": Filter("Project", "project_id = $project"),
    "likelihood": Filter("Likelihood", f"{LIKELIHOOD} = try_cast($likelihood as integer)"),
    "consequence": Filter("Consequence", f"{CONSEQUENCE} = try_cast($consequence as integer)"),
}
OF_THE_MATRIX = ("likelihood", "consequence")
CHOICES = """
    select * from (
    with named as (
        select
            diameter_class, diameter_class_name, diameter_class_sort,
            soil_corrosivity_code, soil_corrosivity_name, soil_corrosivity_sort
        from pipe_risk
        left join (select * exclude (area_id) from pipes) as described using (pipe_id)
    )
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
    select 'diameter', diameter_class, coalesce(any_value(diameter_class_name), diameter_class),
        any_value(diameter_class_sort)
    from named group by diameter_class
    union all
    select 'soil', soil_corrosivity_code,
        coalesce(any_value(soil_corrosivity_name), soil_corrosivity_code),
        any_value(soil_corrosivity_sort)
    from named group by soil_corrosivity_code
    union all
    select 'zone', pressure_zone, if(pressure_zone = 'unknown', 'Unknown', pressure_zone),
        if(pressure_zone = 'unknown', 1, 0)
    from pipe_risk group by pressure_zone
    union all
    select 'area', area_id, area_name, 0 from areas where area_id <> 'unknown'
    )
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
    renewal_usd, longitude, latitude
"""


@dataclass(frozen=True)
class Filters:
    """What the reader of the ranking asks for.

    Attributes
    ----------
    given
        Values of the filters that are set, by their names.
    """

    given: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_address(cls, arguments: Mapping[str, str]) -> "Filters":
        """Read it from the address of a page."""
        values = {name: arguments.get(name, "").strip()[:MOST_TEXT] for name in FILTERS}
        return cls({name: value for name, value in values.items() if value})

    def without(self, names: Collection[str]) -> "Filters":
        """Return it with some filters not set."""
        return Filters({name: value for name, value in self.given.items() if name not in names})

    @property
    def where(self) -> str:
        """The filters as SQL; the values are bound."""
        return " and ".join(["true", *(FILTERS[name].condition for name in self.given)])

    @property
    def said(self) -> str:
        """The filters in words."""
        return ", ".join(f"{name} {value}" for name, value in self.given.items()) or "none"


# The mains of a page, in the order of the ranking.
OF_THE_PAGE = "order by risk_rank nulls last, pipe_id limit $page_rows offset $page_offset"


@dataclass(frozen=True)
class Page(Paging):
    """Some mains of a ranking, and the sums of those on all pages."""

    mains: list[Row]
    length_m: float
    expected_breaks: float


def rank(reader: Reader, filters: Filters, number: int) -> Page:
    """Return a page of the ranking; a number beyond the last one gives the last one."""
    (sums,) = reader.rows(
        "select count(*) as total, coalesce(sum(length_m), 0) as length_m, "
        "coalesce(sum(expected_breaks), 0) as expected_breaks "
        f"from pipe_risk where {filters.where}",
        **filters.given,
    )
    page = find_page(number, sums["total"], PAGE_ROWS)
    mains = reader.rows(
        f"select {LISTED} from pipe_risk where {filters.where} {OF_THE_PAGE}",
        **filters.given,
        page_rows=PAGE_ROWS,
        page_offset=page.offset,
    )
    return Page(
        **vars(page),
        mains=mains,
        length_m=sums["length_m"],
        expected_breaks=sums["expected_breaks"],
    )


def choices(reader: Reader) -> Mapping[str, list[Row]]:
    """Return what each filter offers."""
    offered: dict[str, list[Row]] = {}
    for row in reader.keep("choices", lambda: reader.rows(CHOICES)):
        offered.setdefault(row["filter"], []).append(row)
    return offered


def matrix(reader: Reader, filters: Filters) -> list[list[Row]]:
    """Count mains by likelihood and consequence, within all other filters.

    Returns
    -------
    Rows of the matrix, the likeliest first; in each, cells from the least consequence: classes,
    mains, length_m, and the filters that leave its mains.
    """
    others = filters.without(OF_THE_MATRIX)
    counted = (
        _count(reader, others)
        if others.given
        else reader.keep("matrix", lambda: _count(reader, others))
    )
    found = {(row["likelihood"], row["consequence"]): row for row in counted}
    return [
        [
            {
                "mains": 0,
                "length_m": 0.0,
                **dict(zip(OF_THE_MATRIX, cell, strict=True)),
                **found.get(cell, {}),
                "given": {**others.given, **dict(zip(OF_THE_MATRIX, map(str, cell), strict=True))},
            }
            for cell in row
        ]
        for row in _cells()
    ]


def _count(reader: Reader, filters: Filters) -> list[Row]:
    return reader.rows(
        f"select {LIKELIHOOD} as likelihood, {CONSEQUENCE} as consequence, count(*) as mains, "
        f"sum(length_m) as length_m from pipe_risk where {filters.where} group by 1, 2",
        **filters.given,
    )


def _cells() -> list[list[tuple[int, int]]]:
    return [
        [(likelihood, consequence) for consequence in range(1, len(CONSEQUENCE_BOUNDS) + 2)]
        for likelihood in range(len(LIKELIHOOD_BOUNDS) + 1, 0, -1)
    ]


def export(filters: Filters) -> Export:
    """Return the ranking as it is downloaded."""
    # In the order of the snapshot, which is that of the ranking: sorting would hold all rows.
    return Export(
        "mains",
        f"select {EXPORTED} from pipe_risk where {filters.where}",
        filters.given,
        filters.said,
    )


def find_main(reader: Reader, pipe_id: str) -> dict[str, Any] | None:
    """Return a main with its score, reasons, breaks, project and neighbors; None if not seen."""
    main = reader.row("select * from pipes where pipe_id = $pipe_id", pipe_id=pipe_id)
    if main is None or pipe_id == "unknown":
        return None
    risk = reader.row("select * from pipe_risk where pipe_id = $pipe_id", pipe_id=pipe_id)
    reasons = reader.rows(
        "select reason_name, reason, rate_factor from pipe_reason_codes "
        "where pipe_id = $pipe_id order by reason_rank",
        pipe_id=pipe_id,
    )
    return {
        "main": main,
        "risk": risk,
        "reasons": reasons,
        "rate": _rate(reader, risk, reasons),
        "breaks": reader.rows(
            "select broke_on, failure_mode, cause, link_status_name from pipe_breaks "
            "where pipe_id = $pipe_id order by broke_on desc",
            pipe_id=pipe_id,
        ),
        "project": reader.row(
            "select * from replacement_plan where project_id = $project_id",
            project_id=risk["project_id"] if risk else None,
        ),
        "neighbors": _neighbors(reader, main),
        "near_m": NEAR_M,
        "most_neighbors": NEIGHBORS_SHOWN,
    }


def _rate(reader: Reader, risk: Row | None, reasons: Sequence[Row]) -> Row | None:
    """Return the typical rate, and what is left of a main's once its reasons are multiplied."""
    network = reader.row("select breaks_per_km from network_rate")
    if not risk or not network or not network["breaks_per_km"]:
        return None
    typical = network["breaks_per_km"]
    product = math.prod(reason["rate_factor"] for reason in reasons)
    return {
        "typical": typical,
        "product": product,
        "others": risk["expected_breaks_per_km"] / (typical * product),
    }


def _neighbors(reader: Reader, main: Row) -> list[Row]:
    """Return the mains in service that are near or of the area's same street, nearest first."""
    places = [
        (main[longitude], main[latitude])
        for longitude, latitude in PLACES
        if None not in (main[longitude], main[latitude])
    ]
    # Cheap comparisons bound what is around; distances are computed of the few that are left.
    around = reader.rows(
        f"""
        select
            pipe_id, {_distance(places)} as distance_m,
            coalesce(street_name = $street and area_id = $area_id, false) as is_of_street
        from pipes
        where is_in_service and pipe_id not in ($pipe_id, 'unknown')
            and (is_of_street or {_is_around(places)})
        order by distance_m > {NEAR_M} and not is_of_street, distance_m nulls last, pipe_id
        limit {NEIGHBORS_SHOWN}
        """,
        pipe_id=main["pipe_id"],
        street=main["street_name"],
        area_id=main["area_id"],
    )
    near = [row for row in around if row["is_of_street"] or row["distance_m"] <= NEAR_M]
    described = reader.rows(
        """
        select
            pipes.pipe_id, pipes.street_name, pipes.material_name, pipes.install_year,
            pipes.length_m, risk_rank, risk_class_code, risk_class_name, expected_breaks, risk_usd
        from pipes
        left join (
            select pipe_id, risk_rank, risk_class_code, risk_class_name, expected_breaks, risk_usd
            from pipe_risk
            where pipe_id in (select unnest($pipe_ids))
        ) as scored on pipes.pipe_id = scored.pipe_id
        where pipes.pipe_id in (select unnest($pipe_ids))
        """,
        pipe_ids=[row["pipe_id"] for row in near],
    )
    found = {row["pipe_id"]: row for row in described}
    return [row | found[row["pipe_id"]] for row in near]


Place = tuple[float, float]


def _meters_per_degree(places: Sequence[Place]) -> Place:
    """Return how many meters a degree to the east, and to the north, has there."""
    latitude = math.radians(places[0][1])
    return METRES_PER_DEGREE * math.cos(latitude), METRES_PER_DEGREE


def _distance(places: Sequence[Place]) -> str:
    """Return SQL of the least distance between places and those of a main, m."""
    if not places:
        return "cast(null as double)"
    east, north = _meters_per_degree(places)
    squares = (
        f"pow(({longitude} - {x!r}) * {east!r}, 2) + pow(({latitude} - {y!r}) * {north!r}, 2)"
        for longitude, latitude in PLACES
        for x, y in places
    )
    return f"sqrt(least({', '.join(squares)}))"


def _is_around(places: Sequence[Place]) -> str:
    """Return SQL that tells quickly which mains may be near."""
    if not places:
        return "false"
    east, north = (NEAR_M / meters for meters in _meters_per_degree(places))
    xs, ys = zip(*places, strict=True)
    return " or ".join(
        f"({longitude} between {min(xs) - east!r} and {max(xs) + east!r} "
        f"and {latitude} between {min(ys) - north!r} and {max(ys) + north!r})"
        for longitude, latitude in PLACES
    )

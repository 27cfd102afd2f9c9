"""What a map needs beside its tiles: its layers, areas, some mains, and where they lie."""

from collections.abc import Iterable, Mapping
from typing import Any

import shapely

from la_pipeline_failure_predict.portal.data.mains import OF_THE_PAGE, PAGE_ROWS, Filters
from la_pipeline_failure_predict.portal.data.reader import Reader, Row
from la_pipeline_failure_predict.portal.tiles.layers import LAYERS, MOST_ZOOM, NOT_SCORED

Features = dict[str, Any]
"""A collection of GeoJSON."""
AREA_GROUPS = 5
# By their mains where those are scored; elsewhere areas alone are, by their size.
RATES = """
    select area_id, sum(expected_breaks) / nullif(sum(length_m) / 1000, 0) as rate
    from pipe_risk
    group by area_id
    union all
    select area_id, sum(expected_breaks) / nullif(any_value(area_km2), 0) as rate
    from joined_risk_view
    inner join (select area_id, area_km2 from areas) as sizes using (area_id)
    where
        month_on >= (select max(month_on) - interval 11 month from joined_risk_view)
        and not exists (select 1 from pipe_risk)
    group by area_id
"""
AREAS = f"""
    select
        area_shapes.area_id, area_name, outline_wkt,
        case
            when rate is not null
                then ntile({AREA_GROUPS}) over (partition by rate is null order by rate, area_id)
        end as rate_group
    from area_shapes
    left join ({RATES}) as rates using (area_id)
    order by area_id
"""
SEEN = f"""
    select risk_class_code as layer, any_value(risk_class_name) as title
    from pipe_risk
    group by risk_class_code
    union all
    select '{NOT_SCORED}', 'Not scored' where exists (
        select 1 from pipe_lines
        inner join pipes on pipe_lines.pipe_id = pipes.pipe_id
        where pipes.is_in_service and not pipes.is_scored
    )
"""
BOUNDS = """
    select min(longitude) as west, min(latitude) as south, max(longitude) as east,
        max(latitude) as north
    from (
        select start_longitude as longitude, start_latitude as latitude from pipes
        where is_in_service
        union all
        select end_longitude, end_latitude from pipes
        where is_in_service
        union all
        select longitude, latitude from areas
        where not exists (select 1 from pipes where is_in_service and start_longitude is not null)
    ) as places
"""


def view(reader: Reader, pipe_id: str | None = None) -> dict[str, Any] | None:
    """Return the layers that have mains, and the bounds of a main or of what the account sees.

    None where there is nothing with a place.
    """
    bounds = _bounds_of(reader, pipe_id) if pipe_id else reader.keep("bounds", lambda: _all(reader))
    if bounds is None:
        return None
    seen = reader.keep("layers", lambda: reader.rows(SEEN))
    titles = {row["layer"]: row["title"] for row in seen}
    return {
        "bounds": bounds,
        "layers": [
            {"name": layer.name, "least_zoom": layer.least_zoom, "title": titles[layer.name]}
            for layer in LAYERS
            if layer.name in titles
        ],
        "most_zoom": MOST_ZOOM,
    }


def _all(reader: Reader) -> list[float] | None:
    (row,) = reader.rows(BOUNDS)
    return None if None in row.values() else list(row.values())


def _bounds_of(reader: Reader, pipe_id: str) -> list[float] | None:
    rows = _lines(reader, pipe_id)
    return list(shapely.from_wkt(rows[0]["line_wkt"]).bounds) if rows else None


def _lines(reader: Reader, pipe_id: str) -> list[Row]:
    return reader.rows(
        "select pipe_id, line_wkt from pipe_lines where pipe_id = $pipe_id", pipe_id=pipe_id
    )


def areas(reader: Reader) -> Features:
    """Return the areas with their rate of expected breaks, in groups from 1, the lowest."""
    rows = reader.keep("map areas", lambda: reader.rows(AREAS))
    return _collection(rows, "outline_wkt")


def listed(reader: Reader, filters: Filters, number: int) -> Features:
    """Return the lines of the mains on a page of the ranking."""
    rows = reader.rows(
        "select pipe_id, risk_class_code, line_wkt from pipe_lines inner join ("
        f"select pipe_id, risk_class_code from pipe_risk where {filters.where} "
        f"{OF_THE_PAGE}) as page using (pipe_id)",
        **filters.given,
        page_rows=PAGE_ROWS,
        page_offset=(max(number, 1) - 1) * PAGE_ROWS,
    )
    return _collection(rows, "line_wkt")


def one(reader: Reader, pipe_id: str) -> Features:
    """Return the line of a main; no feature if it has none or cannot be seen."""
    return _collection(_lines(reader, pipe_id), "line_wkt")


def _collection(rows: Iterable[Row], shape: str) -> Features:
    return {"type": "FeatureCollection", "features": [_feature(row, shape) for row in rows]}


def _feature(row: Mapping[str, Any], shape: str) -> dict[str, Any]:
    properties = {name: value for name, value in row.items() if name != shape}
    geometry = shapely.geometry.mapping(shapely.from_wkt(row[shape]))
    return {"type": "Feature", "properties": properties, "geometry": geometry}

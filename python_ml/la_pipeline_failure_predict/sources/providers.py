"""Every source that can be loaded, by the name that `la-pipes load` takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.sources.ghcn import read_station_file
from la_pipeline_failure_predict.sources.landing import join_lookups
from la_pipeline_failure_predict.sources.mapping import SourceMapping
from la_pipeline_failure_predict.sources.reading import read_file
from la_pipeline_failure_predict.sources.ssurgo import read_survey
from la_pipeline_failure_predict.warehouse import Scratch

Reader = Callable[[Scratch, Path, SourceMapping], dict[str, str]]
"""Reads a file into scratch tables of text: landing table -> scratch table."""


@dataclass(frozen=True)
class Source:
    """A kind of delivery; `is_folder` where a folder of files is one."""

    name: str
    description: str
    read: Reader
    is_folder: bool = False


def _read_one(
    table: str, encoding: str, scratch: Scratch, path: Path, mapping: SourceMapping
) -> dict[str, str]:
    relation = f"{table}_delivered"
    read_file(scratch, path, relation, mapping, encoding)
    return {table: join_lookups(scratch, relation, path, mapping)}


def _file(name: str, table: str, description: str, encoding: str = "utf-8") -> Source:
    return Source(name, description, partial(_read_one, table, encoding))


_ALL = (
    _file("pipes", "pipes", "mains inventory of a utility"),
    _file("breaks", "breaks", "break record of a utility"),
    _file("soils", "soils", "soil map units, polygons or table"),
    _file("areas", "areas", "neighborhoods or districts, polygons"),
    _file("climate", "climate", "monthly climate"),
    _file("ladwp-leaks", "ladwp_leaks", "Los Angeles main leaks 2010-2013", "latin-1"),
    _file("ladwp-trunk-lines", "ladwp_trunk_lines", "Los Angeles trunk mains", "latin-1"),
    _file("ladwp-main-lines", "ladwp_main_lines", "Los Angeles mains inventory", "latin-1"),
    _file("la-monthly-breaks", "la_monthly_breaks", "Los Angeles monthly totals 2003-2015"),
    _file("la-neighborhoods", "la_neighborhoods", "Los Angeles County neighborhoods"),
    Source("ghcn-daily", "NOAA daily weather of a station (.dly)", read_station_file),
    Source("ssurgo", "USDA soil survey: tabular folder, zip or .gdb", read_survey, True),
)
SOURCES: Mapping[str, Source] = {source.name: source for source in _ALL}


def find_source(name: str) -> Source:
    """Return a source by name.

    Raises
    ------
    UserError
        If there is none of that name.
    """
    if name not in SOURCES:
        raise UserError(f"Unknown source {name!r}: choose one of {', '.join(SOURCES)}.")
    return SOURCES[name]

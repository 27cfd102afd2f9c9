"""Tiles and shapes for the maps of the pages."""

import flask
from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from la_pipeline_failure_predict.portal.data import shapes
from la_pipeline_failure_predict.portal.data.mains import Filters
from la_pipeline_failure_predict.portal.views.pages import published

maps = Blueprint("maps", __name__)

TILE_TYPE = "application/vnd.mapbox-vector-tile"


@maps.get("/tiles/<snapshot_id>/<int:zoom>/<int:x>/<int:y>.mvt")
def tile(snapshot_id: str, zoom: int, x: int, y: int) -> ResponseReturnValue:
    """Send a tile of mains; an empty answer where there are none."""
    data = published().tile(snapshot_id, zoom, x, y)
    if data is None:
        return flask.Response(status=204)
    return flask.Response(data, mimetype=TILE_TYPE, headers={"Content-Encoding": "gzip"})


@maps.get("/map/areas.geojson")
def areas() -> ResponseReturnValue:
    """Send the areas with their group."""
    return flask.jsonify(shapes.areas(published()))


@maps.get("/map/mains.geojson")
def mains() -> ResponseReturnValue:
    """Send the lines of the mains on a page of the ranking."""
    number = request.args.get("page", default=1, type=int)
    return flask.jsonify(shapes.listed(published(), Filters.from_address(request.args), number))


@maps.get("/map/main/<path:pipe_id>.geojson")
def main(pipe_id: str) -> ResponseReturnValue:
    """Send the line of a main."""
    return flask.jsonify(shapes.one(published(), pipe_id))

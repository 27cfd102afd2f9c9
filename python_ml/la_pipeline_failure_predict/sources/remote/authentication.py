"""Tokens of data portals: whom they are sent to, and that nobody else sees them."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings

HIDDEN = "*****"
SHOWN_PARAMETERS = {
    *("f", "where", "layer", "outFields", "outSR", "returnIdsOnly", "returnCountOnly"),
    *("$select", "$where", "$order", "$limit", "$offset"),
    *("dataset", "stations", "startDate", "endDate", "format", "units", "dataTypes"),
}
"""Of an address; the values of all others may be secrets."""

Headers = Mapping[str, str]


def shown(url: str) -> str:
    """Return an address as it may be shown and written down: without what may be a secret."""
    parts = urlsplit(url)
    query = urlencode(
        [
            (name, value if name in SHOWN_PARAMETERS else HIDDEN)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ],
        safe="*,$=':",
        quote_via=quote,
    )
    return urlunsplit((parts.scheme, host_of(url), parts.path, query, ""))


def without_token(url: str) -> tuple[str, str | None]:
    """Return an ArcGIS address without its token, and the token."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    token = next((value for name, value in pairs if name.lower() == "token"), None)
    kept = [(name, value) for name, value in pairs if name.lower() not in ("token", "f")]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(kept), "")), token


def host_of(url: str) -> str:
    """Return host and port of an address, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def check_address(url: str) -> str:
    """Return an address that can be fetched.

    Raises
    ------
    UserError
        If it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", url):
        raise UserError(f"{shown(url)!r} is no address that can be fetched: it begins https://.")
    return url


def arcgis_headers(settings: Settings, url: str, token: str | None) -> Headers:
    """Return what identifies the user to an ArcGIS server; the token goes to its own host only.

    Raises
    ------
    UserError
        If the settings name a token and not its host.
    """
    if token is None and settings.arcgis_token:
        if not settings.arcgis_token_host:
            raise UserError(
                "LA_PIPES_ARCGIS_TOKEN is set without its host: set LA_PIPES_ARCGIS_TOKEN_HOST, "
                "for example to gis.my-city.org, so that no other server sees the token."
            )
        if settings.arcgis_token_host.lower() == host_of(url):
            token = settings.arcgis_token.get_secret_value()
    return {"X-Esri-Authorization": f"Bearer {token}"} if token else {}


def socrata_headers(settings: Settings) -> Headers:
    """Return the application token, which one gets once for all portals of Socrata."""
    token = settings.socrata_app_token
    return {"X-App-Token": token.get_secret_value()} if token else {}

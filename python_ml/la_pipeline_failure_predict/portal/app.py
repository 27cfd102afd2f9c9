"""The app: who may see what, what every answer carries, and which pages there are."""

import logging
import secrets
from datetime import timedelta

import flask
from flask import Flask, Response, g, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_security import FSQLALiteUserDatastore, Security
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import HTTPException, SecurityError

from la_pipeline_failure_predict.portal.auth import sessions
from la_pipeline_failure_predict.portal.auth.database import migrate
from la_pipeline_failure_predict.portal.auth.models import Account, Role, db
from la_pipeline_failure_predict.portal.auth.pages import auth, limit_sign_in
from la_pipeline_failure_predict.portal.config import PortalConfig
from la_pipeline_failure_predict.portal.data.reader import Snapshots
from la_pipeline_failure_predict.portal.data.store import Store
from la_pipeline_failure_predict.portal.views.admin import admin
from la_pipeline_failure_predict.portal.views.map import maps
from la_pipeline_failure_predict.portal.views.pages import pages
from la_pipeline_failure_predict.portal.views.profile import ASKING, profile
from la_pipeline_failure_predict.portal.views.words import FILTERS

log = logging.getLogger(__name__)

PUBLIC = frozenset({"static", "auth.login", "auth.code", "auth.invitation"})
"""What can be opened without a session; everything else cannot."""
SET_UP = frozenset({"profile.second_factor", "auth.logout"})
"""What an administrator can open before a second factor is set up, besides."""
MOST_BYTES = 16 * 1024
STATIC_AGE = timedelta(hours=1)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; worker-src 'self'; font-src 'self'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
HSTS = "max-age=31536000"


def create_app(config: PortalConfig) -> Flask:
    """Make the app on a folder of snapshots; the tables of the accounts are brought up to date."""
    config.make_folder()
    migrate(config)
    app = Flask(__name__)
    app.config.update(_settings(config))
    app.extensions["portal_config"] = config
    app.extensions["portal_snapshots"] = Snapshots(Store(config.folder))
    db.init_app(app)
    CSRFProtect(app)
    # The pages are the portal's own: of Flask-Security, the accounts and their passwords.
    datastore = FSQLALiteUserDatastore(db, Account, Role)
    Security(app, datastore, register_blueprint=False)
    app.before_request(_identify)
    app.after_request(_protect)
    app.register_error_handler(Exception, _explain)
    for blueprint in (auth, pages, maps, profile, admin):
        app.register_blueprint(blueprint)
    limit_sign_in(Limiter(get_remote_address, app=app, storage_uri="memory://"), app, ASKING)
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    return app


def _settings(config: PortalConfig) -> dict[str, object]:
    # A name that begins with __Host- binds the cookie to this host and to https.
    prefix = "__Host-" if config.tls else ""
    return {
        "SECRET_KEY": config.read_key(),
        "SQLALCHEMY_ENGINES": {"default": config.engine_options},
        "TRUSTED_HOSTS": list(config.hosts),
        "SESSION_COOKIE_NAME": f"{prefix}la_pipes",
        "SESSION_COOKIE_SECURE": config.tls,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "MAX_CONTENT_LENGTH": MOST_BYTES,
        "MAX_FORM_MEMORY_SIZE": MOST_BYTES,
        "SEND_FILE_MAX_AGE_DEFAULT": STATIC_AGE,
        "PREFERRED_URL_SCHEME": "https" if config.tls else "http",
        # As long as the session.
        "WTF_CSRF_TIME_LIMIT": None,
        "RATELIMIT_HEADERS_ENABLED": False,
        # An account has one role, in a column of its own.
        "SECURITY_JOIN_USER_ROLES": False,
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_SCHEMES": ["argon2"],
        "SECURITY_PASSWORD_SINGLE_HASH": ["argon2"],
    }


def _identify() -> Response | None:
    """Say who asks, and send away who may not."""
    g.request_id = secrets.token_hex(8)
    g.account = None
    if isinstance(request.routing_exception, SecurityError):
        raise request.routing_exception
    if request.endpoint == "static":
        return None
    if any("\0" in value for values in request.values.listvalues() for value in values):
        flask.abort(400)  # Postgres keeps no such text
    g.account = sessions.current(flask.current_app.extensions["portal_config"])
    if g.account is None and flask.session.get(sessions.TOKEN):
        flask.session.clear()
    if request.endpoint in PUBLIC:
        return None
    if g.account is not None:
        return _set_up() if g.account.lacks_second_factor else None
    address = request.full_path.rstrip("?") if request.method == "GET" else "/"
    answer: Response = flask.redirect(  # type: ignore[assignment]
        flask.url_for("auth.login", next=None if address == "/" else address)
    )
    return answer


def _set_up() -> Response | None:
    if request.endpoint in SET_UP:
        return None
    return flask.redirect(flask.url_for("profile.second_factor"))  # type: ignore[return-value]


def _protect(response: Response) -> Response:
    response.headers.update(HEADERS)
    response.headers["X-Request-Id"] = g.get("request_id", "")
    if flask.current_app.extensions["portal_config"].tls:
        response.headers["Strict-Transport-Security"] = HSTS
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response


def _explain(error: Exception) -> tuple[str, int]:
    """Answer an error with its number and the request's, and nothing else."""
    code = error.code if isinstance(error, HTTPException) else None
    if code is None or code >= 500:
        log.error("request %s failed", g.get("request_id"), exc_info=error)
        code = 500
    g.setdefault("request_id", secrets.token_hex(8))
    if isinstance(error, SecurityError):
        # Called by a name that is not the portal's: no address of a page can be made.
        return f"Error {code}, request {g.request_id}", code
    return flask.render_template("errors/error.html", code=code), code

"""What an account says about itself: password, second factor, open sessions and units."""

import flask
import segno
from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.portal.auth import accounts, passwords, second_factor, sessions
from la_pipeline_failure_predict.portal.auth.audit import record
from la_pipeline_failure_predict.portal.auth.models import db
from la_pipeline_failure_predict.portal.auth.pages import FAILED, REFUSED
from la_pipeline_failure_predict.portal.views.pages import render
from la_pipeline_failure_predict.portal.views.words import UNITS

profile = Blueprint("profile", __name__, url_prefix="/profile")

ASKING = (
    "profile.second_factor",
    "profile.turn_off",
    "profile.recovery_codes",
    "profile.change_password",
)
"""What asks for the password once more."""
WRONG = "The password is wrong."
QR_SCALE = 5


@profile.get("")
def show() -> ResponseReturnValue:
    """Show what the account may change about itself."""
    return _page()


@profile.post("/password")
def change_password() -> ResponseReturnValue:
    """Change the password; the other sessions end."""
    if not _knows_password():
        return _page(WRONG), FAILED
    try:
        accounts.change_password(g.account, passwords.typed_twice(request.form))
    except UserError as weak:
        db.session.rollback()
        return _page(str(weak)), REFUSED
    return _done("The password is changed, and your other sessions have ended.")


@profile.post("/units")
def choose_units() -> ResponseReturnValue:
    """Choose in which units lengths are shown."""
    chosen = request.form.get("units", "")
    g.account.units = chosen if chosen in UNITS else None
    db.session.commit()
    return _done("The units are changed.")


@profile.post("/sessions/end")
def end_session() -> ResponseReturnValue:
    """End one of the account's own sessions."""
    if sessions.end_one(g.account, request.form.get("session", "")):
        record("session ended", g.account.email)
    db.session.commit()
    return _done("The session has ended.")


@profile.route("/second-factor", endpoint="second_factor", methods=["GET", "POST"])
def second_factor_page() -> ResponseReturnValue:
    """Set a second factor up: show its secret, and take the first code."""
    if g.account.has_second_factor:
        return flask.redirect(flask.url_for("profile.show"))
    if request.method == "GET":
        return _set_up_page(second_factor.offer(g.account))
    sealed = request.form.get("secret", "")
    if not _knows_password():
        return _set_up_page(sealed, WRONG), FAILED
    try:
        codes = second_factor.turn_on(g.account, sealed, request.form.get("code", ""))
    except UserError as wrong:
        return _set_up_page(sealed, str(wrong)), FAILED
    return flask.render_template("auth/recovery_codes.html", account=g.account, codes=codes)


@profile.post("/second-factor/off")
def turn_off() -> ResponseReturnValue:
    """Take the second factor away."""
    if not _knows_password():
        return _page(WRONG), FAILED
    second_factor.turn_off(g.account)
    db.session.commit()
    return _done("The second factor is off.")


@profile.post("/recovery-codes")
def recovery_codes() -> ResponseReturnValue:
    """Make new recovery codes and show them, once."""
    if not _knows_password():
        return _page(WRONG), FAILED
    if not g.account.has_second_factor:
        return flask.redirect(flask.url_for("profile.show"))
    codes = second_factor.renew_codes(g.account)
    return flask.render_template("auth/recovery_codes.html", account=g.account, codes=codes)


def _knows_password() -> bool:
    is_right = passwords.is_right(g.account, request.form.get("current", ""))
    if not is_right:
        record("password asked and wrong", g.account.email)
        db.session.commit()
    return is_right


def _page(error: str | None = None) -> str:
    config = flask.current_app.extensions["portal_config"]
    return render(
        "dashboard/profile.html",
        error=error,
        sessions=sessions.of(g.account, config),
        own_session=sessions.own_digest(),
        codes_left=second_factor.codes_left(g.account),
        units=UNITS,
    )


def _set_up_page(sealed: str, error: str | None = None) -> str:
    secret = second_factor.secret_of(g.account, sealed)
    if secret is None:
        flask.abort(400)
    code = segno.make(second_factor.app_address(g.account, secret))
    return flask.render_template(
        "auth/second_factor.html",
        account=g.account,
        sealed=sealed,
        secret=secret,
        picture=code.svg_data_uri(scale=QR_SCALE, light="white"),
        error=error,
    )


def _done(sentence: str) -> ResponseReturnValue:
    flask.flash(sentence)
    return flask.redirect(flask.url_for("profile.show"))

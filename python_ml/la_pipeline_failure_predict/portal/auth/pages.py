"""Sign in, sign out, and use an invitation."""

from urllib.parse import urlsplit

import flask
from flask import Blueprint, Flask, Response, g, request
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.portal.auth import accounts, passwords, sessions
from la_pipeline_failure_predict.portal.auth.audit import UNKNOWN, record
from la_pipeline_failure_predict.portal.auth.models import db

auth = Blueprint("auth", __name__)

WRONG = "The e-mail address or the password is wrong."
FAILED = 401
# Failures of one address, and of one account from all addresses.
BY_ADDRESS = "20 per 15 minutes"
BY_ACCOUNT = "10 per 15 minutes"
FIRST_PRINTABLE = 32


def limit_sign_in(limiter: Limiter, app: Flask) -> None:
    """Bound how often signing in, and using links, may fail."""

    def has_failed(response: Response) -> bool:
        return response.status_code == FAILED

    def account() -> str:
        return accounts.clean(request.form.get("email", ""))[:255]

    by_address = limiter.shared_limit(
        BY_ADDRESS, scope="sign-in", methods=["POST"], deduct_when=has_failed
    )
    by_account = limiter.limit(
        BY_ACCOUNT, key_func=account, methods=["POST"], deduct_when=has_failed
    )
    views = app.view_functions
    views["auth.login"] = by_address(  # type: ignore[assignment]
        by_account(views["auth.login"])
    )
    by_link = limiter.shared_limit(BY_ADDRESS, scope="invitations", deduct_when=has_failed)
    views["auth.invitation"] = by_link(  # type: ignore[assignment]
        views["auth.invitation"]
    )


@auth.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """Sign in with e-mail address and password."""
    following = _following()
    if request.method == "GET":
        if g.account:
            return flask.redirect(following)
        return flask.render_template("auth/login.html", following=following)
    account = accounts.find(request.form.get("email", "")[:255])
    if not passwords.is_right(account, request.form.get("password", "")) or account is None:
        record("sign-in failed", account.email if account else UNKNOWN, actor=UNKNOWN)
        db.session.commit()
        return flask.render_template("auth/login.html", following=following, error=WRONG), FAILED
    sessions.end()
    sessions.begin(account)
    record("signed in", account.email, actor=account.email)
    db.session.commit()
    return flask.redirect(following)


@auth.post("/logout")
def logout() -> ResponseReturnValue:
    """Sign out; the session ends here and not in the browser alone."""
    record("signed out", g.account.email)
    sessions.end()
    db.session.commit()
    return flask.redirect(flask.url_for("auth.login"))


@auth.route("/invitation/<token>", methods=["GET", "POST"])
def invitation(token: str) -> ResponseReturnValue:
    """Choose a password with a link that is valid once."""
    account = accounts.invited(token)
    if account is None:
        return flask.render_template("auth/register.html", account=None), FAILED
    error = None
    if request.method == "POST":
        try:
            if request.form.get("password", "") != request.form.get("again", ""):
                raise UserError("The two passwords differ.")
            accounts.accept(account, request.form.get("password", ""))
        except UserError as weak:
            db.session.rollback()
            error = str(weak)
        else:
            return flask.redirect(flask.url_for("auth.login"))
    page = flask.render_template("auth/register.html", account=accounts.invited(token), error=error)
    return page, 200 if error is None else 422


def _following() -> str:
    """Return where to go after signing in: a page of the portal, whatever the address says."""
    wanted = request.values.get("next", "")
    return wanted if is_page(wanted) else flask.url_for("pages.dashboard")


def is_page(address: str) -> bool:
    """Whether an address is a path of this portal, and of nobody else."""
    parts = urlsplit(address.replace("\\", "/"))
    return (
        address.startswith("/")
        and not address.startswith("//")
        and not parts.scheme
        and not parts.netloc
        and "\\" not in address
        and all(ord(character) >= FIRST_PRINTABLE for character in address)
    )

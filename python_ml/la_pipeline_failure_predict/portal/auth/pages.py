"""Sign in with one factor or two, sign out, and use an invitation."""

from collections.abc import Iterable
from urllib.parse import urlsplit

import flask
from flask import Blueprint, Flask, Response, g, request
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.portal.auth import accounts, passwords, second_factor, sessions
from la_pipeline_failure_predict.portal.auth.audit import UNKNOWN, record
from la_pipeline_failure_predict.portal.auth.models import Account, db

auth = Blueprint("auth", __name__)

WRONG = "The e-mail address or the password is wrong."
WRONG_CODE = "The code is wrong, or it was used before."
FAILED = 401
REFUSED = 422
"""Of what is typed and may not be."""
# Failures of one address, and of one account from all addresses.
BY_ADDRESS = "20 per 15 minutes"
BY_ACCOUNT = "10 per 15 minutes"
FIRST_PRINTABLE = 32


def limit_sign_in(limiter: Limiter, app: Flask, asking: Iterable[str]) -> None:
    """Bound how often passwords, codes and links may be wrong.

    Parameters
    ----------
    asking
        Endpoints besides signing in that ask for the password or a code.
    """

    def has_failed(response: Response) -> bool:
        return response.status_code == FAILED

    by_address = limiter.shared_limit(
        BY_ADDRESS, scope="sign-in", methods=["POST"], deduct_when=has_failed
    )
    by_account = limiter.shared_limit(
        BY_ACCOUNT, scope="account", key_func=_named, methods=["POST"], deduct_when=has_failed
    )
    views = app.view_functions
    for endpoint in ("auth.login", "auth.code", *asking):
        views[endpoint] = by_address(  # type: ignore[assignment]
            by_account(views[endpoint])
        )
    by_link = limiter.shared_limit(BY_ADDRESS, scope="invitations", deduct_when=has_failed)
    views["auth.invitation"] = by_link(  # type: ignore[assignment]
        views["auth.invitation"]
    )


def _named() -> str:
    """Return the e-mail address whose password or code this request tells."""
    known = None if request.endpoint == "auth.login" else g.account or sessions.waiting()
    return known.email if known else accounts.clean(request.form.get("email", ""))[:255]


@auth.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """Sign in with e-mail address and password."""
    following = following_page()
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
    if account.has_second_factor:
        db.session.commit()
        sessions.wait_for_code(account)
        return flask.redirect(flask.url_for("auth.code", next=following))
    return _enter(account, "password", following)


@auth.route("/login/code", methods=["GET", "POST"])
def code() -> ResponseReturnValue:
    """Sign in with a code of the app, or a recovery code, after the password."""
    following, account = following_page(), sessions.waiting()
    if account is None:
        return flask.redirect(flask.url_for("auth.login", next=following))
    if request.method == "GET":
        return flask.render_template("auth/code.html", following=following)
    used = second_factor.use(account, request.form.get("code", ""))
    if used is None:
        record("sign-in failed", account.email, "wrong code", actor=UNKNOWN)
        db.session.commit()
        page = flask.render_template("auth/code.html", following=following, error=WRONG_CODE)
        return page, FAILED
    return _enter(account, f"password and {used}", following)


def _enter(account: Account, how: str, following: str) -> ResponseReturnValue:
    sessions.begin(account)
    record("signed in", account.email, how, actor=account.email)
    db.session.commit()
    if account.welcomed_at is None:
        return flask.redirect(flask.url_for("pages.welcome", next=following))
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
            accounts.accept(account, passwords.typed_twice(request.form))
        except UserError as weak:
            db.session.rollback()
            error = str(weak)
        else:
            return flask.redirect(flask.url_for("auth.login"))
    page = flask.render_template("auth/register.html", account=accounts.invited(token), error=error)
    return page, 200 if error is None else REFUSED


def following_page() -> str:
    """Return where to go on to: a page of the portal, whatever the address says."""
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

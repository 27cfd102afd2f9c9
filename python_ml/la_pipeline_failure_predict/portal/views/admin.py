"""What administrators do: invite, change and end accounts, and read the audit."""

import flask
from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.portal.auth import accounts, audit
from la_pipeline_failure_predict.portal.auth.models import Account, db
from la_pipeline_failure_predict.portal.auth.pages import REFUSED
from la_pipeline_failure_predict.portal.auth.roles import MAY, ROLE_NAMES, RoleName
from la_pipeline_failure_predict.portal.data.figures import area_names
from la_pipeline_failure_predict.portal.views.pages import reader, render, require

admin = Blueprint("admin", __name__, url_prefix="/admin")

ALL_AREAS = "all"


@admin.before_request
def only_administrators() -> None:
    """Refuse everybody else, whatever the page."""
    require("administrator")


@admin.get("/users")
def users() -> ResponseReturnValue:
    """Show who may sign in, with what role and which areas."""
    return _users_page()


@admin.post("/users")
def invite() -> ResponseReturnValue:
    """Add an account, and show the link with which its owner chooses a password."""
    try:
        account = accounts.add(request.form.get("email", ""), *_role_and_areas())
    except UserError as error:
        return _users_page(str(error)), REFUSED
    return _link_page(account, accounts.invite(account))


@admin.get("/users/<int:account_id>")
def user(account_id: int) -> ResponseReturnValue:
    """Show an account and what can be done with it."""
    return _user_page(_administered(account_id))


@admin.post("/users/<int:account_id>")
def change(account_id: int) -> ResponseReturnValue:
    """Give an account another role and other areas."""
    account = _administered(account_id)
    try:
        accounts.change(account, *_role_and_areas(account))
    except UserError as error:
        return _user_page(account, str(error)), REFUSED
    return _done(f"{account.email} is changed.")


@admin.post("/users/<int:account_id>/reset")
def reset(account_id: int) -> ResponseReturnValue:
    """Take password and second factor away, and show the link for new ones."""
    account = _administered(account_id)
    return _link_page(account, accounts.reset(account))


@admin.post("/users/<int:account_id>/disable")
def disable(account_id: int) -> ResponseReturnValue:
    """Keep an account from signing in."""
    account = _administered(account_id)
    try:
        accounts.disable(account)
    except UserError as error:
        return _user_page(account, str(error)), REFUSED
    return _done(f"{account.email} is disabled.")


@admin.post("/users/<int:account_id>/sessions/end")
def end_sessions(account_id: int) -> ResponseReturnValue:
    """End all sessions of an account."""
    account = _administered(account_id)
    accounts.end_sessions(account)
    return _done(f"The sessions of {account.email} have ended.")


@admin.get("/audit")
def audit_page() -> ResponseReturnValue:
    """Show what was done, the newest first."""
    filters = {name: request.args.get(name, "").strip() for name in ("action", "account")}
    number = request.args.get("page", default=1, type=int)
    return render(
        "admin/audit.html",
        filters=filters,
        page=audit.find(**filters, number=number),
        actions=audit.actions(),
    )


def _administered(account_id: int) -> Account:
    """Return an account that who is signed in may change."""
    account = db.session.get(Account, account_id)
    if account is None or not g.account.covers(account.area_ids):
        flask.abort(404)
    return account


def _role_and_areas(account: Account | None = None) -> tuple[RoleName, list[str]]:
    """Read role and areas from the form; no areas are all.

    Raises
    ------
    UserError
        If there is no such role or area, or it is not the administrator's to give.
    """
    roles = [role for role in ROLE_NAMES if role == request.form.get("role")]
    if not roles:
        raise UserError("Choose a role.")
    area_ids = request.form.getlist("area")
    if request.form.get("areas") == ALL_AREAS:
        area_ids = []
    elif not area_ids:
        raise UserError("Choose areas, or all of them.")
    if set(area_ids) - set(_areas(account)):
        raise UserError("One of these areas is not published: choose again.")
    if not g.account.covers(frozenset(area_ids) or None):
        raise UserError("Your account gives its own areas alone: choose some of them.")
    return roles[0], area_ids


def _areas(account: Account | None = None) -> dict[str, str]:
    """Return names of the areas that can be chosen: those published, and those the account has."""
    source = reader()
    published = area_names(source) if source else []
    names = {row["area_id"]: row["area_name"] for row in published}
    own = account.area_ids if account else None
    return {area_id: area_id for area_id in sorted(own or ()) if area_id not in names} | names


def _users_page(error: str | None = None) -> str:
    return render(
        "admin/users.html",
        accounts=accounts.all_accounts(),
        roles=MAY,
        areas=_areas(),
        error=error,
    )


def _user_page(account: Account, error: str | None = None) -> str:
    return render("admin/user.html", item=account, roles=MAY, areas=_areas(account), error=error)


def _link_page(account: Account, token: str) -> str:
    scheme = flask.current_app.config["PREFERRED_URL_SCHEME"]
    link = flask.url_for("auth.invitation", token=token, _external=True, _scheme=scheme)
    return render("admin/link.html", item=account, link=link)


def _done(sentence: str) -> ResponseReturnValue:
    flask.flash(sentence)
    return flask.redirect(flask.url_for("admin.users"))

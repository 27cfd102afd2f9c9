"""Sessions as rows: an old cookie is worth nothing once its row is gone."""

import hashlib
import secrets
from datetime import timedelta

import sqlalchemy as sa
from flask import request, session
from flask_security.utils import login_user, logout_user

from la_pipeline_failure_predict.portal.auth.models import Account, SignedIn, db, now
from la_pipeline_failure_predict.portal.config import PortalConfig

TOKEN = "session_token"  # noqa: S105 - the name of the key
# A row is not written on every click.
SEEN_EVERY = timedelta(seconds=60)


def digest(token: str) -> str:
    """Return what the database keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def begin(account: Account) -> None:
    """Sign an account in: a new session, whatever the browser had before."""
    session.clear()
    token, moment = secrets.token_urlsafe(32), now()
    db.session.add(
        SignedIn(
            token_sha256=digest(token),
            account_id=account.id,
            created_at=moment,
            last_seen_at=moment,
            address=request.remote_addr or "",
        )
    )
    login_user(account, remember=False, authn_via=["password"])
    session[TOKEN] = token


def current(config: PortalConfig) -> Account | None:
    """Return who has the session of this request; None if it has ended."""
    token = session.get(TOKEN)
    if not isinstance(token, str):
        return None
    row = db.session.get(SignedIn, digest(token))
    moment = now()
    if row is None:
        return None
    is_over = moment - row.last_seen_at > config.idle or moment - row.created_at > config.absolute
    if is_over or not row.account.active:
        db.session.delete(row)
        db.session.commit()
        return None
    if moment - row.last_seen_at > SEEN_EVERY:
        row.last_seen_at = moment
        db.session.commit()
    return row.account


def end() -> None:
    """End the session of this request."""
    token = session.get(TOKEN)
    if isinstance(token, str):
        db.session.execute(sa.delete(SignedIn).where(SignedIn.token_sha256 == digest(token)))
    logout_user()
    session.clear()


def revoke(account: Account | None) -> int:
    """End all sessions of an account, or (None) of everybody; returns how many."""
    statement = sa.delete(SignedIn)
    if account is not None:
        statement = statement.where(SignedIn.account_id == account.id)
    ended: sa.CursorResult = db.session.execute(statement)  # type: ignore[assignment]
    return ended.rowcount

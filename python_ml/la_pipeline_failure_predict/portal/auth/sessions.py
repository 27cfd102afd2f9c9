"""Sessions as rows: an old cookie is worth nothing once its row is gone."""

import hashlib
import secrets
import time
from datetime import timedelta

import sqlalchemy as sa
from flask import current_app, request, session
from flask_security.utils import login_user, logout_user

from la_pipeline_failure_predict.portal.auth.models import MOST_ADDRESS, Account, SignedIn, db, now
from la_pipeline_failure_predict.portal.config import PortalConfig

TOKEN = "session_token"  # noqa: S105 - the name of the key
WAITS = "waits_for_code"
WAIT_S = 600
"""How long after the password the code may come, seconds."""
# A row is not written on every click.
SEEN_EVERY = timedelta(seconds=60)


def digest(token: str) -> str:
    """Return what the database keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def wait_for_code(account: Account) -> None:
    """Note in the cookie whose password was right; that is no session."""
    session.clear()
    session[WAITS] = [account.id, _password_mark(account), int(time.time())]


def waiting() -> Account | None:
    """Return whose password this browser has typed a moment ago, and who has to type a code."""
    account_id, mark, since = session.get(WAITS, (0, "", 0))
    account = db.session.get(Account, account_id)
    if account is None or not account.active or not account.has_second_factor:
        return None
    is_late = time.time() - since > WAIT_S
    return None if is_late or mark != _password_mark(account) else account


def _password_mark(account: Account) -> str:
    # Another password, and the old one is worth nothing here either.
    return digest(account.password or secrets.token_hex())


def begin(account: Account) -> None:
    """Sign an account in: a new session, whatever the browser had before; old rows go."""
    session.clear()
    token, moment = secrets.token_urlsafe(32), now()
    config: PortalConfig = current_app.extensions["portal_config"]
    _end(SignedIn.created_at < moment - config.absolute)
    db.session.add(
        SignedIn(
            token_sha256=digest(token),
            account_id=account.id,
            created_at=moment,
            last_seen_at=moment,
            address=(request.remote_addr or "")[:MOST_ADDRESS],
        )
    )
    login_user(account, remember=False, authn_via=["password"])
    session[TOKEN] = token


def current(config: PortalConfig) -> Account | None:
    """Return who has the session of this request; None if it has ended."""
    row = db.session.get(SignedIn, own_digest())
    moment = now()
    if row is None:
        return None
    account, this = row.account, SignedIn.token_sha256 == row.token_sha256
    # By statements, because another request may end the session meanwhile.
    if is_over(row, config) or not account.active:
        _end(this)
        db.session.commit()
        return None
    if moment - row.last_seen_at > SEEN_EVERY:
        db.session.execute(sa.update(SignedIn).where(this).values(last_seen_at=moment))
        db.session.commit()
    return account


def is_over(row: SignedIn, config: PortalConfig) -> bool:
    """Whether a session has been idle, or open, for too long."""
    moment = now()
    return moment - row.last_seen_at > config.idle or moment - row.created_at > config.absolute


def own_digest() -> str:
    """Return what the database keeps of this request's token; empty where it has none."""
    token = session.get(TOKEN)
    return digest(token) if isinstance(token, str) else ""


def of(account: Account, config: PortalConfig) -> list[SignedIn]:
    """Return the open sessions of an account, the last used first."""
    query = sa.select(SignedIn).where(SignedIn.account_id == account.id)
    rows = list(db.session.scalars(query.order_by(SignedIn.last_seen_at.desc())))
    return [row for row in rows if not is_over(row, config)]


def end_one(account: Account, token_sha256: str) -> bool:
    """End a session of an account; returns whether there was one."""
    return _end(SignedIn.account_id == account.id, SignedIn.token_sha256 == token_sha256) == 1


def end() -> None:
    """End the session of this request."""
    _end(SignedIn.token_sha256 == own_digest())
    logout_user()
    session.clear()


def revoke(account: Account | None) -> int:
    """End all sessions of an account, or (None) of everybody; returns how many."""
    return _end(*([] if account is None else [SignedIn.account_id == account.id]))


def begin_anew(account: Account) -> None:
    """End all sessions of who is signed in, and go on in a new one: cookies from before end."""
    revoke(account)
    begin(account)


def _end(*which: sa.ColumnElement[bool]) -> int:
    ended: sa.CursorResult = db.session.execute(  # type: ignore[assignment]
        sa.delete(SignedIn).where(*which)
    )
    return ended.rowcount

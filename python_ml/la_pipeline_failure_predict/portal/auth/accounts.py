"""Add, invite and disable accounts; within the context of an app."""

import re
import secrets
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.portal.auth import passwords, second_factor, sessions
from la_pipeline_failure_predict.portal.auth.audit import record
from la_pipeline_failure_predict.portal.auth.models import (
    Account,
    AccountArea,
    Invitation,
    db,
    now,
)
from la_pipeline_failure_predict.portal.auth.roles import ADMINISTRATOR, RoleName

VALID_FOR = timedelta(days=3)
EMAIL = re.compile(r"[^@\s\0]{1,64}@[^@\s\0]{1,190}")


def find(email: str) -> Account | None:
    """Return the account of an e-mail address, None where there is none."""
    return db.session.scalar(sa.select(Account).where(Account.email == clean(email)))


def get(email: str) -> Account:
    """Return the account of an e-mail address.

    Raises
    ------
    UserError
        If there is none.
    """
    account = find(email)
    if account is None:
        raise UserError(f"There is no account {email}: la-pipes portal user list shows them.")
    return account


def clean(email: str) -> str:
    """Return an e-mail address as it is kept."""
    return email.strip().lower()


def all_accounts() -> list[Account]:
    """Return all accounts by their e-mail addresses."""
    return list(db.session.scalars(sa.select(Account).order_by(Account.email)))


def add(
    email: str, role: RoleName, area_ids: Sequence[str] = (), password: str | None = None
) -> Account:
    """Add an account.

    Parameters
    ----------
    area_ids
        Areas that it may see; none of them for all.
    password
        None for an account that waits for its invitation to be used.

    Raises
    ------
    UserError
        If the address is no address or has an account, or the password is too weak.
    """
    if not EMAIL.fullmatch(clean(email)):
        raise UserError(f"{email!r} is not an e-mail address: type it like ana@example.org.")
    if find(email):
        raise UserError(f"There is an account {clean(email)} already: la-pipes portal user list.")
    account = Account(
        email=clean(email),
        role=role,
        active=True,
        sees_all_areas=not area_ids,
        areas=_rows_of(area_ids),
    )
    if password is not None:
        set_password(account, password)
    db.session.add(account)
    record("account added", account.email, _in_words(role, area_ids))
    db.session.commit()
    return account


def change(account: Account, role: RoleName, area_ids: Sequence[str]) -> None:
    """Give an account another role and other areas (none of them for all); sessions go on.

    Raises
    ------
    UserError
        If no other administrator could sign in.
    """
    if role != ADMINISTRATOR:
        _keep_an_administrator(account)
    account.role = role
    account.sees_all_areas = not area_ids
    kept = {area.area_id: area for area in account.areas}
    account.areas = [kept.get(area.area_id, area) for area in _rows_of(area_ids)]
    record("account changed", account.email, _in_words(role, area_ids))
    db.session.commit()


def _rows_of(area_ids: Sequence[str]) -> list[AccountArea]:
    return [AccountArea(area_id=area_id) for area_id in sorted(set(area_ids))]


def _in_words(role: RoleName, area_ids: Sequence[str]) -> str:
    return f"{role}, {', '.join(area_ids) or 'all areas'}"


def _keep_an_administrator(account: Account) -> None:
    """Refuse to take the last administrator away; until the commit, nobody else can either."""
    administers = Account.role == ADMINISTRATOR
    # Changes nothing, and locks: two administrators who end each other do so in turn.
    db.session.execute(sa.update(Account).where(administers).values(role=ADMINISTRATOR))
    db.session.refresh(account)
    able = sa.select(Account.id).where(administers, Account.active, Account.password.is_not(None))
    if list(db.session.scalars(able)) == [account.id]:
        db.session.rollback()
        raise UserError(
            f"{account.email} is the last administrator who can sign in: add another one first."
        )


def set_password(account: Account, password: str) -> None:
    """Give an account a password that it is not easy to guess.

    Raises
    ------
    UserError
        If the password is too short or too easily guessed.
    """
    if sentence := passwords.fault(password, account.email):
        raise UserError(sentence)
    passwords.keep(account, password)


def change_password(account: Account, password: str) -> None:
    """Give who is signed in another password; the other sessions end, and this one starts anew.

    Raises
    ------
    UserError
        If the password is too short or too easily guessed.
    """
    set_password(account, password)
    sessions.begin_anew(account)
    record("password changed", account.email)
    db.session.commit()


def welcome(account: Account) -> None:
    """Note that an account has been told how to read the pages."""
    account.welcomed_at = now()
    db.session.commit()


def invite(account: Account) -> str:
    """Return the token of a new link with which the account gets a password; older ones end."""
    token = secrets.token_urlsafe(32)
    _end_invitations(account)
    db.session.add(
        Invitation(
            token_sha256=sessions.digest(token),
            account_id=account.id,
            expires_at=now() + VALID_FOR,
        )
    )
    record("invited", account.email)
    db.session.commit()
    return token


def reset(account: Account) -> str:
    """Take password and second factor away, end the sessions, return the token of a new link."""
    account.password = None
    account.active = True
    if account.has_second_factor:
        second_factor.turn_off(account)
    sessions.revoke(account)
    record("password reset", account.email)
    return invite(account)


def disable(account: Account) -> None:
    """Keep an account from signing in, and end its sessions and invitations.

    Raises
    ------
    UserError
        If no other administrator could sign in.
    """
    _keep_an_administrator(account)
    account.active = False
    sessions.revoke(account)
    _end_invitations(account)
    record("account disabled", account.email)
    db.session.commit()


def end_sessions(account: Account | None) -> int:
    """End all sessions of an account, or (None) of everybody; returns how many."""
    ended = sessions.revoke(account)
    record("sessions ended", account.email if account else "everybody")
    db.session.commit()
    return ended


def invited(token: str) -> Account | None:
    """Return the account that a link is for; None if it was used or has expired."""
    row = db.session.get(Invitation, sessions.digest(token))
    if row is None or row.expires_at < now() or not row.account.active:
        return None
    return row.account


def accept(account: Account, password: str) -> None:
    """Give an invited account its password; the link ends, and so do its sessions.

    Raises
    ------
    UserError
        If the password is too short or too easily guessed; the link stays valid.
    """
    set_password(account, password)
    if not _end_invitations(account):
        raise UserError("This link was used a moment ago: ask for a new one.")
    sessions.revoke(account)
    record("password set", account.email, actor=account.email)
    db.session.commit()


def _end_invitations(account: Account) -> int:
    ended: sa.CursorResult = db.session.execute(  # type: ignore[assignment]
        sa.delete(Invitation).where(Invitation.account_id == account.id)
    )
    return ended.rowcount

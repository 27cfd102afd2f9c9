"""What was done with accounts and data, one row each."""

import getpass
from dataclasses import dataclass

import sqlalchemy as sa
from flask import g, has_request_context, request

from la_pipeline_failure_predict.portal.auth.models import MOST_ADDRESS, AuditEntry, db
from la_pipeline_failure_predict.portal.paging import Paging, find_page

UNKNOWN = "unknown account"
PAGE_ROWS = 100


@dataclass(frozen=True)
class Page(Paging):
    """Some entries of the audit."""

    entries: list[AuditEntry]


def record(action: str, subject: str = "", detail: str = "", actor: str | None = None) -> None:
    """Add a row to the audit; the caller commits.

    Parameters
    ----------
    actor
        E-mail address of who did it: by default who is signed in, or the user of the command.
    """
    db.session.add(
        AuditEntry(
            action=action,
            actor=actor or _actor(),
            subject=subject,
            detail=detail[:1000],
            address=(request.remote_addr or "")[:MOST_ADDRESS] if has_request_context() else "",
            request_id=g.request_id if has_request_context() else "",
        )
    )


def find(action: str = "", account: str = "", number: int = 1) -> Page:
    """Return a page of the audit; a number beyond the last one gives the last one.

    Parameters
    ----------
    action
        What was done; empty for all.
    account
        Part of the e-mail address of who did it, or to whom it was done; empty for all.
    """
    where = [AuditEntry.action == action] if action else []
    if account:
        names = (AuditEntry.actor, AuditEntry.subject)
        where.append(sa.or_(*(name.icontains(account, autoescape=True) for name in names)))
    total = db.session.scalar(sa.select(sa.func.count()).select_from(AuditEntry).where(*where)) or 0
    page = find_page(number, total, PAGE_ROWS)
    query = sa.select(AuditEntry).where(*where).order_by(AuditEntry.id.desc())
    rows = db.session.scalars(query.limit(PAGE_ROWS).offset(page.offset))
    return Page(**vars(page), entries=list(rows))


def actions() -> list[str]:
    """Return what has been done so far, each once."""
    query = sa.select(AuditEntry.action).distinct().order_by(AuditEntry.action)
    return list(db.session.scalars(query))


def _actor() -> str:
    if has_request_context():
        return g.account.email if g.get("account") else UNKNOWN
    try:
        return f"command of {getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no entry
        return "command"

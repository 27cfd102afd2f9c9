"""What was done with accounts and data, one row each."""

import getpass

import sqlalchemy as sa
from flask import g, has_request_context, request

from la_pipeline_failure_predict.portal.auth.models import AuditEntry, db

UNKNOWN = "unknown account"


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
            address=(request.remote_addr or "") if has_request_context() else "",
            request_id=g.request_id if has_request_context() else "",
        )
    )


def newest(rows: int) -> list[AuditEntry]:
    """Return the newest rows, the newest first."""
    query = sa.select(AuditEntry).order_by(AuditEntry.id.desc()).limit(rows)
    return list(db.session.scalars(query))


def _actor() -> str:
    if has_request_context():
        return g.account.email if g.get("account") else UNKNOWN
    try:
        return f"command of {getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no entry
        return "command"

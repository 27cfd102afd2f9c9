"""What administrators see: accounts and the audit."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from la_pipeline_failure_predict.portal.auth import accounts, audit
from la_pipeline_failure_predict.portal.views.pages import render, require

admin = Blueprint("admin", __name__, url_prefix="/admin")

AUDIT_ROWS = 200


@admin.get("/users")
def users() -> ResponseReturnValue:
    """Show who may sign in, with what role and which areas."""
    require("administrator")
    return render("admin/users.html", accounts=accounts.all_accounts())


@admin.get("/audit")
def audit_page() -> ResponseReturnValue:
    """Show what was done last."""
    require("administrator")
    return render("admin/audit.html", entries=audit.newest(AUDIT_ROWS), most=AUDIT_ROWS)

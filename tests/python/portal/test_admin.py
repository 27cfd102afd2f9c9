"""Accounts in the browser: who may change whom, and that somebody always can."""

import re
import threading
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.portal.auth import accounts, audit
from la_pipeline_failure_predict.portal.auth.models import db
from portal.conftest import ACCOUNT_ENGINES, PASSWORD, Browser, Portal

ROOT = "administrator-0@example.org"
ANA = "ana@example.org"
BEN = "ben@example.org"
LINK = re.compile(r"<code>http://localhost(/invitation/[\w-]+)</code>")


@pytest.fixture(params=ACCOUNT_ENGINES)
def accounts_engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def account_id(portal: Portal, email: str) -> int:
    with portal.app.app_context():
        return accounts.get(email).id


def state(portal: Portal, email: str) -> tuple[str, str, list[str] | None]:
    with portal.app.app_context():
        account = accounts.get(email)
        areas = None if account.area_ids is None else sorted(account.area_ids)
        return account.state, account.role, areas


def do(portal: Portal, browser: Browser, email: str, what: str, **fields: str) -> TestResponse:
    page = f"/admin/users/{account_id(portal, email)}"
    return browser.post(f"{page}{what}", page, **fields)


def test_an_invitation_is_shown_once_and_gives_what_was_chosen(
    portal: Portal, areas_of: dict[str, list[str]]
) -> None:
    browser = portal.signed_in("administrator")
    area = min(areas_of)
    shown = browser.post(
        "/admin/users", email=f" {ANA.upper()} ", role="planner", areas="some", area=area
    )
    (link,) = LINK.findall(shown.text)
    assert shown.headers["Cache-Control"] == "no-store"
    assert state(portal, ANA) == ("invited", "planner", [area])
    assert not LINK.search(browser.get("/admin/users").text)
    new = portal.browser()
    assert new.post(link, password=PASSWORD, again=PASSWORD).status_code == 302
    assert new.sign_in(ANA).status_code == 302
    assert portal.browser().get(link).status_code == 401
    assert link.rpartition("/")[2] not in browser.get("/admin/audit").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"email": "nobody", "role": "viewer", "areas": "all"}, "not an e-mail address"),
        ({"email": ROOT, "role": "viewer", "areas": "all"}, "There is an account"),
        ({"email": ANA, "role": "owner", "areas": "all"}, "Choose a role"),
        ({"email": ANA, "role": "viewer", "areas": "some"}, "Choose areas"),
        ({"email": ANA, "role": "viewer"}, "Choose areas"),
        ({"email": ANA, "role": "viewer", "areas": "some", "area": "x"}, "not published"),
    ],
)
def test_wrong_invitations_are_told_in_a_sentence(
    portal: Portal, fields: dict[str, str], said: str
) -> None:
    browser = portal.signed_in("administrator")
    refused = browser.post("/admin/users", **fields)
    assert refused.status_code == 422
    assert said in refused.text
    with portal.app.app_context():
        assert [account.email for account in accounts.all_accounts()] == [ROOT]


def test_accounts_are_changed_reset_and_disabled(
    portal: Portal, areas_of: dict[str, list[str]]
) -> None:
    browser = portal.signed_in("administrator")
    portal.add(BEN)
    other = portal.browser()
    other.sign_in(BEN)
    first, second = sorted(areas_of)[:2]
    changed = do(portal, browser, BEN, "", role="planner", areas="some", area=first)
    assert changed.status_code == 302
    assert state(portal, BEN) == ("active", "planner", [first])
    assert other.get(f"/pipe/{areas_of[second][0]}").status_code == 404
    do(portal, browser, BEN, "", role="viewer", areas="all")
    assert state(portal, BEN) == ("active", "viewer", None)
    assert other.get("/").status_code == 200
    do(portal, browser, BEN, "/sessions/end")
    assert other.get("/").status_code == 302
    other.sign_in(BEN)
    do(portal, browser, BEN, "/disable")
    assert state(portal, BEN)[0] == "disabled"
    assert other.get("/").status_code == 302
    portal.give_second_factor(BEN)
    (link,) = LINK.findall(do(portal, browser, BEN, "/reset").text)
    assert portal.browser().post(link, password=PASSWORD, again=PASSWORD).status_code == 302
    assert other.sign_in(BEN).headers["Location"] == "/"
    said = browser.get(f"/admin/audit?account={BEN}").text
    for action in ("account changed", "sessions ended", "account disabled", "second factor off"):
        assert action in said


def test_forms_of_administrators_are_theirs_and_need_their_token(portal: Portal) -> None:
    administrator = portal.signed_in("administrator")
    planner = portal.signed_in("planner")
    page = f"/admin/users/{account_id(portal, 'planner-0@example.org')}"
    forms = ("/admin/users", page, f"{page}/reset", f"{page}/disable", f"{page}/sessions/end")
    posts = {
        rule.rule.replace("<int:account_id>", page.rpartition("/")[2])
        for rule in portal.app.url_map.iter_rules()
        if rule.endpoint.startswith("admin.") and "POST" in (rule.methods or ())
    }
    assert posts == set(forms)
    fields = {"email": ANA, "role": "administrator", "areas": "all"}
    for address in forms:
        assert administrator.client.post(address, data=fields).status_code == 400, address
        assert planner.post(address, "/profile", **fields).status_code == 403, address
    assert planner.get(page).status_code == 403
    assert planner.get("/").status_code == 200
    assert administrator.get("/admin/users/999999").status_code == 404


def test_the_last_administrator_stays(portal: Portal) -> None:
    browser = portal.signed_in("administrator")
    with portal.app.app_context():
        accounts.invite(accounts.add(BEN, "administrator"))
    for what, fields in (("/disable", {}), ("", {"role": "planner", "areas": "all"})):
        refused = do(portal, browser, ROOT, what, **fields)
        assert refused.status_code == 422
        assert f"{ROOT} is the last administrator who can sign in" in refused.text
    assert state(portal, ROOT) == ("active", "administrator", None)
    with portal.app.app_context():
        with pytest.raises(UserError, match="last administrator"):
            accounts.disable(accounts.get(ROOT))
        with pytest.raises(UserError, match="last administrator"):
            accounts.change(accounts.get(ROOT), "viewer", ())
    portal.add(ANA, "administrator")
    assert do(portal, browser, ROOT, "/disable").status_code == 302
    assert state(portal, ROOT)[0] == "disabled"


def test_of_two_administrators_who_end_each_other_one_stays(portal: Portal) -> None:
    for email in (ANA, BEN):
        portal.add(email, "administrator")
    start = threading.Barrier(2)
    refused: list[str] = []

    def end(email: str) -> None:
        with portal.app.app_context():
            account = accounts.get(email)
            start.wait()
            try:
                accounts.disable(account)
            except UserError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=end, args=(email,)) for email in (ANA, BEN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert sorted(state(portal, email)[0] for email in (ANA, BEN)) == ["active", "disabled"]


def test_an_administrator_of_some_areas_gives_no_more_than_these(
    portal: Portal, areas_of: dict[str, list[str]]
) -> None:
    mine, theirs = sorted(areas_of)[:2]
    browser = portal.signed_in("administrator", (mine,))
    portal.add(BEN, "viewer", (mine,))
    portal.add(ANA)
    for given in ({"areas": "all"}, {"areas": "some", "area": theirs}):
        fields = {"email": "new@example.org", "role": "administrator", **given}
        assert browser.post("/admin/users", **fields).status_code == 422, given
        assert do(portal, browser, BEN, "", role="viewer", **given).status_code == 422, given
    page = f"/admin/users/{account_id(portal, ANA)}"
    assert browser.get(page).status_code == 404
    for what in ("", "/reset", "/disable", "/sessions/end"):
        assert browser.post(page + what, "/profile").status_code == 404, what
    assert state(portal, ANA)[0] == "active"
    assert do(portal, browser, BEN, "/disable").status_code == 302


def test_without_a_snapshot_accounts_of_all_areas_can_be_invited(
    make_portal: Callable[..., Portal],
) -> None:
    portal = make_portal(with_snapshot=False)
    browser = portal.signed_in("administrator")
    shown = browser.post("/admin/users", email=ANA, role="viewer", areas="all")
    assert LINK.search(shown.text)


def test_the_audit_is_read_page_by_page(portal: Portal) -> None:
    browser = portal.signed_in("administrator")
    with portal.app.app_context():
        for number in range(audit.PAGE_ROWS + 5):
            audit.record("export", "snapshot", f"row {number}", actor=ANA)
        audit.record("export", "snapshot", "row of ben_", actor="ben_@example.org")
        db.session.commit()
    found: list[str] = []
    address: str | None = f"/admin/audit?action=export&account={ANA.upper()}"
    while address:
        text = browser.get(address).text
        found += re.findall(r">row (\d+)<", text)
        following = re.search(r'href="([^"]+)" rel="next"', text)
        address = following[1].replace("&amp;", "&") if following else None
    assert found == [str(number) for number in reversed(range(audit.PAGE_ROWS + 5))]
    assert "row of ben_" not in browser.get("/admin/audit?account=ben%25").text
    assert "row of ben_" in browser.get("/admin/audit?account=BEN_").text
    for query in ("page=0", "page=-1", "page=9999", "page=x", "action=%27", "account=%00"):
        assert browser.get(f"/admin/audit?{query}").status_code in (200, 400), query

"""The pages: who may open which, and only what lies in the areas of an account."""

import csv
import io
import re
import threading
import time
from collections.abc import Callable

import duckdb
import pytest

from cities import City
from la_pipeline_failure_predict.portal.auth.roles import ROLE_NAMES, RoleName
from la_pipeline_failure_predict.portal.data import mains, plan
from la_pipeline_failure_predict.portal.data.exports import WRITERS
from la_pipeline_failure_predict.portal.data.publish import publish
from la_pipeline_failure_predict.portal.data.reader import Reader, Snapshots
from la_pipeline_failure_predict.portal.data.store import Store
from portal.conftest import Portal

FOR_ALL = ("/", "/risk", "/plan", "/reports", "/performance", "/quality")
FOR_PLANNERS = ("/risk.csv", "/risk.xlsx", "/risk.geojson", "/plan.csv", "/plan.xlsx")
FOR_ADMINISTRATORS = ("/admin/users", "/admin/audit")


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_every_role_opens_its_pages_and_no_other(portal: Portal, role: RoleName) -> None:
    browser = portal.signed_in(role)
    may = {"viewer": 0, "planner": 1, "administrator": 2}[role]
    for least, addresses in enumerate((FOR_ALL, FOR_PLANNERS, FOR_ADMINISTRATORS)):
        for address in addresses:
            answer = browser.get(address)
            assert answer.status_code == (200 if may >= least else 403), address
            assert answer.headers["Cache-Control"] == "no-store", address
    menu = browser.get("/").text
    assert ("/admin/users" in menu) == (role == "administrator")
    assert ("/risk.csv" in browser.get("/risk").text) == (role != "viewer")


def test_nothing_is_shown_without_signing_in(portal: Portal) -> None:
    browser = portal.browser()
    for address in (*FOR_ALL, *FOR_PLANNERS, *FOR_ADMINISTRATORS, "/pipe/P0000001", "/nothing"):
        answer = browser.get(address)
        assert answer.status_code == 302, address
        assert answer.headers["Location"].startswith("/login"), address
    assert browser.get("/login").status_code == 200
    assert browser.get("/static/portal.css").status_code == 200


def test_pages_show_what_the_snapshot_holds(portal: Portal, areas_of: dict[str, list[str]]) -> None:
    browser = portal.signed_in("planner")
    with duckdb.connect(
        str(Store(portal.config.folder).database(str(Store(portal.config.folder).current_id()))),
        read_only=True,
    ) as snapshot:
        first, total = snapshot.execute(
            "select min_by(pipe_id, risk_rank), count(*) from published.pipe_risk"
        ).fetchall()[0]
        factor = snapshot.execute(
            "select reason_name, rate_factor from published.pipe_reason_codes where pipe_id = $1 "
            "order by reason_rank",
            [first],
        ).fetchall()
        project = snapshot.execute(
            "select project_id from published.replacement_plan where plan_rank = 1"
        ).fetchall()[0][0]
    ranking = browser.get("/risk").text
    assert f"{total:,} mains" in ranking
    assert ranking.index(f"/pipe/{first}") < ranking.index("/pipe/", ranking.index(first) + 60)
    main = browser.get(f"/pipe/{first}").text
    for name, times in factor:
        assert name in main
        assert f"× {times:.2f}" in main
    assert f"/plan/{project}" in browser.get("/plan").text
    assert "This budget buys no project" in browser.get("/plan?budget=1").text
    for budget in ("nan", "-5", "1e999", "many", ""):
        assert browser.get(f"/plan?budget={budget}").status_code == 200, budget
    assert "Calibration" in browser.get("/performance").text
    assert "Passed" in browser.get("/quality").text
    footer = browser.get("/").text
    assert str(Store(portal.config.folder).current_id()) in footer


def test_filters_are_kept_in_the_address_and_page_by_page_no_main_is_lost(
    portal: Portal, areas_of: dict[str, list[str]]
) -> None:
    browser = portal.signed_in("planner")
    area = max(areas_of, key=lambda name: len(areas_of[name]))
    found: list[str] = []
    address: str | None = f"/risk?area={area}"
    while address:
        text = browser.get(address).text
        found += re.findall(r'href="/pipe/([^"]+)"', text)
        following = re.search(r'href="([^"]+)" rel="next"', text)
        address = following[1].replace("&amp;", "&") if following else None
        assert f'<option value="{area}" selected>' in text
    assert found == areas_of[area]
    assert [row["pipe_id"] for row in rows_of(browser.get(f"/risk.csv?area={area}").text)] == found
    for query in ("page=0", "page=-3", "page=99999", "page=x", "decade=x", "street=%27%3B--"):
        assert browser.get(f"/risk?{query}").status_code == 200, query


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_an_account_sees_its_areas_alone(
    portal: Portal, role: RoleName, areas_of: dict[str, list[str]]
) -> None:
    mine, theirs = sorted(areas_of)[:2]
    browser = portal.signed_in(role, (mine,))
    own, foreign = areas_of[mine][0], areas_of[theirs][0]
    assert browser.get(f"/pipe/{own}").status_code == 200
    assert browser.get(f"/pipe/{foreign}").status_code == 404
    assert browser.get(f"/pipe/{foreign}").text.count(foreign) == 0
    assert browser.get("/pipe/unknown").status_code == 404
    assert f"{len(areas_of[mine]):,} mains" in browser.get("/risk").text
    assert "No main is like this" in browser.get(f"/risk?area={theirs}").text
    every_text = "".join(
        browser.get(address).text for address in (*FOR_ALL, "/risk?page=2", "/plan?budget=1e11")
    )
    for area, pipe_ids in areas_of.items():
        if area != mine:
            shown = {pipe_id for pipe_id in pipe_ids if f'/{pipe_id}"' in every_text}
            assert not shown, area
            assert f'value="{area}"' not in every_text
    if role != "viewer":
        exported = rows_of(browser.get("/risk.csv").text)
        assert [row["pipe_id"] for row in exported] == areas_of[mine]
        assert rows_of(browser.get(f"/risk.csv?area={theirs}").text) == []


def test_every_query_of_a_scope_without_areas_finds_no_row(portal: Portal) -> None:
    snapshot = Snapshots(Store(portal.config.folder)).current()
    assert snapshot is not None
    whole, nobody = Reader(snapshot, None), Reader(snapshot, frozenset())
    open_tables = {
        *("dates", "climate_monthly", "calibration", "capture_curve"),
        *("exposures", "network_rate"),
    }
    for table, columns in snapshot.tables.items():
        count = f"select count(*) as rows from {table}"
        assert whole.rows(count) == [{"rows": snapshot.manifest.rows[table]}], table
        assert (nobody.rows(count)[0]["rows"] == 0) == (table not in open_tables), table
        assert "area_id" not in columns or table not in open_tables
    assert mains.rank(nobody, mains.Filters(), 1).total == 0
    for write in WRITERS.values():
        assert write(nobody, mains.export(mains.Filters()), io.BytesIO()) == 0
    assert plan.read_plan(nobody, plan.Wanted(1e9))["projects"] == []
    with pytest.raises(ValueError, match="goes round the areas"):
        nobody.rows("select * from published.pipe_risk")


def test_a_snapshot_gives_no_way_to_the_machine(portal: Portal) -> None:
    snapshot = Snapshots(Store(portal.config.folder)).current()
    assert snapshot is not None
    for statement in (
        "from read_text('/etc/hostname')",
        "set enable_external_access = true",
        "attach ':memory:' as other",
        "delete from published.pipes",
        "copy published.pipes to '/tmp/pipes.csv'",
        "install httpfs",
    ):
        with pytest.raises(duckdb.Error):
            snapshot.connection.cursor().execute(statement)


def test_empty_states_say_what_to_do(
    make_portal: Callable[..., Portal],
    sample_cities: dict[str, City],
    copy_city: Callable[[City], City],
) -> None:
    portal = make_portal(with_snapshot=False)
    viewer, administrator = portal.signed_in("viewer"), portal.signed_in("administrator")
    for address in FOR_ALL:
        assert "Nothing is published yet" in viewer.get(address).text, address
    assert "la-pipes portal publish" in administrator.get("/").text
    assert "la-pipes portal publish" not in viewer.get("/").text
    assert viewer.get("/pipe/P0000001").status_code == 404
    for address in (*FOR_PLANNERS, "/plan/P0000001"):
        assert administrator.get(address).status_code == 404, address

    city = copy_city(sample_cities["duckdb"])
    with city.connect() as warehouse:  # areas only, as in Los Angeles
        for table in ("pipe_risk", "pipe_breaks"):
            warehouse.execute(f"delete from powerbi.{table}")
        for table in ("fct_replacement_plan", "fct_plan_scenarios", "fct_pipe_reason_codes"):
            warehouse.execute(f"delete from risk.{table}")
        publish(warehouse, portal.config.folder)
    for address in (*FOR_ALL, *FOR_PLANNERS):
        assert administrator.get(address).status_code == 200, address
    assert administrator.get("/plan/P0000001").status_code == 404
    scored_no_more = administrator.get("/pipe/P0000001").text
    assert "This main is not scored" in scored_no_more
    assert "None on record" in scored_no_more
    assert "Likelihood and consequence" not in administrator.get("/risk").text
    assert "areas are, month by month" in administrator.get("/").text
    assert "No main is scored here" in administrator.get("/risk").text
    assert "There is no plan" in administrator.get("/plan").text

    with city.connect() as warehouse:
        warehouse.execute(
            "update powerbi.joined_risk_view set run_id = null, expected_breaks = null"
        )
        publish(warehouse, portal.config.folder, force=True)
    assert "No scores are published" in administrator.get("/").text
    for address in FOR_ALL:
        assert administrator.get(address).status_code == 200, address
    assert "names no reports" in administrator.get("/reports").text


def test_readers_never_see_an_error_or_two_snapshots_while_others_are_published(
    portal: Portal, sample_cities: dict[str, City], copy_city: Callable[[City], City]
) -> None:
    city = copy_city(sample_cities["duckdb"])
    portal.add("reader@example.org", "planner")
    done = threading.Event()
    wrong: list[str] = []
    seen: set[str] = set()

    def read() -> None:
        browser = portal.browser()
        browser.sign_in("reader@example.org")
        while not done.is_set():
            answer = browser.get("/risk?street=street")
            exported = browser.get("/risk.csv?risk_class=very_high")
            if {answer.status_code, exported.status_code} != {200}:
                wrong.append(f"{answer.status_code} {exported.status_code}")
                return
            # Each publish renames all streets, so that the rows of two would differ.
            streets = {row["street_name"] for row in rows_of(exported.text)}
            snapshots = {row["snapshot_id"] for row in rows_of(exported.text)}
            if len(streets) != 1 or len(snapshots) != 1:
                wrong.append(f"{streets} {snapshots}")
            seen.update(snapshots)

    def rename(number: int) -> None:
        warehouse.execute(f"update powerbi.pipe_risk set street_name = 'street {number}'")
        publish(warehouse, portal.config.folder, force=True)

    with city.connect() as warehouse:
        rename(0)
        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        for number in range(1, 4):
            rename(number)
        last = str(Store(portal.config.folder).current_id())
        until = time.monotonic() + 30
        while last not in seen and not wrong and time.monotonic() < until:
            time.sleep(0.05)
        done.set()
        for reader in readers:
            reader.join()
    assert not wrong
    assert last in seen, "a new snapshot is taken up without a restart"
    assert len(seen) > 1

"""The overview of reports: what dbt declares, and nothing else."""

import re
from collections.abc import Callable
from html import unescape

import yaml

from cities import ROOT, City
from la_pipeline_failure_predict.portal.data.exposures import read_exposures
from la_pipeline_failure_predict.portal.data.publish import publish
from portal.conftest import EXPOSURE, Portal
from portal.test_publish import publish_city

DECLARED = (
    "models/marts/powerbi/_powerbi__exposures.yml",
    "models/marts/_notebooks__exposures.yml",
)


def test_cards_are_the_exposures_of_dbt(
    sample_cities: dict[str, City], make_portal: Callable[..., Portal]
) -> None:
    portal = make_portal(with_snapshot=False)
    publish_city(sample_cities["duckdb"], portal.config.folder)
    browser = portal.signed_in("viewer", ("downtown",))
    text = browser.get("/reports").text
    cards = re.findall(r"<li>\n<h2>(.*?)</h2>\n<p>(.*?)</p>(.*?)</li>", text, flags=re.DOTALL)
    declared = {
        exposure["label"]: exposure
        for file in DECLARED
        for exposure in yaml.safe_load((ROOT / file).read_text())["exposures"]
    }
    assert len(cards) == len(declared)
    for label, description, rest in cards:
        exposure = declared.pop(unescape(label))
        assert unescape(description) == " ".join(exposure["description"].split())
        assert f'{exposure["owner"]["name"]}, <a href="mailto:{exposure["owner"]["email"]}' in rest
        assert f"<dd>{exposure['maturity']}</dd>" in rest
        assert "<dd>2025-01-01</dd>" in rest
        native = re.search(r'<p><a href="([^"]+)">', rest)
        assert native, label
        assert browser.get(native[1]).status_code == 200
        assert exposure["config"]["meta"]["portal"]["page"] in rest
    assert not declared


def test_an_exposure_without_a_page_here_is_a_card_without_a_link(
    sample_cities: dict[str, City], make_portal: Callable[..., Portal]
) -> None:
    portal = make_portal(with_snapshot=False)
    odd = EXPOSURE | {
        "label": "<b>",
        "maturity": None,
        "config": {"meta": {"portal": {"page": "x"}}},
    }
    with sample_cities["duckdb"].connect() as warehouse:
        publish(warehouse, portal.config.folder, read_exposures({"exposures": {"odd": odd}}))
        assert not publish(
            warehouse, portal.config.folder, read_exposures({"exposures": {"odd": odd}})
        ).is_new
        text = portal.signed_in("viewer").get("/reports").text
        assert "<h2>&lt;b&gt;</h2>" in text
        assert "<dd>not stated</dd>" in text
        assert "Open the page" not in text
        assert publish(warehouse, portal.config.folder, read_exposures({"exposures": {}})).is_new

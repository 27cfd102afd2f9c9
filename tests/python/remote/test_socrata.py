"""Datasets of Socrata portals: every row once, whatever a page does."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.remote.download import Downloaded, download
from la_pipeline_failure_predict.sources.remote.socrata import SocrataDataset
from remote import portal as faults
from remote.portal import Fault, Parameters, Portal

Fetch = Callable[..., Result]
RESOURCE = "/resource/jz5f-87wj"


class Dataset:
    """Monthly totals, as the portal of Los Angeles answers for them."""

    def __init__(self, portal: Portal, count: int = 25) -> None:
        self.rows = [(f"row-{i:04d}", f"Jan-{i:02d}", f'{i}, "x"\nnext') for i in range(count)]
        self.updated = 1_489_679_789
        portal.answers["/api/views/jz5f-87wj.json"] = lambda parameters: {
            "id": "jz5f-87wj",
            "license": {"name": "Creative Commons 1.0 Universal"},
            "rowsUpdatedAt": self.updated,
            "columns": [{"fieldName": ":id"}, {"fieldName": "month"}, {"fieldName": "total"}],
        }
        portal.answers[f"{RESOURCE}.csv"] = self.answer
        self.url = f"{portal.url}{RESOURCE}"

    def answer(self, parameters: Parameters) -> bytes:
        if parameters["$select"] == "count(*)":
            return b'"count"\n"%d"\n' % len(self.rows)
        start, count = int(parameters["$offset"]), int(parameters["$limit"])
        assert parameters["$order"] == ":id"
        text = io.StringIO()
        names = parameters["$select"].split(",")
        csv.writer(text, quoting=csv.QUOTE_ALL).writerows([names, *self.rows[start:][:count]])
        return text.getvalue().encode()

    def expected(self) -> list[list[str]]:
        return [["month", "total"], *([month, total] for _, month, total in self.rows)]


@pytest.fixture
def dataset(portal: Portal) -> Dataset:
    return Dataset(portal)


@pytest.fixture
def fetch_pages(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Downloaded]:
    """Fetch the dataset in pages of ten."""
    monkeypatch.setenv("NO_PROXY", "*")
    settings = Settings(http_retries=2, http_timeout_s=1)

    def fetch() -> Downloaded:
        file = SocrataDataset(settings, dataset.url, page_rows=10)
        return download("totals", [file], tmp_path / "totals", lambda done, total, what: None)

    return fetch


def rows(downloaded: Downloaded) -> list[list[str]]:
    with (downloaded.folder / "jz5f-87wj.csv").open(newline="", encoding="utf-8") as text:
        return list(csv.reader(text))


def short(handler: faults.Handler, content: bytes) -> None:
    lines = content.split(b'"row-')
    handler.send(b'"row-'.join(lines[:-2]))


BAD_ANSWERS: dict[str, Fault] = {
    "too many requests": faults.status(429, Retry_After="0"),
    "fault of the server": faults.status(500),
    "cut": faults.cut,
    "says too little": faults.says_too_little,
    "web page": faults.html,
    "wrong type": faults.wrong_type,
    "gzip": faults.zipped,
    "page repeated": faults.repeated,
    "page short": short,
}


@pytest.mark.parametrize("request_number", [1, 3, 4])
@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_one_bad_answer_costs_no_row_and_doubles_none(
    portal: Portal,
    dataset: Dataset,
    fetch_pages: Callable[[], Downloaded],
    name: str,
    request_number: int,
) -> None:
    portal.faults.extend([None] * request_number + [BAD_ANSWERS[name]])
    assert rows(fetch_pages()) == dataset.expected()


def test_rows_that_never_come_end_in_a_sentence_and_the_rest_goes_on_from_there(
    portal: Portal, dataset: Dataset, fetch_pages: Callable[[], Downloaded]
) -> None:
    portal.faults.extend([None] * 3 + [short] * 3)
    with pytest.raises(UserError, match="rows instead of 10, 3 times"):
        fetch_pages()
    portal.requests.clear()
    assert rows(fetch_pages()) == dataset.expected()
    assert [item[2]["$offset"] for item in portal.requests if "$offset" in item[2]] == ["10", "20"]


def test_data_that_change_between_pages_are_fetched_again(
    portal: Portal, dataset: Dataset, fetch_pages: Callable[[], Downloaded]
) -> None:
    def publish(handler: faults.Handler, content: bytes) -> None:
        dataset.rows = [("row-new", "Dec-02", "7"), *dataset.rows[2:]]
        dataset.updated += 1
        handler.send(content)

    portal.faults.extend([None] * 3 + [publish])
    assert rows(fetch_pages()) == dataset.expected()


def test_command_says_what_there_is_and_fetches_it(
    portal: Portal, dataset: Dataset, fetch: Fetch, tmp_path: Path
) -> None:
    result = fetch(f"socrata:{dataset.url}", "--dry-run")
    assert "25 rows" in result.output
    assert "Creative Commons 1.0 Universal" in result.output
    result = fetch(
        f"socrata:{dataset.url}", "--since", "2024-05-01", LA_PIPES_SOCRATA_APP_TOKEN="hush-hush"
    )
    assert result.exit_code == 0, result.output
    assert portal.requests[-1][3]["X-App-Token"] == "hush-hush"
    assert portal.requests[-1][2]["$where"] == ":updated_at >= '2024-05-01T00:00:00'"
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"hush-hush" not in file.read_bytes(), file
    assert "nothing new since" in fetch(f"socrata:{dataset.url}", "--since", "2024-05-01").output


def test_a_missing_dataset_is_a_sentence(portal: Portal, fetch: Fetch) -> None:
    result = fetch(f"socrata:{portal.url}/resource/aaaa-bbbb")
    assert result.exit_code == 2
    assert "answers 404: nothing has this address" in result.output
    assert "looks like jz5f-87wj" in fetch("socrata:data.lacity.org/breaks").output

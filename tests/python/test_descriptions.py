"""What the models' YAML says of a column is written once, and is true of it."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cities import ROOT
from la_pipeline_failure_predict.contracts.column_docs import PATH, render_column_docs
from la_pipeline_failure_predict.contracts.reader import read_tables
from la_pipeline_failure_predict.errors import UserError

# A text may stand twice, as in a model and in the one that passes it on; a third copy goes wrong.
COPIES = 2
BLOCK = re.compile(r"{% docs (\w+) %}\s*(.*?)\s*{% enddocs %}", re.DOTALL)


def _models() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the models of the hand-written YAML, with its path."""
    for file in sorted((ROOT / "models").rglob("*.yml")):
        if not file.name.endswith("__sources.yml"):
            declared = yaml.safe_load(file.read_text(encoding="utf-8"))
            for model in declared.get("models") or ():
                yield file.name, model


def _columns() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the columns of the models, each with the place it stands at."""
    for file, model in _models():
        for column in model.get("columns") or ():
            yield f"{file}: {model['name']}.{column['name']}", column


def _text(description: str | None) -> str:
    return " ".join((description or "").split())


def _hand_written_blocks() -> dict[str, str]:
    files = [file for file in (ROOT / "models").rglob("*.md") if file != ROOT / PATH]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return {name: _text(description) for name, description in BLOCK.findall(text)}


def test_a_description_is_not_copied_again_and_again() -> None:
    places = defaultdict(list)
    for place, column in _columns():
        places[_text(column.get("description"))].append(place)
    copied = {
        text: where
        for text, where in places.items()
        if len(where) > COPIES and text and not text.startswith("{{")
    }
    assert not copied, f"make a doc block in models/_docs of what {COPIES + 1} columns say"


def test_what_a_doc_block_says_is_not_written_again() -> None:
    blocks = {text: name for name, text in _hand_written_blocks().items()}
    copies = {
        place: f"{{{{ doc('{blocks[text]}') }}}}"
        for place, column in _columns()
        if (text := _text(column.get("description"))) in blocks
    }
    assert not copies


def test_a_view_for_power_bi_reads_what_its_mart_says_of_a_column() -> None:
    """Changed in the mart's YAML, a tooltip of Power BI changes too."""
    marts, views = defaultdict(set), {}
    for _, model in _models():
        for column in model.get("columns") or ():
            text = _text(column["description"])
            if model["name"].startswith("pbi_"):
                views[model["name"], column["name"]] = text
            elif model["name"].startswith(("dim_", "fct_")) and not text.startswith("{{"):
                marts[column["name"], text].add(model["name"])
    copies = {
        f"{view}.{column}": sorted(marts[column, text])
        for (view, column), text in views.items()
        if (column, text) in marts
    }
    assert not copies, "write {{ doc('<mart>__<column>') }}"


def test_a_staging_model_reads_what_the_contract_says_of_a_column() -> None:
    contracts = {
        (column.name.strip("_"), column.description)
        for table in read_tables(ROOT).values()
        for column in table.columns
    }
    copies = [
        f"{model['name']}.{column['name']}"
        for _, model in _models()
        for column in model.get("columns") or ()
        if model["name"].startswith("stg_")
        and (column["name"], _text(column["description"])) in contracts
    ]
    assert not copies, "write {{ doc('<table>__<column>') }}"


def test_every_doc_block_is_read() -> None:
    yaml_text = "".join(file.read_text() for file in (ROOT / "models").rglob("*.yml"))
    unread = [
        name
        for name in _hand_written_blocks()
        if not re.search(rf"doc\(['\"]+{name}['\"]+\)", yaml_text)
    ]
    assert not unread


def test_a_column_that_is_never_null_does_not_say_when_it_is() -> None:
    blocks = _hand_written_blocks()
    wrong = []
    for place, column in _columns():
        rules = [*(column.get("data_tests") or ()), *(column.get("constraints") or ())]
        text = re.sub(
            r"{{ doc\(['\"]+(\w+)['\"]+\) }}",
            lambda found: blocks.get(found[1], ""),
            _text(column.get("description")),
        )
        never_null = any("not_null" in str(rule) for rule in rules)
        if never_null and re.search(r"\bnull (where|in|while|when|without)\b", text):
            wrong.append((place, text))
    assert not wrong


def test_a_view_says_of_a_column_what_the_mart_says(tmp_path: Path) -> None:
    _write(tmp_path, mart={"description": "Lining: cement\n or none."})
    assert "{% docs dim_pipes__lining %}\nLining: cement or none.\n{% enddocs %}" in (
        render_column_docs(tmp_path)
    )


@pytest.mark.parametrize(
    ("mart", "told"),
    [
        ({"description": "Lining.", "name": "linning"}, "no model or source has that column"),
        ({}, "no model or source has that column with a description"),
        ({"description": "{{ doc('lining') }}"}, r"write {{ doc\('lining'\) }} there too"),
    ],
)
def test_a_view_cannot_read_what_no_mart_says(
    mart: dict[str, str], told: str, tmp_path: Path
) -> None:
    _write(tmp_path, mart)
    with pytest.raises(UserError, match=told):
        render_column_docs(tmp_path)


def _write(root: Path, mart: dict[str, str]) -> None:
    """Write a mart with the column lining, and a view that shows it."""
    view = {"name": "lining", "description": "{{ doc('dim_pipes__lining') }}"}
    for name, column in {"dim_pipes": {"name": "lining"} | mart, "pbi_pipes": view}.items():
        file = root / "models" / f"_{name}__models.yml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump({"models": [{"name": name, "columns": [column]}]}))

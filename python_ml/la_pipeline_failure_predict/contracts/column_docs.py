"""Write dbt's doc blocks of the columns that a view passes on: a description is written once.

The description of a column is in the YAML of the mart that makes it, or in the contract of a table
that Python writes. The YAML of a view that shows the column reads it:
``{{ doc('dim_pipes__lining') }}`` is what dim_pipes says of its column lining.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from la_pipeline_failure_predict.contracts.generated import write_drifted
from la_pipeline_failure_predict.errors import UserError

PATH = Path("models/_docs/columns.md")
HEADER = (
    "Generated from the YAML of models and sources by `la-pipes contracts sync`; change it there.\n"
)
# Hand-written blocks have no double underscore.
REFERENCE = re.compile(r"doc\(\s*['\"]+(\w+__\w+)['\"]+\s*\)")


def sync_column_docs(root: Path, check: bool = False) -> list[Path]:
    """Write the doc blocks if they differ and return their path; with `check`, write nothing.

    Raises
    ------
    UserError
        If YAML reads the description of a column that no model has, or that is read from a doc
        block itself.
    """
    return write_drifted(root, {PATH: render_column_docs(root)}, check)


def render_column_docs(root: Path) -> str:
    """Return the doc blocks that the YAML of the models reads, in the order of their names."""
    files = sorted((root / "models").rglob("*.yml"))
    texts = [file.read_text(encoding="utf-8") for file in files]
    descriptions = dict(pair for text in texts for pair in _descriptions(text))
    names = sorted({name for text in texts for name in REFERENCE.findall(text)})
    return "\n".join([HEADER, *(_block(name, descriptions.get(name)) for name in names)])


def _descriptions(text: str) -> Iterator[tuple[str, str]]:
    """Return what a file says of columns, by model or source table, and column."""
    declared: Any = yaml.safe_load(text)
    sources = declared.get("sources") or ()
    tables = [*(declared.get("models") or ()), *(item for one in sources for item in one["tables"])]
    for table in tables:
        for column in table.get("columns") or ():
            description = " ".join(column.get("description", "").split())
            yield f"{table['name']}__{column['name']}", description


def _block(name: str, description: str | None) -> str:
    if not description:
        raise UserError(
            f"A description in models/ is {{{{ doc('{name}') }}}}, and no model or source has that "
            "column with a description: name a table and its column, joined by two underscores."
        )
    if "{{" in description:
        raise UserError(
            f"A description in models/ is {{{{ doc('{name}') }}}}, which is a doc block itself: "
            f"write {description} there too."
        )
    return f"{{% docs {name} %}}\n{description}\n{{% enddocs %}}\n"

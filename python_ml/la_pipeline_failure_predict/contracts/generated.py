"""Files that are generated, committed and compared: how they are written, and how they look."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from la_pipeline_failure_predict.files import write_whole


def write_drifted(root: Path, rendered: Mapping[Path, str], check: bool = False) -> list[Path]:
    """Write the files that differ and return their paths; with `check`, write nothing.

    Parameters
    ----------
    rendered
        Text of each file, by path relative to the project folder.
    """
    drifted = []
    for path, text in rendered.items():
        file = root / path
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            continue
        drifted.append(path)
        if not check:
            write_whole(file, text)
    return drifted


def to_yaml(content: object) -> str:
    """Return YAML in the project's style: order kept, lists indented, no anchors."""
    return yaml.dump(content, Dumper=_Indented, sort_keys=False, width=100, allow_unicode=True)


class _Indented(yaml.SafeDumper):
    """Indents lists under their key, as the hand-written YAML does."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent one level; lists too."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        """Repeat what is shared in full."""
        return True

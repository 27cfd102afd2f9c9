"""Files that are generated, committed and compared: how they are written, and how they look."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from la_pipeline_failure_predict.files import atomic_write


def write_drifted(
    root: Path, rendered: Mapping[Path, str | bytes], check: bool = False
) -> list[Path]:
    """Write the files that differ and return their paths; with `check`, write nothing.

    Parameters
    ----------
    rendered
        Content of each file, by path relative to the project folder; text is UTF-8.
    """
    drifted = []
    for path, content in rendered.items():
        file = root / path
        wanted = content.encode() if isinstance(content, str) else content
        if file.is_file() and file.read_bytes() == wanted:
            continue
        drifted.append(path)
        if not check:
            with atomic_write(file, "wb") as stream:
                stream.write(wanted)
    return drifted


def to_yaml(content: object) -> str:
    """Return YAML in the project's style: order kept, lists indented, no anchors."""
    return yaml.dump(content, Dumper=_Indented, sort_keys=False, width=84, allow_unicode=True)


class _Indented(yaml.SafeDumper):
    """Indents lists under their key, as the hand-written YAML does."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent one level; lists too."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        """Repeat what is shared in full."""
        return True

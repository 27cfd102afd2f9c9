"""Read a template (.pbit) back, as Power BI does."""

import io
import json
import zipfile
from typing import Any

from la_pipeline_failure_predict.powerbi.pbit import CONTENT, CONTENT_TYPES, ENCODING, VERSION

# Keys under which a layout holds JSON as text.
STRINGIFIED = ("config", "filters")


def raw_parts(content: bytes) -> dict[str, bytes]:
    """Return the parts of a template by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def read_template(content: bytes) -> dict[str, Any]:
    """Return the parts by name: JSON as objects, also where a layout holds it as text."""
    return {name: _decoded(name, part) for name, part in raw_parts(content).items()}


def _decoded(name: str, part: bytes) -> Any:
    text = part.decode(ENCODING if name in CONTENT else "utf-8")
    return text if name in (VERSION, CONTENT_TYPES) else _unpacked(json.loads(text))


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(one) for one in value]
    if isinstance(value, dict):
        return {
            key: _unpacked(json.loads(one) if key in STRINGIFIED and isinstance(one, str) else one)
            for key, one in value.items()
        }
    return value

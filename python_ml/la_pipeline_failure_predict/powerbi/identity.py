"""Identifiers of Power BI's files: made from what a thing is, so that a new build keeps them."""

import hashlib
import uuid

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "la_pipeline_failure_predict/powerbi")
# A character that no name contains, so that ("a", "bc") and ("ab", "c") differ.
SEPARATOR = "\x1f"


def guid(*path: str) -> str:
    """Return the GUID of what this path names: a lineage tag, a relationship, an item.

    Version 5 of RFC 9562: the same path gives the same GUID on every machine.
    """
    return str(uuid.uuid5(NAMESPACE, SEPARATOR.join(path)))


def short_name(*path: str) -> str:
    """Return 20 hexadecimal digits for what this path names, as pages and visuals are called."""
    return hashlib.sha256(SEPARATOR.join(path).encode()).hexdigest()[:20]

"""Write the macro of the terms that a model of the mains can have, from the features' YAML.

A macro that reads the YAML through dbt's graph gives the same scores, but dbt's unit tests have no
graph to read.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from la_pipeline_failure_predict.contracts.generated import write_drifted
from la_pipeline_failure_predict.model.features import FEATURES_FILE, Features, read_features
from la_pipeline_failure_predict.model.grains import MAINS

MACRO_FILE = Path("macros/scores/pipe_terms.sql")


def sync_terms_macro(root: Path, check: bool = False) -> list[Path]:
    """Write the macro if it differs and return its path; with `check`, write nothing.

    Raises
    ------
    UserError
        If the features are not declared right.
    """
    return write_drifted(root, {MACRO_FILE: render_terms(read_features(root, MAINS))}, check)


def render_terms(features: Features) -> str:
    """Return the text of the macro."""
    # Imported here, because it takes half a second that --help should not take.
    from la_pipeline_failure_predict.model.candidates.empirical_bayes import RECORD_COUNTS

    return "\n".join(
        [
            f"{{#- Generated from {FEATURES_FILE} by `la-pipes contracts sync`;",
            "    change it there. -#}",
            *_macro("pipe_terms", _terms(features)),
            "",
            "",
            "{#- Counts of a main's own breaks that the empirical-Bayes factor can read. -#}",
            *_macro("pipe_history_counts", (f"'{name}'," for name in RECORD_COUNTS)),
            "",
        ]
    )


def _macro(name: str, entries: Iterable[str]) -> Iterator[str]:
    yield f"{{% macro {name}() %}}"
    yield "    {{ return(["
    yield from (f"        {entry}" for entry in entries)
    yield "    ]) }}"
    yield "{% endmacro %}"


def _terms(features: Features) -> Iterator[str]:
    for name, item in features.declared.items():
        if item.reason:
            yield f"{{'feature': '{name}', 'transform': '{item.transform}',"
            yield f" 'reason': '{item.reason}'}},"

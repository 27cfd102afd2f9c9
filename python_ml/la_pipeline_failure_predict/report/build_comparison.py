"""Say in Markdown how two builds differ, short enough for a comment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from la_pipeline_failure_predict.report.build_snapshot import (
    FIGURES,
    GRAIN_NAMES,
    METRICS,
    TOP_COUNT,
    Build,
    Style,
)

NOTHING = "–"


@dataclass(frozen=True)
class Growth:
    """How the rows of a mart changed."""

    mart: str
    before: int
    after: int

    @property
    def share(self) -> float:
        """Change as a share of the rows before; infinite from none."""
        if self.before == self.after:
            return 0.0
        return (self.after - self.before) / self.before if self.before else float("inf")


def growths(base: Build, build: Build) -> list[Growth]:
    """Return how the marts of both builds grew; a mart that is gone has no rows left."""
    return [
        Growth(name, mart.rows, build.marts[name].rows if name in build.marts else 0)
        for name, mart in base.marts.items()
    ]


def describe_comparison(base: Build, build: Build) -> str:
    """Return the comparison as Markdown."""
    blocks = [
        "## Build comparison",
        f"Base: {_code(base.label)}. This build: {_code(build.label)}.",
        "### Key figures",
        _table(("figure", "base", "this build", "change"), list(_figure_rows(base, build))),
        "### Rows",
        _table(("mart", "base", "this build", "change"), list(_row_counts(base, build))),
        "### Tables and columns",
        "\n".join(f"- {line}" for line in _structure(base, build)) or "No change.",
    ]
    return "\n\n".join(blocks) + "\n"


def _figure_rows(base: Build, build: Build) -> Iterator[Sequence[str]]:
    for key, figure in FIGURES.items():
        yield _figure_row(figure.label, figure.style, key, base, build)
    for grain, grain_name in GRAIN_NAMES.items():
        before, after = base.runs.get(grain), build.runs.get(grain)
        if not (before or after):
            continue
        runs = [_code(run) if run else NOTHING for run in (before, after)]
        yield f"{grain_name}: newest run", *runs, "0" if before == after else "another run"
        for metric, (label, style) in METRICS.items():
            key = f"{grain}.{metric}"
            if key in base.figures or key in build.figures:
                yield _figure_row(f"{grain_name}: {label}", style, key, base, build)
    if base.top_mains and build.top_mains:
        count = min(TOP_COUNT, len(base.top_mains))
        kept = len(set(base.top_mains) & set(build.top_mains))
        yield (
            f"First {count} mains of the ranking",
            "",
            f"{kept} of {count} kept",
            _signed(kept - count, "count"),
        )


def _figure_row(label: str, style: Style, key: str, base: Build, build: Build) -> Sequence[str]:
    before, after = base.figures.get(key), build.figures.get(key)
    if before is None or after is None:
        change = NOTHING
    elif style == "count":
        change = _growth(Growth(key, int(before), int(after)))
    else:
        change = _signed(after - before, style)
    return label, _written(before, style), _written(after, style), change


def _row_counts(base: Build, build: Build) -> Iterator[Sequence[str]]:
    for growth in growths(base, build):
        if growth.mart in build.marts:
            yield (
                _code(growth.mart),
                f"{growth.before:,}",
                f"{growth.after:,}",
                _growth(growth),
            )
        else:
            yield _code(growth.mart), f"{growth.before:,}", NOTHING, "removed"
    for name, mart in build.marts.items():
        if name not in base.marts:
            yield _code(name), NOTHING, f"{mart.rows:,}", "new"


def _structure(base: Build, build: Build) -> Iterator[str]:
    for name in sorted(build.marts.keys() - base.marts.keys()):
        yield f"{_code(name)} is new"
    for name in sorted(base.marts.keys() - build.marts.keys()):
        yield f"{_code(name)} is removed"
    for name, mart in base.marts.items():
        if name not in build.marts:
            continue
        before, after = mart.columns, build.marts[name].columns
        for column in after:
            if column not in before:
                yield f"{_code(name)}: column {_code(column)} is new"
            elif before[column] != after[column]:
                yield (
                    f"{_code(name)}: column {_code(column)} was {before[column]}, "
                    f"is {after[column]}"
                )
        for column in before:
            if column not in after:
                yield f"{_code(name)}: column {_code(column)} is removed"


def _growth(growth: Growth) -> str:
    difference = growth.after - growth.before
    if difference == 0 or growth.before == 0:
        return _signed(difference, "count")
    return f"{_signed(difference, 'count')} ({growth.share:+.1%})"


def _written(value: float | None, style: Style) -> str:
    if value is None:
        return NOTHING
    if style == "share":
        return f"{value:.1%}"
    return f"{value:,.0f}" if style == "count" else f"{value:,.3f}"


def _signed(difference: float, style: Style) -> str:
    if style == "count":
        return f"{difference:+,.0f}" if difference else "0"
    if style == "share":
        points = round(100 * difference, 1)
        return f"{points:+.1f} points" if points else "0"
    rounded = round(difference, 3)
    return f"{rounded:+,.3f}" if rounded else "0"


def _code(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|") + "`"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ("---", *["--:"] * (len(header) - 1)), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

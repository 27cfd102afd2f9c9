"""What a check found: one outcome per rule, grouped by table."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from great_expectations.core import ExpectationSuiteValidationResult

from la_pipeline_failure_predict.tables import NONE, Rule

Status = Literal["pass", "warn", "fail", "error", "skip"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a rule.

    Attributes
    ----------
    status
        ``warn`` for a broken rule of severity warning, ``fail`` for one of severity error,
        ``error`` where the rule could not be evaluated, ``skip`` where there was nothing to judge.
    failures
        Rows (or keys) that break the rule; 1 for a figure of the whole table out of its bound.
    figure
        The figure of a rule that has one.
    examples
        A few broken values or rows, as text.
    message
        What went wrong where the rule could not be evaluated.
    """

    rule: Rule
    status: Status
    failures: int = 0
    figure: float | None = None
    examples: tuple[str, ...] = ()
    message: str | None = None

    @property
    def explanation(self) -> str:
        """One sentence: what is wrong, how often, for example where."""
        if self.message:
            return f"could not be evaluated: {self.message}"
        text = self.rule.reason.rstrip(".")
        if self.rule.query or self.rule.bound != NONE:
            unit = " % of the rows" if self.rule.is_share else ""
            figure = "none" if self.figure is None else f"{self.figure:.6g}"
            text += f" ({figure}{unit}, must be {self.rule.bound})"
        if self.examples:
            text += f"; for example {', '.join(self.examples)}"
        return text


@dataclass(frozen=True)
class TableOutcome:
    """The outcomes of one table.

    Attributes
    ----------
    validation
        Great Expectations' own result, which the Data Docs show.
    """

    schema: str
    name: str
    rows: int
    seconds: float
    outcomes: tuple[Outcome, ...]
    validation: ExpectationSuiteValidationResult | None

    @property
    def full_name(self) -> str:
        """Schema and name."""
        return f"{self.schema}.{self.name}"

    def count(self, *statuses: Status) -> int:
        """Return the number of outcomes of these statuses."""
        return sum(outcome.status in statuses for outcome in self.outcomes)

    @property
    def rules(self) -> int:
        """Rules that were judged."""
        return len(self.outcomes) - self.count("skip")

    @property
    def status(self) -> Status:
        """The worst of its outcomes; ``skip`` where only columns could be judged, without rows."""
        worst: tuple[Status, ...] = ("error", "fail", "warn")
        kept: Status = "pass" if self.rows else "skip"
        return next((status for status in worst if self.count(status)), kept)

    def broken(self) -> list[Outcome]:
        """Outcomes of rules that do not hold, the worst first."""
        order = {"error": 0, "fail": 0, "warn": 1}
        found = [outcome for outcome in self.outcomes if outcome.status in order]
        return sorted(found, key=lambda outcome: order[outcome.status])


@dataclass(frozen=True)
class Findings:
    """Everything a check found.

    Attributes
    ----------
    not_checked
        Tables that are not there and why, a sentence each.
    """

    label: str
    tables: tuple[TableOutcome, ...]
    not_checked: tuple[str, ...] = ()

    def broken(self) -> Iterator[tuple[TableOutcome, Outcome]]:
        """Yield what is not well, failures before warnings."""
        pairs = [(table, outcome) for table in self.tables for outcome in table.broken()]
        yield from (pair for pair in pairs if pair[1].status != "warn")
        yield from (pair for pair in pairs if pair[1].status == "warn")

    @cached_property
    def failed(self) -> int:
        """Rules of severity error that are broken or could not be evaluated."""
        return sum(outcome.status != "warn" for _, outcome in self.broken())

    @cached_property
    def warned(self) -> int:
        """Rules of severity warning that are broken."""
        return sum(outcome.status == "warn" for _, outcome in self.broken())

    @cached_property
    def checked(self) -> tuple[TableOutcome, ...]:
        """Tables of which something could be judged."""
        return tuple(table for table in self.tables if table.status != "skip")

    @property
    def rules(self) -> int:
        """Rules that were judged."""
        return sum(table.rules for table in self.checked)

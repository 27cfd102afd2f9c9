"""What a rule is, what it finds, and how a finding is waived."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

log = logging.getLogger(__name__)
Subject = TypeVar("Subject")


@dataclass(frozen=True, order=True)
class Spot:
    """What a finding is about.

    Attributes
    ----------
    file
        File, with its line where it is known, or the view of the warehouse.
    thing
        Object of the file, such as 'Main Breaks'[Break Date].
    """

    file: str
    thing: str


@dataclass(frozen=True, order=True)
class Violation:
    """A place where a rule does not hold.

    Attributes
    ----------
    message
        One sentence that says what is wrong and how to fix it.
    is_error
        Whether Power BI would refuse the files or show something wrong; else it is a warning.
    """

    place: Spot
    rule: str
    message: str
    is_error: bool

    def __str__(self) -> str:
        return f"{self.place.file}: {self.message} ({self.rule})"


@dataclass(frozen=True)
class Waiver:
    """A rule that is waived, and why.

    Attributes
    ----------
    thing
        What it is waived for, as `Spot` names it; everything where empty.
    """

    rule: str
    thing: str
    reason: str

    def covers(self, violation: Violation) -> bool:
        """Tell whether it is for this violation."""
        return self.rule == violation.rule and self.thing in ("", violation.place.thing)


Finding = tuple[Spot, str]
Check = Callable[[Subject], Iterator[Finding]]


@dataclass(frozen=True)
class RuleBook(Generic[Subject]):
    """The rules about one kind of subject, by name."""

    checks: dict[str, tuple[Check[Subject], bool]] = field(default_factory=dict)

    def error(self, name: str) -> Callable[[Check[Subject]], Check[Subject]]:
        """Add a rule whose findings stop Power BI, or make it show something wrong."""
        return self._adder(name, is_error=True)

    def warning(self, name: str) -> Callable[[Check[Subject]], Check[Subject]]:
        """Add a rule whose findings make a model slower or harder to read."""
        return self._adder(name, is_error=False)

    def _adder(self, name: str, *, is_error: bool) -> Callable[[Check[Subject]], Check[Subject]]:
        def add(check: Check[Subject]) -> Check[Subject]:
            self.checks[name] = check, is_error
            return check

        return add

    def violations(self, subject: Subject) -> Iterator[Violation]:
        """Yield what the rules find; a finding's text goes on from the name of its object.

        A rule that fails is reported by its name, and the others go on.
        """
        for name, (check, is_error) in self.checks.items():
            try:
                for place, text in check(subject):
                    yield Violation(place, name, f"{place.thing} {text}.", is_error)
            except Exception as error:
                log.debug("the rule %s failed", name, exc_info=error)
                message = (
                    f"The rule cannot judge these files ({error!r}): run la-pipes powerbi build, "
                    "and report a fault of the rule if that does not help."
                )
                yield Violation(Spot("rules", name), name, message, is_error=True)


def without_waived(violations: Iterable[Violation], waivers: Sequence[Waiver]) -> list[Violation]:
    """Return the violations that no waiver covers, and a warning for each waiver that is idle."""
    found = sorted(violations)
    kept = [one for one in found if not any(waiver.covers(one) for waiver in waivers)]
    idle = [waiver for waiver in waivers if not any(map(waiver.covers, found))]
    return kept + [
        Violation(
            Spot("waivers", waiver.thing),
            "IDLE_WAIVER",
            f"The waiver of {waiver.rule} for {waiver.thing or 'everything'} covers nothing: "
            "delete it.",
            is_error=False,
        )
        for waiver in idle
    ]

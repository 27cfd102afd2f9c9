"""How many rows of a delivery may be refused before the whole delivery is refused."""

import re
from dataclasses import dataclass

from la_pipeline_failure_predict.errors import UserError

LIMIT = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(%?)\s*$")


@dataclass(frozen=True)
class RejectLimit:
    """The most rows that may be set aside: a share of the delivery in percent, or a number."""

    amount: float
    is_share: bool

    @classmethod
    def parse(cls, text: str) -> "RejectLimit":
        """Read ``1%`` or ``250``.

        Raises
        ------
        UserError
            If it is neither, or a share over 100 %.
        """
        found = LIMIT.match(text)
        is_share = bool(found and found[2])
        if found is None or (is_share and float(found[1]) > 100):
            raise UserError(
                f"--max-rejects {text!r} is neither a share such as 1% nor a number such as 250."
            )
        return cls(float(found[1]), is_share)

    def allows(self, refused: int, rows: int) -> bool:
        """Whether so many refused rows of a delivery are still acceptable."""
        return refused <= (self.amount / 100 * rows if self.is_share else self.amount)

    def __str__(self) -> str:
        """Write it as it is read."""
        return f"{self.amount:g}{'%' if self.is_share else ''}"


DEFAULT_LIMIT = RejectLimit(10, is_share=True)
"""Of a delivery for which nobody says otherwise: more is a wrong mapping rather than bad rows."""

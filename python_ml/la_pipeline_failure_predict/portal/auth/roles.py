"""What an account may do. Read by commands that start before the portal's packages are imported."""

from typing import Literal, get_args

RoleName = Literal["viewer", "planner", "administrator"]
ROLE_NAMES: tuple[RoleName, ...] = get_args(RoleName)
"""From the one that may do least."""

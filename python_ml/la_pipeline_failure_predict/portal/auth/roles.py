"""What an account may do. Read by commands that start before the portal's packages are imported."""

from collections.abc import Mapping
from typing import Literal, get_args

RoleName = Literal["viewer", "planner", "administrator"]
ROLE_NAMES: tuple[RoleName, ...] = get_args(RoleName)
"""From the one that may do least."""
MAY: Mapping[RoleName, str] = {
    "viewer": "reads the pages",
    "planner": "reads the pages and downloads what they show",
    "administrator": "reads, downloads, changes accounts and reads the audit",
}
ADMINISTRATOR: RoleName = "administrator"

"""Which hosts are reached without a proxy, as the user's environment says."""

import os

NAMES = ("NO_PROXY", "no_proxy")
DIRECT = next((os.environ[name] for name in NAMES if os.environ.get(name)), "")
"""Kept, because what holds GDAL to the delivered files takes the variables away."""

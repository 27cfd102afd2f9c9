"""Checks of what the warehouse holds, run by Great Expectations from the contracts."""

import os

# Before great_expectations is imported anywhere: it reports its use over the network otherwise.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

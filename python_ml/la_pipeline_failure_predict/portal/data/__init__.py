"""Snapshots of the warehouse: kept, written, and read within the areas of an account."""

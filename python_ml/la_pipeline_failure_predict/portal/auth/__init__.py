"""Accounts, sessions and the record of what was done with them."""

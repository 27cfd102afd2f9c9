"""Versions of the tables of the accounts."""

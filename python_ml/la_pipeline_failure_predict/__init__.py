"""Predict water-main breaks from a dbt warehouse and say which mains to renew first."""

__version__ = "0.1.0"

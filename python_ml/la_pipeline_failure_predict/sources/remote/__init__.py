"""Fetch what cities and agencies publish: one module a kind of service."""

"""Numbered steps of the ledger's schema (Alembic); `HEAD` is the newest."""

HEAD = "0002"

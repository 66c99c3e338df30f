"""Alembic migrations; the first one makes the tables."""

"""Alembic migrations of the library's schema, applied in order by graph.migrate."""

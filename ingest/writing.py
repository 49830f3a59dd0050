"""Writing many rows at once, past the ORM, which would make a statement of each row or of each few."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, delete, insert
from sqlalchemy.orm import Session

from graph.schema import Base

Row = dict[str, Any]


def add_rows(session: Session, table: type[Base], rows: Sequence[Row]) -> None:
    """Insert rows, in one statement; each names the same columns."""
    if rows:
        session.execute(insert(cast(Table, table.__table__)), rows)


def replace_rows(
    session: Session, table: type[Base], rows: Sequence[Row], where: ColumnElement[bool] | None = None
) -> None:
    """Delete a table's rows, or those that meet a condition, and insert others."""
    statement = delete(cast(Table, table.__table__))
    session.execute(statement if where is None else statement.where(where))
    add_rows(session, table, rows)

"""Bringing a library to this release's schema with Alembic, inside the caller's transaction."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from graph.errors import LibraryVersionError


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for the migrations that ship in this package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Apply every migration that the database does not have yet.

    Raises LibraryVersionError for a schema that no migration starts from.
    """
    try:
        command.upgrade(configuration(connection), "head")
    except CommandError as reason:
        raise LibraryVersionError(
            f"the library's schema cannot be brought up to date ({reason}): move the file aside, "
            "then run 'vfm-atlas build'"
        ) from reason

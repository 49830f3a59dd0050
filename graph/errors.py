"""Errors of the knowledge graph. Every message names the offending value and what to do next.

AtlasError
    LibraryError                the library file as a whole
        LibraryMissing          there is none at that place
        LibraryDamaged          it cannot be read as a library
        LibraryVersionError     another release of VFM Atlas wrote it
        LibraryUnwritable       it cannot be created or changed
        LibraryBusy             another process is writing it
    UnknownName (LookupError)   a paper, taxonomy node, format ... that does not exist
    QueryError (ValueError)     a search or filter that cannot be understood
    ExportError                 an export that cannot be written
    ModelError                  the embedding model is missing or not the expected one
    TaxonomyError               a taxonomy in a file that cannot be taken in or written
"""

from collections.abc import Sequence


class AtlasError(Exception):
    """Base of every error that a person should read as one line."""

    exit_code = 1


class LibraryError(AtlasError):
    """Something is wrong with the library as a whole."""


class LibraryMissing(LibraryError):
    """There is no library at the given place."""


class LibraryDamaged(LibraryError):
    """The file exists but cannot be read as a library."""


class LibraryVersionError(LibraryError):
    """The library was written by another release of VFM Atlas."""


class LibraryUnwritable(LibraryError):
    """The library cannot be created or changed where it is."""


class LibraryBusy(LibraryError):
    """Another process holds the library for writing."""


class UnknownName(AtlasError, LookupError):
    """Something was asked for by a name that does not exist.

    `nearest` holds what comes close, or with `allowed` everything that there is.
    """

    exit_code = 2

    def __init__(
        self, kind: str, value: str, nearest: Sequence[str] = (), advice: str = "", allowed: bool = False
    ) -> None:
        self.kind, self.value, self.nearest, self.advice = kind, value, tuple(nearest), advice
        self.allowed = allowed
        parts = [f"no {kind} {value!r}"]
        if nearest:
            parts.append(f"{'allowed' if allowed else 'nearest'}: {', '.join(nearest)}")
        if advice:
            parts.append(advice)
        self.message = "; ".join(parts)
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[type["UnknownName"], tuple[str, str, tuple[str, ...], str, bool]]:
        return type(self), (self.kind, self.value, self.nearest, self.advice, self.allowed)


class QueryError(AtlasError, ValueError):
    """A search or filter that cannot be understood."""

    exit_code = 2


class ExportError(AtlasError):
    """An export that cannot be written where it was asked for."""


class ModelError(AtlasError):
    """The embedding model is missing, incomplete or not the file it should be."""


class TaxonomyError(AtlasError):
    """A taxonomy in a file that cannot be taken in, or cannot be written there."""

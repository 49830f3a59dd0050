"""What a snapshot offers to understand queries by, read once: names, families, spelling, terms."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from graph.search.conditions import Conditions
from graph.search.families import Families
from graph.search.nametable import NameTable
from graph.search.spelling import Speller
from graph.search.terms import Terms


@dataclass(frozen=True, eq=False)
class NameIndex:
    """Everything by which graph.search.understanding reads a query.

    It belongs to one snapshot (`snapshot`, None for a library that never had one): load it again when the
    library is at another.
    """

    snapshot: str | None
    table: NameTable
    families: Families
    speller: Speller
    terms: Terms
    conditions: Conditions

    @classmethod
    def load(cls, session: Session) -> "NameIndex":
        """Read the names; what spelling needs besides is read when the first unknown word comes."""
        table = NameTable.load(session)
        return cls(table.snapshot, table, Families(table), Speller(table), Terms(table.labels), Conditions())

"""What every format writes: the typed network, and a header that says which state of the facts it shows."""

from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from typing import Any

import networkx as nx
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.filters import Filters
from graph.network import PAPER_EDGES, build_network
from graph.schema import Identifier, Note, Paper
from graph.snapshot import current_snapshot

SURVEY_ARXIV_ID = "2312.10163"
"""The survey that VFM Atlas was built for; a library without it has no survey in its header."""


@dataclass(frozen=True)
class Header:
    """Which facts a file shows. `filters` holds only those that were set; None is a fact not known."""

    generator: str
    snapshot: str | None
    facts_date: str | None
    survey: str | None
    filters: dict[str, str]

    def known(self) -> dict[str, str]:
        """Names and values as text, without what is not known or not set."""
        values = asdict(self) | {"filters": self.filters_as_text()}
        return {name: value for name, value in values.items() if value}

    def filters_as_text(self) -> str:
        """The filters on one line, such as `pillar=generative, years=2020:2023`."""
        return ", ".join(f"{name}={value}" for name, value in self.filters.items())


@dataclass(frozen=True)
class Document:
    """A network to export. Its edges name their source in the attribute `provenance`, because in most file
    formats the `source` of an edge is the node where it starts.
    """

    network: nx.MultiDiGraph
    header: Header

    def papers(self) -> list[tuple[str, dict[str, Any]]]:
        """Key and attributes of each paper."""
        nodes = self.network.nodes(data=True)
        return [(key, attributes) for key, attributes in nodes if attributes["kind"] == "paper"]

    def paper_edges(self) -> list[tuple[str, str, str]]:
        """Start, end and kind of each edge between two papers."""
        edges = self.network.edges(keys=True)
        return [(start, end, kind) for start, end, kind in edges if kind in PAPER_EDGES]


def read_document(session: Session, filters: Filters | None = None) -> Document:
    """Everything that passes the filters; UnknownName for a node, pillar or collection that does not exist.

    Notes leave the library with a collection, and only then: they are the user's own words.
    """
    network = build_network(session, filters)
    if filters and filters.collection is not None:
        for key, text in session.execute(select(Paper.key, Note.text).join(Note).order_by(Note.id)):
            if key in network:
                before = network.nodes[key].get("notes")
                network.nodes[key]["notes"] = f"{before}\n{text}" if before else text
    for _, _, attributes in network.edges(data=True):
        if "source" in attributes:
            attributes["provenance"] = attributes.pop("source")
    snapshot = current_snapshot(session)
    header = Header(
        generator=f"VFM Atlas {version('vfm-atlas')}",
        snapshot=snapshot.id if snapshot else None,
        facts_date=str(snapshot.facts_date) if snapshot else None,
        survey=_survey(session),
        filters=_chosen(filters or Filters()),
    )
    return Document(network, header)


def _survey(session: Session) -> str | None:
    named = (Identifier.scheme == "arxiv") & (Identifier.value == SURVEY_ARXIV_ID)
    title = session.scalar(select(Paper.title).join(Identifier).where(named))
    return f"{title} (arXiv:{SURVEY_ARXIV_ID})" if title else None


def _chosen(filters: Filters) -> dict[str, str]:
    values = {field.name: getattr(filters, field.name) for field in fields(filters)}
    set_by_user = {
        field.name: values[field.name] for field in fields(filters) if values[field.name] != field.default
    }
    return {name: _as_text(value) for name, value in set_by_user.items()}


def _as_text(value: object) -> str:
    """A filter as it is written on the command line."""
    if isinstance(value, tuple):
        return ":".join("" if part is None else str(part) for part in value)
    return str(value).lower() if isinstance(value, bool) else str(value)

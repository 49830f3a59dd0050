"""Which records are of the same work.

Two records are joined when they share an id (arXiv, DOI, Semantic Scholar, corpus, OpenAlex: an id graph
whose connected components are works), or when title, first author's family name and year agree and no id
speaks against it. A telling title does without a year where that leaves one work to choose, and an entry that
is nothing else joins the only work of its title. A join that would bring two arXiv ids, or two curated
papers, together is refused and reported: arXiv never gives one work two ids, and editors have told their
papers apart. For the same reason only the first arXiv id of a description counts.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from graph.names import fold
from ingest.record import SCHEMES, WorkId

_YEARS_APART = 1
# A title and author that more records share is a form ("Editorial", "Untitled"), not a work.
_MOST_NAMESAKES = 20
# A shorter title ("Attention", "Deep learning for vision") may be that of several works.
_TELLING_LETTERS = 25
_COMPARED = ("arxiv", "doi")


@dataclass(frozen=True)
class Node:
    """One description of a work. `name` is unique and orders the nodes; `curated` marks an editors' paper.

    Nodes of a `group` were set apart by a person: they belong together, whatever their ids, and to nothing
    else.
    """

    name: str
    ids: tuple[WorkId, ...] = ()
    title: str = ""
    first_author: str | None = None
    year: int | None = None
    curated: bool = False
    group: str | None = None


@dataclass(frozen=True)
class Conflict:
    """Two descriptions that share something and yet cannot be one work."""

    first: str
    second: str
    shared: str
    reason: str


@dataclass
class Works:
    """The nodes of each work (indices, ascending), what joined each node to its work, and refused joins.

    Every node of a work has a reason but the first by rank: the curated one, else the first by name.
    """

    members: list[list[int]]
    reasons: dict[int, str]
    conflicts: list[Conflict]


@dataclass
class _Component:
    root: int
    nodes: list[int]
    curated: bool
    ids: dict[str, set[str]] = field(default_factory=dict)

    def differs(self, other: "_Component", schemes: Iterable[str]) -> str | None:
        """A scheme in which both have ids and share none."""
        return next(
            (
                scheme
                for scheme in schemes
                if scheme in self.ids and scheme in other.ids and not self.ids[scheme] & other.ids[scheme]
            ),
            None,
        )


def family_name(author: str) -> str:
    """The last word of the family name in `Given Family` or `Family, Given`, folded.

    Where a name of several words begins cannot be told from `Laurens van der Maaten`.
    """
    return fold((last_name(author).split() or [""])[-1])


def last_name(author: str) -> str:
    """The family name as printed; a name of one word is itself."""
    family, comma, _given = author.partition(",")
    return family.strip() if comma else (author.split() or [""])[-1]


def counted(ids: Sequence[WorkId]) -> tuple[WorkId, ...]:
    """The ids that count: all but a second arXiv id."""
    arxiv = next((each for each in ids if each.scheme == "arxiv"), None)
    return tuple(each for each in ids if each.scheme != "arxiv" or each == arxiv)


def find_works(nodes: Sequence[Node]) -> Works:
    """Group nodes into works; the result depends on the nodes only, never on their order.

    Costs O(n log n) for n nodes with a bounded number of ids each.
    """
    return _Grouping(nodes).run()


class _Grouping:
    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.ids = [counted(node.ids) for node in nodes]
        self.titles = [fold(node.title) for node in nodes]
        self.order = sorted(range(len(nodes)), key=lambda i: (not nodes[i].curated, nodes[i].name))
        self.rank = {index: place for place, index in enumerate(self.order)}
        self.component = [_begin(index, node, self.ids[index]) for index, node in enumerate(nodes)]
        self.reasons: dict[int, str] = {}
        self.conflicts: list[Conflict] = []

    def run(self) -> Works:
        self._join_groups()
        for scheme in SCHEMES:
            self._join_by_id(scheme)
        self._report_second_ids()
        self._join_by_title()
        self._join_bare_titles()
        distinct = {id(each): each for each in self.component}.values()
        members = sorted(sorted(each.nodes) for each in distinct)
        return Works(members, self.reasons, sorted(self.conflicts, key=repr))

    def _join_groups(self) -> None:
        groups = [node.group for node in self.nodes]
        for shared in self._shared(lambda index: [groups[index]] if groups[index] is not None else []):
            for other in shared[1:]:
                self._unite(shared[0], other, "set apart together")

    def _join_by_id(self, scheme: str) -> None:
        def keys(index: int) -> list[Hashable]:
            group = self.nodes[index].group
            return [(group, each) for each in self.ids[index] if each.scheme == scheme]

        for shared in self._shared(keys):
            for other in shared[1:]:
                same = {each for each in self.ids[shared[0]] if each.scheme == scheme}
                name = str(min(same & set(self.ids[other])))
                self._join(shared[0], other, name, ("arxiv",))

    def _report_second_ids(self) -> None:
        """An arXiv id that does not count still tells that something is wrong where it is another's."""
        holders: dict[Hashable, int] = {}
        for index in self.order:
            for each in self.ids[index]:
                holders.setdefault((self.nodes[index].group, each), index)
        for index in self.order:
            node = self.nodes[index]
            for each in set(node.ids) - set(self.ids[index]):
                holder = holders.get((node.group, each))
                if holder is not None and self.component[holder] is not self.component[index]:
                    first = next(known.value for known in self.ids[index] if known.scheme == "arxiv")
                    self._refuse(
                        index, holder, str(each), f"{node.name} has two arxiv ids", first, each.value
                    )

    def _join_by_title(self) -> None:
        def keys(index: int) -> list[Hashable]:
            node = self.nodes[index]
            title, family = self.titles[index], family_name(node.first_author or "")
            return [(node.group, title, family)] if title and family else []

        for shared in self._shared(keys):
            if len(shared) > _MOST_NAMESAKES:
                continue
            dated = [index for index in shared if self.nodes[index].year is not None]
            for first, other in itertools.combinations(dated, 2):
                if abs((self.nodes[first].year or 0) - (self.nodes[other].year or 0)) <= _YEARS_APART:
                    self._join(first, other, "title, first author and year", _COMPARED, silent=True)
            # Without a year, it cannot be told which of several works is meant.
            undated = [index for index in shared if self.nodes[index].year is None]
            is_telling = len(self.titles[shared[0]]) >= _TELLING_LETTERS
            if is_telling and len({id(self.component[index]) for index in dated}) <= 1:
                first = (dated or undated)[0]
                for other in undated:
                    self._join(first, other, "title and first author", _COMPARED, silent=True)

    def _join_bare_titles(self) -> None:
        """Entries that are a telling title and nothing else belong to the one work of that title."""

        def keys(index: int) -> list[Hashable]:
            title = self.titles[index]
            return [(self.nodes[index].group, title)] if len(title) >= _TELLING_LETTERS else []

        for shared in self._shared(keys):
            bare = [index for index in shared if self._is_bare(index)]
            described = [index for index in shared if not self._is_bare(index)]
            works = {id(self.component[index]) for index in described}
            if bare and len(works) <= 1:
                first = (described or bare)[0]
                for other in bare:
                    self._unite(first, other, "the title alone")

    def _is_bare(self, index: int) -> bool:
        node = self.nodes[index]
        return not (node.ids or node.first_author or node.year is not None or node.curated)

    def _shared(self, keys: Callable[[int], list[Hashable]]) -> Iterator[list[int]]:
        """Nodes that have a key in common, in order; only keys that two or more share."""
        holders: dict[Hashable, list[int]] = defaultdict(list)
        for index in self.order:
            for key in keys(index):
                holders[key].append(index)
        return (found for found in holders.values() if len(found) > 1)

    def _join(
        self, first: int, other: int, shared: str, compared: Iterable[str], *, silent: bool = False
    ) -> None:
        one, two = self.component[first], self.component[other]
        if one is two:
            return
        scheme = one.differs(two, compared)
        if not scheme and not (one.curated and two.curated):
            self._unite(first, other, shared)
        elif silent:
            return
        elif one.curated and two.curated:
            self._refuse(first, other, shared, "both are papers of the catalogue")
        elif scheme:
            ids = (min(each.ids[scheme]) for each in (one, two))
            self._refuse(first, other, shared, f"they have two {scheme} ids", *ids)

    def _refuse(self, first: int, other: int, shared: str, reason: str, *ids: str) -> None:
        names = sorted((self.nodes[first].name, self.nodes[other].name))
        told = f"{reason}, {' and '.join(sorted(ids))}" if ids else reason
        self.conflicts.append(Conflict(names[0], names[1], shared, told))

    def _unite(self, first: int, other: int, reason: str) -> None:
        one, two = self.component[first], self.component[other]
        if one is two:
            return
        one.root, joined = sorted((one.root, two.root), key=self.rank.__getitem__)
        self.reasons[joined] = reason
        if len(one.nodes) < len(two.nodes):
            two.root = one.root
            one, two = two, one
        one.nodes.extend(two.nodes)
        one.curated = one.curated or two.curated
        for scheme, values in two.ids.items():
            one.ids.setdefault(scheme, set()).update(values)
        for index in two.nodes:
            self.component[index] = one


def _begin(index: int, node: Node, own: Iterable[WorkId]) -> _Component:
    ids: dict[str, set[str]] = {}
    for each in own:
        ids.setdefault(each.scheme, set()).add(each.value)
    return _Component(index, [index], node.curated, ids)

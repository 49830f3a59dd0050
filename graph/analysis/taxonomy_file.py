"""The table in which a taxonomy is proposed, edited and taken in: one node per line.

Columns are id, parent (blank for the root), label, definition, papers (keys with semicolons between).
"""

import csv
import difflib
import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from graph.errors import TaxonomyError

COLUMNS = ("id", "parent", "label", "definition", "papers")
_ID = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_SEPARATOR = ";"
_SHOWN = 20
_LARGEST = 50_000_000


@dataclass(frozen=True)
class ProposedNode:
    """A node of a taxonomy and the keys of the papers whose place it is."""

    id: str
    parent: str | None
    label: str
    definition: str
    papers: tuple[str, ...]


def write_nodes(nodes: Sequence[ProposedNode], path: Path) -> None:
    """Write a new file. Raises TaxonomyError where there is one already or none can be made."""
    out = io.StringIO()
    # Both signs, else the writer does not quote a cell with the other one.
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for each in nodes:
        papers = f"{_SEPARATOR} ".join(each.papers)
        writer.writerow([each.id, each.parent or "", each.label, each.definition, papers])
    try:
        # Somebody may have worked on the old one for hours.
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(out.getvalue())
    except FileExistsError:
        raise TaxonomyError(f"{path} exists already: name a new file, or remove it") from None
    except (OSError, ValueError) as reason:  # the latter for a name with a null byte
        raise TaxonomyError(f"cannot write {str(path)!r} ({reason}): name another file") from reason


def read_nodes(path: Path, papers: Collection[str]) -> list[ProposedNode]:
    """The nodes of a file, each after its parent, else in the order of the file.

    `papers` are the keys that exist. Raises TaxonomyError with file, line and field of every mistake.
    """
    rows = list(_rows(path))
    problems: list[str] = []
    lines: dict[str, int] = {}
    nodes: dict[str, ProposedNode] = {}
    homes: dict[str, int] = {}
    for line, row in rows:
        where = f"{path.name}:{line}"
        if len(row) != len(COLUMNS):
            problems.append(f"{where}: {len(row)} fields, allowed are {len(COLUMNS)} ({', '.join(COLUMNS)})")
            continue
        node_id, parent, label, definition, listed = (cell.strip() for cell in row)
        keys = [key.strip() for key in listed.split(_SEPARATOR) if key.strip()]
        if not _ID.fullmatch(node_id):
            problems.append(f"{where}: id: {node_id!r} is none: lower case letters and digits, with - or .")
        elif node_id in nodes:
            problems.append(f"{where}: id: {node_id!r} stands in line {lines[node_id]} already")
        if not label:
            problems.append(f"{where}: label: is blank: every node needs a name")
        for key in keys:
            if key not in papers:
                near = ", ".join(difflib.get_close_matches(key, papers, n=3, cutoff=0.6)) or "none"
                problems.append(f"{where}: papers: no paper {key!r}; nearest: {near}")
            elif key in homes:
                problems.append(f"{where}: papers: {key!r} stands in line {homes[key]} already")
            homes.setdefault(key, line)
        lines.setdefault(node_id, line)
        nodes.setdefault(node_id, ProposedNode(node_id, parent or None, label, definition, tuple(keys)))
    problems += _tree_problems(path, nodes, lines)
    if problems:
        more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        shown = "\n".join(problems[:_SHOWN] + more)
        raise TaxonomyError(f"the taxonomy in {path} cannot be taken in:\n{shown}")
    return _parents_first(nodes)


def _tree_problems(path: Path, nodes: dict[str, ProposedNode], lines: dict[str, int]) -> Iterator[str]:
    roots = [node_id for node_id, node in nodes.items() if node.parent is None]
    if not nodes:
        yield f"{path.name}:1: there are no nodes: one line per node is needed"
    elif not roots:
        yield f"{path.name}:2: parent: no node has a blank one: exactly one node is the root"
    for node_id in roots[1:]:
        yield f"{path.name}:{lines[node_id]}: parent: is blank, but {roots[0]!r} is the root already"
    for node_id, node in nodes.items():
        if node.parent is not None and node.parent not in nodes:
            near = ", ".join(difflib.get_close_matches(node.parent, nodes, n=3, cutoff=0.6)) or "none"
            yield f"{path.name}:{lines[node_id]}: parent: no node {node.parent!r}; nearest: {near}"
        elif _is_circle(node_id, nodes):
            yield f"{path.name}:{lines[node_id]}: parent: {node_id!r} is below itself"


def _is_circle(node_id: str, nodes: dict[str, ProposedNode]) -> bool:
    seen = {node_id}
    at = nodes[node_id].parent
    while at is not None and at in nodes:
        if at in seen:
            return at == node_id
        seen.add(at)
        at = nodes[at].parent
    return False


def _parents_first(nodes: dict[str, ProposedNode]) -> list[ProposedNode]:
    children: dict[str | None, list[ProposedNode]] = {}
    for node in nodes.values():
        children.setdefault(node.parent, []).append(node)
    found: list[ProposedNode] = []
    stack = list(reversed(children.get(None, [])))
    while stack:
        found.append(stack.pop())
        stack.extend(reversed(children.get(found[-1].id, [])))
    return found


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows below the header with the line in which each begins; blank ones are left out."""
    try:
        if path.stat().st_size > _LARGEST:
            raise TaxonomyError(
                f"{path} is larger than any taxonomy ({_LARGEST // 1_000_000} MB are allowed)"
            )
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except UnicodeDecodeError as reason:
        raise TaxonomyError(
            f"cannot read {path} as UTF-8 (byte {reason.start}): save it as CSV in UTF-8"
        ) from reason
    except (OSError, ValueError) as reason:  # the latter for a name with a null byte
        raise TaxonomyError(f"cannot read {str(path)!r} ({reason}): name another file") from reason
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begin = 1
    try:
        for row in reader:
            if begin == 1 and tuple(cell.strip().lower() for cell in row) != COLUMNS:
                raise TaxonomyError(
                    f"{path.name}:1: the columns are {', '.join(row)!r}: {','.join(COLUMNS)} are allowed"
                )
            if begin > 1 and any(cell.strip() for cell in row):
                yield begin, row
            begin = reader.line_num + 1
    except csv.Error as reason:
        raise TaxonomyError(f"{path.name}:{begin}: cannot be read as CSV ({reason})") from reason
    if begin == 1:
        raise TaxonomyError(f"{path.name}:1: the file is empty: {','.join(COLUMNS)} are the columns")

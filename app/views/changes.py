"""What changed between two snapshots of the library."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import streamlit as st

from app.parts import field_words, pages, paper_label, paper_link, plain, shortened, when_words
from app.state import reading, snapshot_id
from graph.coverage import UNKNOWN
from graph.diff import Difference, FieldChange, SnapshotContent, Triple, Value, compare
from graph.errors import AtlasError
from graph.network import CITES, PAPER_EDGES
from graph.snapshot import SnapshotEntry, list_snapshots, read_content

_SHOWN = 25
_MOST = 500
_VALUE_CHARACTERS = 90
_COUNTED = {
    "new_papers": ("new paper", "new papers"),
    "gone_papers": ("paper gone", "papers gone"),
    "new_citations": ("new citation", "new citations"),
    "gone_citations": ("citation gone", "citations gone"),
    "new_relations": ("new relation", "new relations"),
    "gone_relations": ("relation gone", "relations gone"),
    "changed_fields": ("changed fact", "changed facts"),
    "moved_in_taxonomy": ("move in the taxonomy", "moves in the taxonomy"),
    "new_checkpoints": ("new checkpoint", "new checkpoints"),
    "gone_checkpoints": ("checkpoint taken out", "checkpoints taken out"),
    "changed_checkpoints": ("changed fact of checkpoints", "changed facts of checkpoints"),
    "dead_checkpoints": ("dead checkpoint", "dead checkpoints"),
    "new_links": ("new checkpoint link", "new checkpoint links"),
    "gone_links": ("checkpoint link gone", "checkpoint links gone"),
}

Item = TypeVar("Item")


@dataclass(frozen=True)
class Comparison:
    """A difference, with what is needed to name its papers: labels, and the keys that can still be opened."""

    difference: Difference
    labels: dict[str, str]
    here: frozenset[str]


def show() -> None:
    """Draw the page, for the snapshots that the URL names or the last two."""
    st.title("What changed", anchor=False)
    with reading() as session:
        entries = list_snapshots(session)
    if len(entries) < 2:
        st.session_state["shown"] = ("changes", "")
        st.markdown("The library has had one state so far; after an ingest or a build there is more to see.")
        st.page_link(pages()["ingest"], label="Bring papers in", icon=":material/download:")
        return
    before, after = _chosen(entries)
    st.session_state["shown"] = ("changes", f"{before.id} {after.id}")
    _selects(entries, before, after)
    if before.id == after.id:
        st.markdown("Both are the same snapshot: nothing changed.")
        return
    try:
        found = _compared(before.id, after.id, snapshot_id())
    except AtlasError as error:
        st.info(plain(str(error)), icon=":material/history_toggle_off:")
        return
    _draw(found, before, after)


def _chosen(entries: Sequence[SnapshotEntry]) -> tuple[SnapshotEntry, SnapshotEntry]:
    """The snapshots of the URL; without them the present one and the newest of the others before it."""
    after = _named(entries, "after") or next((each for each in entries if each.is_current), entries[0])
    before = _named(entries, "before")
    if before is None:
        others = [each for each in entries if each.id != after.id]
        earlier = [each for each in others if each.created_at <= after.created_at]
        before = (others if after.is_current else earlier or others)[0]
    return before, after


def _named(entries: Sequence[SnapshotEntry], parameter: str) -> SnapshotEntry | None:
    name = st.query_params.get(parameter, "")
    found = [each for each in entries if name and each.id.startswith(name)]
    if name and len(found) != 1:
        st.warning(
            f"There is no snapshot {plain(name)}; choose one from the list.", icon=":material/warning:"
        )
        return None
    return found[0] if found else None


def _selects(entries: Sequence[SnapshotEntry], before: SnapshotEntry, after: SnapshotEntry) -> None:
    known = {each.id: each for each in entries}
    for column, parameter, label, chosen in zip(
        st.columns(2), ("before", "after"), ("From", "To"), (before, after), strict=True
    ):
        # What is chosen is part of the key, so that the box follows the address, as Back changes it.
        key = f"{parameter} {chosen.id}"
        column.selectbox(
            label, list(known), index=list(known).index(chosen.id), key=key,
            format_func=lambda name: _entry_words(known[name]), on_change=_choose,
            args=(parameter, key, before.id, after.id),
        )  # fmt: skip


def _choose(parameter: str, key: str, before: str, after: str) -> None:
    # Both are written, so that the address means the same tomorrow.
    st.query_params.update({"before": before, "after": after, parameter: st.session_state[key]})


def _entry_words(entry: SnapshotEntry) -> str:
    now = " · now" if entry.is_current else ""
    kept = "" if entry.has_content else " · contents not kept"
    papers = entry.counts.get("papers", "?")
    return f"{when_words(entry.created_at)} · {papers} papers{now}{kept} · {entry.id}"


@st.cache_data(max_entries=8)
def _compared(before: str, after: str, present: str) -> Comparison:
    with reading() as session:
        old, new = read_content(session, before).content, read_content(session, after).content
        here = read_content(session, present).content.papers if present not in (before, after) else None
    if here is None:
        here = (new if present == after else old).papers
    return Comparison(compare(old, new), _labels(old) | _labels(new), frozenset(here))


def _labels(content: SnapshotContent) -> dict[str, str]:
    return {
        key: paper_label(
            str(facts.get("short_name") or key), str(facts.get("title") or key), _text(facts.get("year"))
        )
        for key, facts in content.papers.items()
    }


def _text(value: Value) -> str | None:
    return None if value is None else str(value)


def _draw(found: Comparison, before: SnapshotEntry, after: SnapshotEntry) -> None:
    told = found.difference
    if told.is_empty:
        st.markdown("Nothing changed in what snapshots compare.")
        return
    counts = {name: count for name, count in told.counts().items() if count}
    st.markdown(
        ", ".join(f"**{count:,}** {_COUNTED[name][count != 1]}" for name, count in counts.items()) + "."
    )
    if not ("before" in st.query_params and "after" in st.query_params):
        st.page_link(
            pages()["changes"], label="Keep this comparison as a link", icon=":material/link:",
            query_params={"before": before.id, "after": after.id},
        )  # fmt: skip
    _papers(found)
    _links(found)
    _fields(found)
    _checkpoints(found)


def _section(
    title: str, items: Sequence[Item], draw: Callable[[Sequence[Item]], None], note: str = ""
) -> None:
    """A heading with the number of items, and as many of them as are shown; nothing at all without any."""
    if not items:
        return
    st.subheader(f"{title} ({len(items):,})", anchor=False)
    if note:
        st.caption(plain(note))
    key = f"all {title}"
    everything = st.session_state.get(key, False)
    with st.container(gap="xxsmall", key=f"changes-{title.replace(' ', '-').lower()}"):
        draw(items[: _MOST if everything else _SHOWN])
    if len(items) > _SHOWN:
        st.toggle(f"Show all {len(items):,}" if len(items) <= _MOST else f"Show {_MOST}", key=key)
    if everything and len(items) > _MOST:
        st.caption("'vfm-atlas diff --json' lists all of them.")


def _paper(found: Comparison, key: str) -> None:
    """A link to the paper, or just its name where it is gone."""
    label = found.labels.get(key, key)
    if key in found.here:
        paper_link(key, label)
    else:
        st.markdown(plain(label))


def _papers(found: Comparison) -> None:
    told = found.difference
    for title, keys in (("New papers", told.new_papers), ("Papers gone", told.gone_papers)):
        _section(title, list(keys), lambda shown: _each(shown, lambda key: _paper(found, key)))


def _each(items: Sequence[Item], draw: Callable[[Item], None]) -> None:
    for item in items:
        draw(item)


def _links(found: Comparison) -> None:
    told = found.difference
    for title, pairs in (("New citations", told.new_citations), ("Citations gone", told.gone_citations)):
        triples = [(citing, CITES, cited) for citing, cited in pairs]
        _section(title, triples, lambda shown: _triples(found, shown))
    for title, relations in (("New relations", told.new_relations), ("Relations gone", told.gone_relations)):
        _section(title, relations, lambda shown: _triples(found, shown))


def _triples(found: Comparison, triples: Sequence[Triple]) -> None:
    """Each paper once, and below it what it cites or builds on."""
    for first, group in groupby(triples, lambda each: each[0]):
        with st.container(gap=None):
            _paper(found, first)
            for _first, kind, second in group:
                with st.container(horizontal=True, gap="xsmall", wrap=False):
                    st.caption(PAPER_EDGES[kind], width="content")
                    _paper(found, second)


def _fields(found: Comparison) -> None:
    told = found.difference
    for title, changes in (
        ("Papers with changed facts", told.changed_fields), ("Moved in the taxonomy", told.moved_in_taxonomy),
    ):  # fmt: skip
        by_paper = [(key, list(group)) for key, group in groupby(changes, lambda each: each.key)]
        counts = Counter(field_words(each.field) for each in changes).most_common()
        note = ", ".join(f"{name} {count:,}" for name, count in counts) if len(counts) > 1 else ""
        _section(title, by_paper, lambda shown: _each(shown, lambda item: _changed_paper(found, *item)), note)


def _changed_paper(found: Comparison, key: str, changes: Sequence[FieldChange]) -> None:
    with st.container(gap=None):
        _paper(found, key)
        st.caption("  \n".join(_change_lines(changes)))


def _change_lines(changes: Sequence[FieldChange]) -> list[str]:
    """A line for each fact that is another one now, and one for all that were not known before."""
    lines = [_change_words(each) for each in changes if each.before is not None]
    new = [_new_words(each) for each in changes if each.before is None]
    return lines + ([plain("new: " + " · ".join(new))] if new else [])


def _change_words(change: FieldChange) -> str:
    name = field_words(change.field)
    if _is_hashed(change.before):
        return plain(f"{name}: {'removed' if change.after is None else 'another text'}")
    return plain(f"{name}: {_value(change.before)} → {_value(change.after)}")


def _new_words(change: FieldChange) -> str:
    name = field_words(change.field)
    return name if _is_hashed(change.after) or name.endswith(" id") else f"{name} {_value(change.after)}"


def _is_hashed(value: Value) -> bool:
    """Whether it stands for a long text, of which a snapshot keeps only the hash."""
    return isinstance(value, str) and value.startswith("sha256:")


def _value(value: Value) -> str:
    return UNKNOWN if value is None or value == "" else shortened(str(value), _VALUE_CHARACTERS)


def _checkpoints(found: Comparison) -> None:
    told = found.difference
    changed = [(key, list(group)) for key, group in groupby(told.changed_checkpoints, lambda each: each.key)]
    _section("Dead checkpoints", told.dead_checkpoints, _checkpoint_names)
    _section(
        "Changed checkpoints", changed, lambda shown: _each(shown, lambda item: _changed_checkpoint(*item))
    )
    _section("New checkpoints", told.new_checkpoints, _checkpoint_names)
    _section("Checkpoints taken out", told.gone_checkpoints, _checkpoint_names)
    for title, links in (
        ("New checkpoint links", told.new_links),
        ("Checkpoint links gone", told.gone_links),
    ):
        _section(title, links, lambda shown: _each(shown, lambda link: _linked(found, *link)))


def _checkpoint_names(keys: Sequence[str]) -> None:
    for key in keys:
        st.markdown(_checkpoint_words(key))


def _checkpoint_words(key: str) -> str:
    hub_id, _, loaded_by = key.partition("|")
    return f"{plain(hub_id)} · {plain(loaded_by.replace('|', ' '))}"


def _changed_checkpoint(key: str, changes: Sequence[FieldChange]) -> None:
    with st.container(gap=None):
        st.markdown(_checkpoint_words(key))
        st.caption("  \n".join(_change_lines(changes)))


def _linked(found: Comparison, key: str, hub_id: str) -> None:
    with st.container(gap=None):
        _paper(found, key)
        st.caption(plain(hub_id))

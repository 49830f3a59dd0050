"""The classes that a checkpoint was trained on, found by their names."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from graph.errors import UnknownName


def class_indices(labels: Sequence[str], known: Mapping[int, str]) -> list[list[int]]:
    """For each label the classes of that name; a class may list several names, split by commas.

    Raises:
        UnknownName: the checkpoint has no such class.
    """
    by_name: dict[str, list[int]] = {}
    for index, names in known.items():
        for name in {names, *names.split(",")}:
            by_name.setdefault(_plain(name), []).append(int(index))
    found = []
    for label in labels:
        if _plain(label) not in by_name:
            nearest = get_close_matches(_plain(label), by_name, n=3)
            raise UnknownName(
                "class of this checkpoint", label, nearest, f"it was trained on {len(known)} classes"
            )
        found.append(by_name[_plain(label)])
    return found


def _plain(name: str) -> str:
    return name.replace("_", " ").strip().casefold()

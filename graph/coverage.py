"""How complete what is known about a paper is, in words that are the same everywhere."""

UNKNOWN = "not known"
"""How a fact is shown that no source gives."""


def references_are_known(status: str) -> bool:
    """Whether the paper's reference list was read at all; otherwise what it cites is unknown, not nothing."""
    return status in ("complete", "partial")


def describe_references(status: str, entries: int | None, found: int) -> str:
    """What the citations going out of a paper are worth.

    Args:
        status: `complete`, `partial`, `not_found` or `unread`.
        entries: entries of the reference list that were read, where that was counted.
        found: how many of them are papers of the library.
    """
    if status == "not_found":
        return "What it cites is not known: its reference list could not be found."
    if status == "unread":
        return "What it cites is not known: its reference list has not been read."
    of_entries = f" of {entries}" if entries is not None else ""
    if status == "partial":
        return f"Reference list read in part: {found}{of_entries} entries read are in this library."
    return f"Reference list read in full: {found}{of_entries} entries are in this library."


def describe_cited_by(lists_read: int, papers: int) -> str:
    """What the citations coming into a paper are worth, in a library where not every list was read."""
    return f"Counted over the {lists_read} of {papers} papers whose reference list was read."


def share(part: int, whole: int) -> str:
    """A share in whole per cent; 100% is said only of all, 0% only of none."""
    per_cent = round(100 * part / whole) if whole else 0
    if 0 < part < whole:
        per_cent = min(max(per_cent, 1), 99)
    return f"{per_cent}%"

"""BibTeX: one entry per paper, its key the paper's key.

A paper with a known venue is an entry of that venue and its year, with the preprint beside it as `eprint`;
any other paper is @misc with the preprint's year and month. The two years never stand in one entry. Text is
UTF-8; what LaTeX or BibTeX would take for markup is written as commands, unbalanced braces among it.
"""

import re
from pathlib import Path
from typing import Any

from graph.export.document import Document

JOURNALS = {"IJCV", "JMLR", "TIP", "TMLR", "TOG", "TPAMI"}
"""Venues whose papers are articles; all others are proceedings."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_COMMANDS = {
    "\\": r"{\textbackslash}", "{": r"{\textbraceleft}", "}": r"{\textbraceright}", "~": r"{\textasciitilde}",
    "^": r"{\textasciicircum}", "<": r"{\textless}", ">": r"{\textgreater}", "|": r"{\textbar}",
    "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
}  # fmt: skip
_SPECIAL = re.compile("[" + re.escape("".join(_COMMANDS)) + "]")
_LIGATURE = re.compile("(?<=-)-|(?<=')'|(?<=[`?!])`|(?<=,),")
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_VENUE_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_PREPRINT_SERVER = re.compile(r"(?:arxiv|corr)\b", re.IGNORECASE)
_UNSAFE_KEY = re.compile(r"[^\w.:/+-]")
_NEEDS_BRACES = re.compile(r",|\band\b|^others$", re.IGNORECASE)

Fields = dict[str, str | None]


def write(document: Document, path: Path) -> tuple[int, int]:
    """Write one entry per paper; returns their number, and 0 for edges, which BibTeX has not."""
    header = [f"% {name}: {_bare(value)}" for name, value in document.header.known().items()]
    entries = [entry(key, attributes) for key, attributes in document.papers()]
    path.write_text("\n".join(header) + "\n\n" + "\n".join(entries), encoding="utf-8", newline="\n")
    return len(entries), 0


def latex(text: str) -> str:
    """Text such that LaTeX prints exactly it; white space and control characters become single spaces."""
    return _commands(_one_line(text))


def _one_line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def _commands(text: str) -> str:
    # An empty group keeps two dashes two dashes; its mark goes in first, while braces still are text.
    marked = _LIGATURE.sub(lambda found: f"\0{found.group()}", text)
    return _SPECIAL.sub(lambda found: _COMMANDS[found.group()], marked).replace("\0", "{}")


def entry(key: str, paper: dict[str, Any]) -> str:
    """The entry of one paper from its attributes in the network (graph.network); absent is not known."""
    kind, fields = _published(paper) if _venue(paper) else _preprint(paper)
    fields = {
        "title": f"{{{_title(paper['title'])}}}",
        "author": _braced(_authors(paper)),
        **fields,
        "eprint": _braced(_verbatim(paper.get("arxiv_id"))),
        "archivePrefix": "{arXiv}" if paper.get("arxiv_id") else None,
        "doi": _braced(_verbatim(paper.get("doi"))),
        "url": _braced(_verbatim(_url(paper))),
        "annote": _braced(latex(paper["notes"])) if paper.get("notes") else None,
    }
    lines = [f"  {name} = {value}," for name, value in fields.items() if value is not None]
    return "\n".join([f"@{kind}{{{_UNSAFE_KEY.sub('-', key)},", *lines, "}", ""])


def _published(paper: dict[str, Any]) -> tuple[str, Fields]:
    venue = _venue(paper)
    year = _VENUE_YEAR.search(venue)
    name = " ".join(_VENUE_YEAR.sub(" ", venue, count=1).split()) or venue
    article = name in JOURNALS
    where = "journal" if article else "booktitle"
    fields: Fields = {where: _braced(latex(name)), "year": _braced(year.group() if year else None)}
    return ("article" if article else "inproceedings"), fields


def _preprint(paper: dict[str, Any]) -> tuple[str, Fields]:
    year, month = paper.get("year"), paper.get("month")
    return "misc", {
        "year": _braced(str(year) if year else None),
        "month": _MONTHS[month - 1] if year and month else None,
    }


def _venue(paper: dict[str, Any]) -> str:
    """Where the paper was published; a preprint server is no venue."""
    venue = str(paper.get("venue") or "").strip()
    return "" if _PREPRINT_SERVER.match(venue) else venue


def _title(title: str) -> str:
    """The title with braces around words such as ResNet, whose capitals a bibliography style would lower."""
    text, parts, end = _one_line(title), [], 0
    for word in _WORD.finditer(text):
        if any(letter.isupper() for letter in word.group()[1:]):
            parts += [_commands(text[end : word.start()]), "{", word.group(), "}"]
            end = word.end()
    return "".join([*parts, _commands(text[end:])])


def _authors(paper: dict[str, Any]) -> str | None:
    names = [name.strip() for name in str(paper.get("authors") or "").split(";")]
    return " and ".join(_name(name) for name in names if name) or None


def _name(name: str) -> str:
    """A name that a reader may split, or fail to split from the next, is kept whole by braces."""
    written = latex(name)
    return f"{{{written}}}" if _NEEDS_BRACES.search(name) or "\\" in written else written


def _url(paper: dict[str, Any]) -> str | None:
    if paper.get("arxiv_id"):
        return f"https://arxiv.org/abs/{paper['arxiv_id']}"
    return f"https://doi.org/{paper['doi']}" if paper.get("doi") else None


def _verbatim(text: str | None) -> str | None:
    """An identifier as it is: bibliography styles print these fields verbatim, so commands would show."""
    if text is None:
        return None
    return "".join(f"%{ord(char):02X}" if char in "{}\\" or char.isspace() else char for char in text)


def _braced(value: str | None) -> str | None:
    return None if value is None else f"{{{value}}}"


def _bare(text: str) -> str:
    """Text for a comment; an at sign would begin an entry."""
    return _one_line(text).replace("@", "(at)")

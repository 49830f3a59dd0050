"""How names are compared: spelling that people vary (case, accents, hyphens, spaces) does not count."""

import re
import unicodedata

_ARXIV = re.compile(
    r"^(?:arxiv:\s*|(?:https?://)?(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/"
    r"|(?:doi:\s*|(?:https?://)?(?:dx\.)?doi\.org/)?10\.48550/arxiv\.)?"
    r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Za-z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?/?"
    r"(?:[?#]\S*|\s*\[[a-z.-]+\])?$",
    re.IGNORECASE,
)
_DROPPED = re.compile(r"[^\w+]+|_+")
_DOI = re.compile(r"^(?:doi:\s*|(?:https?://)?(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)$", re.IGNORECASE)


def fold(name: str) -> str:
    """A name without case, accents, spaces and punctuation: `DINO v2` and `DINOv2` fold alike.

    A plus sign stays, because it tells models apart (SDEdit and SDEdit+).
    """
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return _DROPPED.sub("", decomposed)


def is_text(name: str) -> bool:
    """Whether a name can be stored and printed; bytes that are not UTF-8 arrive as lone surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in name)


def arxiv_id_of(name: str) -> str | None:
    """The arXiv id that a text is, without version: bare, `arXiv:...`, a link to arxiv.org, arXiv's DOI."""
    found = _ARXIV.match(name.strip())
    return found.group(1).lower() if found else None


def doi_of(name: str) -> str | None:
    """The DOI that a text is, lower-cased: bare, `doi:...`, or a link to doi.org."""
    found = _DOI.match(name.strip())
    return found.group(1).lower() if found else None

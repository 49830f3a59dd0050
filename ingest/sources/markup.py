"""Plain text from titles and abstracts that services send with tags (HTML, JATS, MathML) and entities."""

from lxml import etree

_LARGEST = 240_000
_BLOCKS = {"p", "title", "sec", "list", "list-item", "label", "br", "div", "li"}
_HEADINGS = {"abstract", "summary"}


def plain(value: object) -> object:
    """A text without its tags, entities resolved; anything else, and a text without any, as it is."""
    if not isinstance(value, str) or len(value) > _LARGEST or not ("<" in value or "&" in value):
        return value
    # A lone surrogate cannot be encoded; it would be dropped as no character later anyway.
    body = value.replace("\x00", " ").encode("utf-8", "ignore")
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(b"<div>" + body + b"</div>", parser)
    except (etree.LxmlError, ValueError):
        return value
    if root is None:
        return value
    for element in root.iter(etree.Element):
        name = element.tag.rpartition(":")[2]
        if name == "title" and (element.text or "").strip().casefold() in _HEADINGS:
            element.text = ""
        if name in _BLOCKS:
            element.tail = " " + (element.tail or "")
    return "".join(root.itertext())

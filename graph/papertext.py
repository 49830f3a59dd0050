"""The text that stands for a paper where meaning is compared."""

import hashlib


def text_of(title: str, summary: str | None, abstract: str | None) -> str:
    """A paper's title, and its abstract or else its summary."""
    body = abstract or summary
    return f"{title}. {body}" if body else title


def sha256_of(text: str) -> str:
    """The hash by which a vector knows the text it was made from."""
    return hashlib.sha256(text.encode()).hexdigest()

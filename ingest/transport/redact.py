"""Keys, tokens and e-mail addresses are taken out of whatever a service or a library says."""

import logging
from collections.abc import Iterable

HIDDEN = "[hidden]"
_LEAST = 8  # what is shorter is no key, and would tear holes into an answer
_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "vfm_atlas.transport",
)


class Redaction(logging.Filter):
    """Hides known secrets in texts and bodies and, while `guarding`, in the logs of the HTTP libraries.

    httpcore logs the headers of answers at DEBUG, and a service may repeat a key there: in a redirect's
    Location, for one.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = sorted({each for each in secrets if each}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def data(self, body: bytes) -> bytes:
        """The body without secrets."""
        for secret in self._secrets:
            if len(secret) >= _LEAST:
                body = body.replace(secret.encode(), HIDDEN.encode())
        return body

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean a record of a log; none is dropped."""
        said = record.getMessage()
        if (clean := self.text(said)) != said:
            record.msg, record.args = clean, ()
        return True

    def start_guarding(self) -> None:
        """Look at what the HTTP libraries log from now on."""
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self)

    def stop_guarding(self) -> None:
        """Leave their logs alone again."""
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self)

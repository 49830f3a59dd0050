"""Semantic Scholar's graph interface: a paper, its references and citations in pages, papers in batches."""

import json
import re
from collections.abc import Iterable
from typing import Any

from services import papers
from services.faults import Faults
from services.server import Asked, Reply, Service
from services.works import Entry, Work
from services.world import World

_PATH = re.compile(r"^/graph/v1/paper/(.+?)(/references|/citations)?$", re.DOTALL)
_PREFIXES = {"arxiv": "arxiv", "doi": "doi", "corpusid": "corpus"}
_OTHER_PREFIXES = ("mag", "acl", "pmid", "pmcid", "url")
_LARGEST_BATCH = 500
_LARGEST_PAGE = 1_000
_MOST_NESTED = 9_999
_LARGEST_ANSWER = 10 * 2**20
_TOO_LARGE = (
    "Response would exceed maximum size. Response size can be reduced by using a smaller limit or "
    "requesting less fields."
)


class SemanticScholar(Service):
    """`/graph/v1/paper/...`; with `keys`, a request that carries another key is refused.

    As the real service, it takes the year from the earliest text even where it names the venue, gives no
    abstracts for most papers of a list, and refuses a batch of which it knows no id, or in which one cannot
    be read.
    """

    name = "semanticscholar"

    def __init__(
        self,
        world: World,
        faults: Faults | None = None,
        *,
        allowance: tuple[int, float] | None = None,
        keys: Iterable[str] | None = None,
    ) -> None:
        super().__init__(world, faults, allowance=allowance)
        self.keys = None if keys is None else frozenset(keys)

    def answer(self, asked: Asked) -> Reply:
        """JSON; every failure is an object with `error` or `message`."""
        key = asked.headers.get("x-api-key")
        if self.keys is not None and key is not None and key not in self.keys:
            return Reply.json({"message": "Forbidden"}, 403)
        if asked.path == "/graph/v1/paper/batch":
            return self._batch(asked) if asked.method == "POST" else _missing("batch")
        found = _PATH.match(asked.path)
        if not found or asked.method != "GET":
            return Reply.json({"message": "Missing Authentication Token"}, 403)
        name, part = found.groups()
        work = self._find(name)
        try:
            if part:
                return self._page(asked, name, work, part)
            fields = papers.read_fields(asked.one("fields"))
        except papers.RefusedError as reason:
            return _error(str(reason))
        return _sized(self._paper(work, fields)) if work else _missing(name)

    def too_many(self) -> Reply:
        """As its gateway puts it."""
        message = (
            "Too Many Requests. Please wait and try again or apply for a key for higher rate limits. "
            "https://www.semanticscholar.org/product/api#api-key-form"
        )
        return Reply.json({"message": message, "code": "429"}, 429)

    def _find(self, name: str) -> Work | None:
        prefix, colon, value = name.partition(":")
        if colon and prefix.lower() in _PREFIXES:
            return self.world.find(_PREFIXES[prefix.lower()], value)
        if re.fullmatch(r"[0-9a-f]{40}", name):
            return self.world.find("s2", name)
        return self.world.find("doi", name) if name.startswith("10.") else None

    def _paper(self, work: Work, fields: papers.Fields, *, listed: bool = False) -> dict[str, Any]:
        return papers.paper(self.world, self.seen(work), fields, listed=listed, seen=self.seen)

    def _batch(self, asked: Asked) -> Reply:
        try:
            ids = _read_ids(asked.body)
            fields = papers.read_fields(asked.one("fields"))
        except papers.RefusedError as reason:
            return _error(str(reason))
        known = [self._find(each) for each in ids]
        works = [
            None if work is None or self.faults.drops(work.key, work.arxiv_id) else work for work in known
        ]
        if not any(works) or not all(_readable(each) for each in ids):
            return _error("No valid paper ids given")
        lists = [part for part in ("references", "citations") if part in fields.names]
        nested = sum(papers.length(self.world, work, part) for work in works if work for part in lists)
        if nested > _MOST_NESTED:
            return _error(_TOO_LARGE)
        return _sized([work and self._paper(work, fields) for work in works])

    def _page(self, asked: Asked, name: str, work: Work | None, part: str) -> Reply:
        side = "citedPaper" if part == "/references" else "citingPaper"
        fields = papers.read_fields(asked.one("fields"), side)
        offset, limit = asked.one("offset", "0"), asked.one("limit", "100")
        if not offset.isdigit() or not limit.isdigit() or not 1 <= int(limit) <= _LARGEST_PAGE:
            return _error(f"Invalid offset or limit: limit must be between 1 and {_LARGEST_PAGE}")
        if work is None:
            return _missing(name)
        start, end = int(offset), int(offset) + int(limit)
        if end > _MOST_NESTED + 1:
            return _error(f"offset + limit must be < {_MOST_NESTED + 1}")
        if part == "/references":
            edges = [self._reference(work, entry, fields) for entry in work.entries[start:end]]
            total = len(work.entries)
        else:
            citing = self.world.citing(work.key)
            edges = [self._edge(each, work, fields, side) for each in citing[start:end]]
            total = len(citing)
        after = {"next": end} if end < total else {}
        return _sized({"offset": start, **after, "data": edges})

    def _reference(self, work: Work, entry: Entry, fields: papers.Fields) -> dict[str, Any]:
        cited = self.world.works.get(entry.key or "")
        if cited is None:
            edge = papers.edge_facts(work.key, entry.title, entry.title, fields)
            return {**edge, "citedPaper": papers.unidentified(entry.title, fields.of_paper())}
        return self._edge(work, cited, fields, "citedPaper")

    def _edge(self, citing: Work, cited: Work, fields: papers.Fields, side: str) -> dict[str, Any]:
        edge = papers.edge_facts(citing.key, cited.key, cited.title, fields)
        other = cited if side == "citedPaper" else citing
        return {**edge, side: self._paper(other, fields.of_paper(), listed=True)}


def _read_ids(body: bytes) -> list[str]:
    try:
        ids = json.loads(body)["ids"]
    except (ValueError, KeyError, TypeError):
        ids = None
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise papers.RefusedError('Invalid body: it must be JSON with a list of strings named "ids"')
    if len(ids) > _LARGEST_BATCH:
        raise papers.RefusedError(f"Too many ids: {len(ids)} (at most {_LARGEST_BATCH})")
    return ids


def _readable(name: str) -> bool:
    prefix, colon, value = name.partition(":")
    if colon and value:
        return prefix.lower() in (*_PREFIXES, *_OTHER_PREFIXES) or name.startswith("10.")
    return name.startswith("10.") or bool(re.fullmatch(r"[0-9a-f]{40}", name))


def _missing(name: str) -> Reply:
    return _error(f"Paper with id {name} not found", 404)


def _error(message: str, status: int = 400) -> Reply:
    return Reply.json({"error": message}, status)


def _sized(value: Any) -> Reply:
    reply = Reply.json(value)
    return reply if len(reply.body) <= _LARGEST_ANSWER else _error(_TOO_LARGE)

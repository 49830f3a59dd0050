"""Crossref: works by DOI, one or many; it knows publishers' DOIs only, none of arXiv's."""

import re
from typing import Any
from xml.sax.saxutils import escape

from services.server import Asked, Reply, Service
from services.words import LONG_NAMES, share
from services.works import Entry, Work

_LARGEST_PAGE = 1_000


class Crossref(Service):
    """`/works/{doi}` and `/works?filter=doi:a,doi:b&rows=`; DOIs are the same in either case."""

    name = "crossref"

    def answer(self, asked: Asked) -> Reply:
        """JSON, but for the words that say that a work is not found."""
        if asked.path == "/works":
            reply = self._list(asked)
        elif asked.path.startswith("/works/"):
            reply = self._one(asked.path.removeprefix("/works/"))
        else:
            reply = Reply.text("Resource not found.", 404)
        polite = "mailto" in asked.query or "mailto:" in asked.headers.get("user-agent", "")
        limits = {
            "x-rate-limit-limit": "10" if polite else "5",
            "x-rate-limit-interval": "1s",
            "x-concurrency-limit": "3" if polite else "1",
            "x-api-pool": "polite" if polite else "public",
        }
        return Reply(reply.body, reply.status, reply.content_type, {**reply.headers, **limits})

    def too_many(self) -> Reply:
        """A page of HTML."""
        page = (
            "<html><body><h1>429 Too Many Requests</h1>\nYou have sent too many requests in a given amount "
            "of time.\n</body></html>\n"
        )
        return Reply.text(page, 429, "text/html")

    def _find(self, doi: str) -> Work | None:
        work = self.world.find("doi", doi)
        return work if work and work.doi and work.doi.lower() == doi.lower() else None

    def _one(self, doi: str) -> Reply:
        work = self._find(doi)
        if work is None:
            return Reply.text("Resource not found.", 404)
        return _message("work", self._item(work))

    def _list(self, asked: Asked) -> Reply:
        rows = asked.one("rows") or "20"
        if not rows.isdigit() or int(rows) > _LARGEST_PAGE:
            words = f"Integer specified as {rows} but must be a positive integer less than or equal to 1000."
            return _failure("integer-not-valid", rows, words)
        filters = [part.partition(":") for part in asked.listed("filter")]
        for name, _colon, _value in filters:
            if name != "doi":
                words = f"Filter {name} specified but there is no such filter for this route."
                return _failure("filter-not-available", name, words)
        found = {work.key: work for _name, _colon, doi in filters if (work := self._find(doi))}
        select = asked.listed("select")
        items = [self._item(work) for work in sorted(found.values(), key=lambda work: work.key)][: int(rows)]
        if select:
            items = [{name: value for name, value in item.items() if name in select} for item in items]
        listed = {
            "facets": {},
            "total-results": len(found),
            "items": items,
            "items-per-page": int(rows),
            "query": {"start-index": 0, "search-terms": None},
        }
        return _message("work-list", listed)

    def _item(self, work: Work) -> dict[str, Any]:
        work = self.seen(work)
        assert work.doi
        year = work.venue_year or work.year
        item: dict[str, Any] = {
            "publisher": "An invented publisher",
            "DOI": work.doi.lower(),
            "URL": f"https://doi.org/{work.doi.lower()}",
            "type": "proceedings-article",
            "title": [work.title],
            "container-title": [LONG_NAMES.get(work.venue, work.venue)] if work.venue else [],
            "author": [_author(name, place) for place, name in enumerate(work.authors)],
            "issued": {"date-parts": [[year, work.month] if work.month else [year]]},
            "is-referenced-by-count": int(self.world.citation_count(work.key) * 0.6),
            "reference-count": len(work.entries),
            "references-count": len(work.entries),
            "source": "Crossref",
            "member": "297",
            "prefix": work.doi.partition("/")[0],
            "language": "en",
            "score": 1,
        }
        if work.entries:
            item["reference"] = [self._reference(each, place) for place, each in enumerate(work.entries)]
        if work.abstract and share("deposited", work.key) < 0.5:
            item["abstract"] = f"<jats:title>Abstract</jats:title><jats:p>{escape(work.abstract)}</jats:p>"
        return item

    def _reference(self, entry: Entry, place: int) -> dict[str, Any]:
        """An entry as publishers deposit it: with a DOI, in parts, or as one line."""
        cited = self.world.works.get(entry.key or "")
        key = f"{place + 1}_CR{place + 1}"
        if cited is None:
            return {"key": key, "unstructured": f"{entry.title}. Printed privately."}
        cited = self.seen(cited)
        family = cited.authors[0].rpartition(" ")[2]
        parts = {"article-title": cited.title, "author": family, "year": str(cited.year or "")}
        if cited.doi:
            return {"key": key, "doi-asserted-by": "crossref", "DOI": cited.doi.lower(), **parts}
        if share("form", cited.key) < 0.5:
            return {"key": key, **parts, "volume-title": cited.venue or "arXiv preprint"}
        where = f"arXiv preprint arXiv:{cited.arxiv_id}" if cited.arxiv_id else cited.venue or "Online"
        line = f"{', '.join(cited.authors[:3])}: {cited.title}. {where} ({cited.year or 'n.d.'})"
        return {"key": key, "unstructured": line}


def _author(name: str, place: int) -> dict[str, Any]:
    given, _space, family = name.rpartition(" ")
    named = {"given": given, "family": family} if given else {"name": family}
    return {**named, "sequence": "first" if place == 0 else "additional", "affiliation": []}


def _message(kind: str, message: dict[str, Any]) -> Reply:
    return Reply.json({"status": "ok", "message-type": kind, "message-version": "1.0.0", "message": message})


def _failure(kind: str, value: str, words: str) -> Reply:
    problem = {"type": kind, "value": re.sub(r"\s", " ", value), "message": words}
    return Reply.json({"status": "failed", "message-type": "validation-failure", "message": [problem]}, 400)

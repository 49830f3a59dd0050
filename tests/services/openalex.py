"""OpenAlex: one work, and lists of works by id, by DOI or by what they cite."""

import base64
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from services.faults import Faults
from services.server import Asked, Reply, Service
from services.words import LONG_NAMES, share
from services.works import Work
from services.world import World

_MOST_VALUES = 100
_LARGEST_PAGE = 100
_FIELDS = (
    "id doi title display_name publication_year publication_date ids language primary_location type "
    "authorships cited_by_count biblio is_retracted locations_count locations referenced_works_count "
    "referenced_works abstract_inverted_index cited_by_api_url updated_date created_date"
).split()
_NOT_FOUND = (
    "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
    "<p>The requested URL was not found on the server. If you entered the URL manually please check your "
    "spelling and try again.</p>\n"
)
_SECONDS_TO_MIDNIGHT = 53_578


class OpenAlex(Service):
    """`/works/{id}` and `/works?filter=`.

    A work with a publisher's DOI is not found by its arXiv DOI; publishers' works have no abstract; some
    works have a reference list of length 0 that only says nobody read it. With `strict`, lists need one of
    `keys`, as they do since 2026: without it the day's allowance is spent, and Retry-After says midnight.
    """

    name = "openalex"

    def __init__(
        self,
        world: World,
        faults: Faults | None = None,
        *,
        allowance: tuple[int, float] | None = None,
        strict: bool = False,
        keys: Iterable[str] = (),
    ) -> None:
        super().__init__(world, faults, allowance=allowance)
        self.strict = strict
        self.keys = frozenset(keys)

    def answer(self, asked: Asked) -> Reply:
        """JSON, but for the page that says that a work is not found."""
        select = asked.listed("select")
        if unknown := [name for name in select if name not in _FIELDS]:
            valid = ", ".join(_FIELDS)
            return _invalid(
                f"{unknown[0]} is not a valid select field. Valid fields for select are: {valid}."
            )
        if asked.path == "/works":
            if self.strict and asked.one("api_key") not in self.keys:
                return self._spent()
            return self._list(asked, select)
        if asked.path.startswith("/works/"):
            return self._one(asked, asked.path.removeprefix("/works/"), select)
        return Reply.text(_NOT_FOUND, 404, "text/html; charset=utf-8")

    def too_many(self) -> Reply:
        """More than is taken in a second."""
        return Reply.json({"error": "Rate limit exceeded", "message": "Too many requests per second"}, 429)

    def _spent(self) -> Reply:
        body = {
            "error": "Rate limit exceeded",
            "message": "Insufficient budget. This request costs $0.0001 but you have $0 remaining. "
            "Resets at midnight UTC. Get a free API key at https://openalex.org/settings/api",
            "retryAfter": _SECONDS_TO_MIDNIGHT,
        }
        headers = {"Retry-After": str(_SECONDS_TO_MIDNIGHT), "X-RateLimit-Remaining": "0"}
        return Reply(Reply.json(body).body, 429, headers=headers)

    def _one(self, asked: Asked, name: str, select: list[str]) -> Reply:
        number = _number(name)
        if number and (new := self.world.merged.get(number)):
            query = f"?{urlencode(asked.query, doseq=True)}" if asked.query else ""
            return Reply(b"", 301, "text/html; charset=utf-8", {"Location": f"{self.url}/works/{new}{query}"})
        work = self.world.find("openalex", number) if number else self._by_doi(name)
        if work is None:
            return Reply.text(_NOT_FOUND, 404, "text/html; charset=utf-8")
        return Reply.json(_chosen(self._row(work), select))

    def _by_doi(self, name: str) -> Work | None:
        doi = re.sub(r"^(?:doi:)?(?:https?://doi\.org/)?", "", name.strip(), flags=re.I).lower()
        work = self.world.find("doi", doi)
        return work if work and (work.any_doi or "").lower() == doi else None

    def _list(self, asked: Asked, select: list[str]) -> Reply:
        per_page = asked.one("per_page") or asked.one("per-page") or "25"
        page = asked.one("page") or "1"
        if not per_page.isdigit() or not 1 <= int(per_page) <= _LARGEST_PAGE:
            return _invalid(f"per-page parameter must be between 1 and {_LARGEST_PAGE}", "Pagination error.")
        cursor = asked.one("cursor")
        if not page.isdigit() or not int(page) or (cursor and page != "1"):
            return _invalid("Cannot use page parameter with cursor.", "Pagination error.")
        name, colon, text = asked.one("filter").partition(":")
        values = text.split("|")
        finders = {"openalex": self._numbered, "ids.openalex": self._numbered, "openalex_id": self._numbered,
                   "doi": self._with_dois, "ids.doi": self._with_dois, "cites": self._citing}  # fmt: skip
        if not colon or name not in finders:
            return _invalid(f"{name} is not a valid field. Valid fields are: {', '.join(finders)}")
        if len(values) > _MOST_VALUES:
            return _invalid(
                f"Maximum number of values exceeded for {name}. Decrease values to {_MOST_VALUES} or below, "
                "or consider downloading the full dataset at "
                "https://developers.openalex.org/download/snapshot-format"
            )
        works = {work.key: work for work in finders[name](values)}
        found = sorted(works.values(), key=lambda work: work.openalex_id)
        size, start = int(per_page), (int(page) - 1) * int(per_page)
        if cursor:
            start = 0 if cursor == "*" else int(base64.b64decode(cursor))
        rows = [_chosen(self._row(work), select) for work in found[start : start + size]]
        meta: dict[str, Any] = {"count": len(found), "db_response_time_ms": 5}
        meta |= {"page": None if cursor else int(page), "per_page": size, "groups_count": None}
        if cursor:
            # A full page has a next one, even if that is empty.
            after = base64.b64encode(str(start + size).encode()).decode()
            meta["next_cursor"] = after if len(rows) == size else None
        return Reply.json({"meta": meta, "results": rows, "group_by": []})

    def _numbered(self, values: list[str]) -> list[Work]:
        found = [self.world.find("openalex", _number(value) or "") for value in values]
        return [work for work in found if work]

    def _with_dois(self, values: list[str]) -> list[Work]:
        return [work for value in values if (work := self._by_doi(value))]

    def _citing(self, values: list[str]) -> list[Work]:
        return [
            citing
            for work in self._numbered(values)
            for citing in self.world.citing(work.key)
            if citing.key not in self.world.without_references
        ]

    def _row(self, work: Work) -> dict[str, Any]:
        work = self.seen(work)
        doi = work.any_doi and f"https://doi.org/{work.any_doi.lower()}"
        cited = [] if work.key in self.world.without_references else self.world.cited_by(work.key)
        places = _places(work)
        return {
            "id": _link(work),
            "doi": doi,
            "title": work.title,
            "display_name": work.title,
            "publication_year": work.venue_year or work.year,
            "publication_date": work.day and work.day.isoformat(),
            "ids": {"openalex": _link(work), **({"doi": doi} if doi else {})},
            "language": "en",
            "primary_location": places[0] if places else None,
            "type": "article" if work.venue else "preprint",
            "authorships": [_authorship(name, place, work) for place, name in enumerate(work.authors)],
            # Each service counts on its own.
            "cited_by_count": int(self.world.citation_count(work.key) * 0.8),
            "biblio": {"volume": None, "issue": None, "first_page": None, "last_page": None},
            "is_retracted": False,
            "locations_count": len(places),
            "locations": places,
            "referenced_works_count": len(cited),
            "referenced_works": sorted(_link(each) for each in cited),
            "abstract_inverted_index": None if work.doi else _inverted(work.abstract),
            "cited_by_api_url": f"https://api.openalex.org/works?filter=cites:{work.openalex_id}",
            "updated_date": "2026-04-12T22:09:36.000000",
            "created_date": "2025-10-10T00:00:00",
        }


def _invalid(message: str, error: str = "Invalid query parameters error.") -> Reply:
    return Reply.json({"error": error, "message": message}, 400)


def _number(name: str) -> str | None:
    found = re.fullmatch(r"(?:openalex:)?(?:https?://(?:api\.)?openalex\.org/(?:works/)?)?(w\d+)", name, re.I)
    return found.group(1).upper() if found else None


def _link(work: Work) -> str:
    return f"https://openalex.org/{work.openalex_id}"


def _chosen(row: dict[str, Any], select: list[str]) -> dict[str, Any]:
    return {name: row[name] for name in select} if select else row


def _places(work: Work) -> list[dict[str, Any]]:
    found = []
    if work.venue:
        found.append(
            _place(f"https://doi.org/{work.doi}", LONG_NAMES.get(work.venue, work.venue), "conference")
        )
    if work.arxiv_id:
        found.append(
            _place(f"https://arxiv.org/abs/{work.arxiv_id}", "arXiv (Cornell University)", "repository")
        )
    return found


def _place(page: str, name: str, kind: str) -> dict[str, Any]:
    number = 4_000_000_000 + int(share("source", name) * 400_000_000)
    source = {"id": f"https://openalex.org/S{number}", "display_name": name, "type": kind}
    return {"is_oa": kind == "repository", "landing_page_url": page, "pdf_url": None, "source": source}


def _authorship(name: str, place: int, work: Work) -> dict[str, Any]:
    number = 5_000_000_000 + int(share("author", name) * 100_000_000)
    last = len(work.authors) - 1
    return {
        "author_position": "first" if place == 0 else "last" if place == last else "middle",
        "author": {"id": f"https://openalex.org/A{number}", "display_name": name, "orcid": None},
        "institutions": [],
        "is_corresponding": place == 0,
        "raw_author_name": name,
    }


def _inverted(text: str | None) -> dict[str, list[int]] | None:
    if text is None:
        return None
    index: dict[str, list[int]] = {}
    for place, word in enumerate(text.split()):
        index.setdefault(word, []).append(place)
    return index

"""arXiv's query interface: Atom feeds; ids it does not know are left out without a word."""

import re
from datetime import datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

from services.server import Asked, Reply, Service
from services.words import digest, share
from services.works import Work

_ID = re.compile(r"^(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v([1-9]\d*))?$")
_CLAUSE = re.compile(r'(?:(\w+):)?(?:"([^"]*)"|(\S+))')
_ILLEGAL_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LARGEST_PAGE = 2_000
_MOST_RESULTS = 30_000
_ATOM = "application/atom+xml; charset=utf-8"


class Arxiv(Service):
    """`/api/query` with id_list, search_query (ti:, au:, abs:, all:, joined by AND), start, max_results."""

    name = "arxiv"

    def answer(self, asked: Asked) -> Reply:
        """A feed; 400 with a feed of one error where arXiv objects."""
        if asked.path != "/api/query":
            return Reply.text("<h1>Not Found</h1>", 404, "text/html; charset=utf-8")
        numbers: dict[str, int] = {}
        for name, default in (("start", "0"), ("max_results", "10")):
            text = asked.one(name) or default
            if not re.fullmatch(r"-?\d+", text):
                return _error(f"{name} must be an integer")
            if int(text) < 0:
                return _error(f"{name} must be non-negative")
            numbers[name] = int(text)
        if numbers["max_results"] > _MOST_RESULTS:
            return _error(f"max_results must not exceed {_MOST_RESULTS}")
        ids = [part.strip() for part in asked.listed("id_list") if part.strip()]
        for each in ids:
            if not _ID.match(each):
                return _error(f"incorrect id format for {each}")
        found = self._found(ids, asked.one("search_query"))
        start, most = numbers["start"], min(numbers["max_results"], _LARGEST_PAGE)
        return _feed(asked, found[start : start + most], len(found), start, numbers["max_results"])

    def too_many(self) -> Reply:
        """In words."""
        return Reply.text("Rate exceeded.", 429)

    def _found(self, ids: list[str], query: str) -> list[tuple[Work, int]]:
        """The works and their versions, by relevance: in no order that the asker could foresee."""
        if ids:
            known = [self._version(each) for each in dict.fromkeys(ids)]
            found = [each for each in known if each]
        elif query:
            found = [(work, work.version) for work in list(self.world.works.values()) if work.arxiv_id]
        else:
            found = []
        if query:
            found = [(work, version) for work, version in found if _matches(work, query)]
        found = [each for each in found if not self.faults.drops(each[0].key, each[0].arxiv_id)]
        found.sort(key=lambda each: share("relevance", each[0].key))
        return [(self.seen(work), version) for work, version in found]

    def _version(self, text: str) -> tuple[Work, int] | None:
        found = _ID.match(text)
        assert found
        work = self.world.find("arxiv", re.sub(r"\.[A-Z]{2}/", "/", found.group(1)))
        if work is None:
            return None
        version = int(found.group(2) or work.version)
        return (work, version) if version <= work.version else None


def _matches(work: Work, query: str) -> bool:
    """Whether all clauses hold; each is a field, and a phrase or a word in it."""
    fields = {"ti": work.title, "au": " ".join(work.authors), "abs": work.abstract or ""}
    fields["all"] = " ".join(fields.values())
    for field, phrase, word in _CLAUSE.findall(query):
        if (phrase or word) == "AND" and not field:
            continue
        wanted = (phrase or word).replace("_", " ").casefold()
        if wanted not in fields.get(field or "all", "").casefold():
            return False
    return True


def _feed(asked: Asked, page: list[tuple[Work, int]], total: int, start: int, most: int) -> Reply:
    said = "&".join(f"{name}={asked.one(name)}" for name in ("search_query", "id_list"))
    said += f"&start={start}&max_results={most}"
    entries = "".join(_entry(work, version) for work, version in page)
    body = (
        f"  <id>https://arxiv.org/api/{digest(said)[:27]}</id>\n"
        f"  <title>arXiv Query: {_text(said)}</title>\n"
        f"  <updated>2026-04-12T22:09:36Z</updated>\n"
        f'  <link href={_quoted("https://arxiv.org/api/query?" + said)} type="application/atom+xml"/>\n'
        f"  <opensearch:itemsPerPage>{most}</opensearch:itemsPerPage>\n"
        f"  <opensearch:totalResults>{total}</opensearch:totalResults>\n"
        f"  <opensearch:startIndex>{start}</opensearch:startIndex>\n"
        f"{entries}"
    )
    return _atom(body, 200)


def _entry(work: Work, version: int) -> str:
    published = datetime.combine(work.day or datetime(2020, 1, 1).date(), datetime.min.time())
    published += timedelta(hours=17, minutes=59, seconds=46)
    updated = published + timedelta(days=90 * (version - 1))
    link = f"https://arxiv.org/abs/{work.arxiv_id}v{version}"
    pages = 8 + int(share("pages", work.key) * 20)
    comment = "This paper has been withdrawn by the authors" if work.withdrawn else f"{pages} pages"
    authors = "".join(
        f"    <author>\n      <name>{_text(name)}</name>\n    </author>\n" for name in work.authors
    )
    # Authors tell arXiv where a paper appeared, or do not.
    appeared = work.venue if share("tells", work.key) < 0.5 else None
    journal = f"    <arxiv:journal_ref>{_text(f'{appeared} {work.venue_year}')}</arxiv:journal_ref>\n"
    doi = (
        f"    <arxiv:doi>{_text(work.doi or '')}</arxiv:doi>\n"
        f'    <link rel="related" href={_quoted(f"https://doi.org/{work.doi}")} title="doi"/>\n'
    )
    return (
        "  <entry>\n"
        f"    <id>http://arxiv.org/abs/{work.arxiv_id}v{version}</id>\n"
        f"    <title>{_text(work.title)}</title>\n"
        f"    <updated>{updated.isoformat()}Z</updated>\n"
        f'    <link href={_quoted(link)} rel="alternate" type="text/html"/>\n'
        f'    <link href={_quoted(link.replace("/abs/", "/pdf/"))} rel="related" type="application/pdf" '
        'title="pdf"/>\n'
        f"    <summary>{'' if work.withdrawn else _text(work.abstract or '')}</summary>\n"
        '    <category term="cs.CV" scheme="http://arxiv.org/schemas/atom"/>\n'
        f"    <published>{published.isoformat()}Z</published>\n"
        f"    <arxiv:comment>{comment}</arxiv:comment>\n"
        '    <arxiv:primary_category term="cs.CV"/>\n'
        f"{journal if appeared else ''}{authors}{doi if work.doi else ''}"
        "  </entry>\n"
    )


def _error(message: str) -> Reply:
    place = f"https://arxiv.org/api/errors#{message.replace(' ', '_')}"
    body = (
        "  <id>https://arxiv.org/</id>\n"
        "  <title>arXiv Search Results</title>\n"
        "  <updated>2026-04-12T22:59:06Z</updated>\n"
        "  <opensearch:itemsPerPage>1</opensearch:itemsPerPage>\n"
        "  <opensearch:totalResults>1</opensearch:totalResults>\n"
        "  <opensearch:startIndex>0</opensearch:startIndex>\n"
        "  <entry>\n"
        f"    <id>{_text(place)}</id>\n"
        "    <title>Error</title>\n"
        "    <updated>2026-04-12T22:59:06Z</updated>\n"
        f'    <link href={_quoted(place)} rel="alternate" type="text/html"/>\n'
        f"    <summary>{_text(message)}</summary>\n"
        "    <author>\n      <name>arXiv api core</name>\n    </author>\n"
        "  </entry>\n"
    )
    return _atom(body, 400)


def _atom(body: str, status: int) -> Reply:
    feed = (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
        'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">\n'
        f"{body}</feed>\n"
    )
    return Reply(feed.encode(), status, _ATOM)


def _text(text: str) -> str:
    return escape(_ILLEGAL_IN_XML.sub("", text))


def _quoted(text: str) -> str:
    return quoteattr(_ILLEGAL_IN_XML.sub("", text))

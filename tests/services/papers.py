"""Papers as Semantic Scholar writes them, with the fields that were asked for and no others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.words import LONG_NAMES, contexts, intents, share
from services.works import Work
from services.world import World

_PLAIN = (
    "paperId corpusId externalIds url title abstract venue publicationVenue year referenceCount "
    "citationCount influentialCitationCount isOpenAccess openAccessPdf fieldsOfStudy s2FieldsOfStudy "
    "publicationTypes publicationDate journal citationStyles authors"
).split()
_ALONE = ("embedding", "tldr", "references", "citations")
_AUTHOR = "authorId externalIds url name affiliations homepage paperCount citationCount hIndex".split()
_EDGE = ("contexts", "intents", "contextsWithIntent", "isInfluential")
_NO_FIELDS: Mapping[str, "Fields"] = {}


class RefusedError(Exception):
    """The service answers 400, with these words."""


@dataclass
class Fields:
    """Names of fields, and the fields asked for within those that are papers or authors."""

    names: list[str]
    within: Mapping[str, "Fields"] = field(default_factory=lambda: _NO_FIELDS)

    def of_paper(self) -> "Fields":
        """Without the fields of an edge."""
        return Fields([name for name in self.names if name not in _EDGE], self.within)


def read_fields(text: str, side: str | None = None) -> Fields:
    """The fields of a paper, or with `side` (citedPaper, citingPaper) those of an edge and its paper."""
    asked = [name.strip() for name in text.split(",") if name.strip()] or ["paperId", "title"]
    unknown = [name for name in asked if not _is_known(name, side)]
    if unknown:
        raise RefusedError(f"Unrecognized or unsupported fields: [{', '.join(unknown)}]")
    asked = [name.removeprefix(f"{side}.") for name in asked]
    return _tree(asked)


def _is_known(name: str, side: str | None) -> bool:
    if side:
        name = name.removeprefix(f"{side}.")
        return name in _EDGE or name in _PLAIN or _is_author(name)
    first, _dot, rest = name.partition(".")
    if first in ("references", "citations") and rest:
        return rest in _PLAIN or _is_author(rest)
    return (
        name in _PLAIN
        or name in _ALONE
        or name in ("embedding.specter_v1", "embedding.specter_v2")
        or (_is_author(name))
    )


def _is_author(name: str) -> bool:
    first, _dot, rest = name.partition(".")
    return first == "authors" and rest in _AUTHOR


def _tree(asked: list[str]) -> Fields:
    within: dict[str, list[str]] = {}
    for name in asked:
        first, _dot, rest = name.partition(".")
        within.setdefault(first, []).extend([rest] if rest else [])
    return Fields(list(within), {name: _tree(rest) for name, rest in within.items() if rest})


def length(world: World, work: Work, part: str) -> int:
    """How many papers a nested list holds."""
    return len(work.entries) if part == "references" else len(world.citing(work.key))


def paper(
    world: World, work: Work, fields: Fields, *, listed: bool, seen: Callable[[Work], Work]
) -> dict[str, Any]:
    """A paper; in a list, most abstracts are null. `seen` turns other works into what the service states."""
    facts: dict[str, Any] = {"paperId": work.s2_id}
    for name in fields.names:
        if name in ("references", "citations"):
            nested = fields.within.get(name, Fields(["paperId", "title"]))
            facts[name] = _nested(world, work, name, nested, seen)
        else:
            facts[name] = _fact(world, work, name, fields.within.get(name), listed=listed)
    return facts


def unidentified(title: str, fields: Fields) -> dict[str, Any]:
    """A paper that the service found in a reference list and could not identify."""
    known = {"title": title, "authors": []}
    return {"paperId": None, **{name: known.get(name) for name in fields.names}}


def edge_facts(citing: str, cited: str, name: str, fields: Fields) -> dict[str, Any]:
    """What is known of a citation itself."""
    said = contexts(citing, cited, name)
    why = intents(citing, cited, len(said))
    facts = {
        "contexts": list(said),
        "intents": list(why),
        "contextsWithIntent": [{"context": each, "intents": list(why)} for each in said],
        "isInfluential": bool(said) and share("influential", citing, cited) < 0.15,
    }
    return {name: value for name, value in facts.items() if name in fields.names}


def _nested(
    world: World, work: Work, part: str, fields: Fields, seen: Callable[[Work], Work]
) -> list[dict[str, Any]]:
    if part == "citations":
        return [paper(world, seen(each), fields, listed=True, seen=seen) for each in world.citing(work.key)]
    found = []
    for entry in work.entries:
        cited = world.works.get(entry.key or "")
        if cited:
            found.append(paper(world, seen(cited), fields, listed=True, seen=seen))
        else:
            found.append(unidentified(entry.title, fields))
    return found


def _fact(world: World, work: Work, name: str, within: Fields | None, *, listed: bool) -> Any:
    if name == "authors":
        return _authors(work, within)
    if name in ("referenceCount", "citationCount", "influentialCitationCount"):
        cited = world.citation_count(work.key)
        counts = {"referenceCount": len(work.entries), "citationCount": cited}
        return counts.get(name, cited // 12)
    if name == "abstract":
        return None if listed and share("listed", work.key) < 0.9 else work.abstract
    if name == "externalIds":
        return _external_ids(work)
    if name in ("venue", "journal", "publicationVenue"):
        return _venues(work)[name]
    plain: dict[str, Any] = {
        "paperId": work.s2_id,
        "corpusId": work.corpus_id,
        "url": f"https://www.semanticscholar.org/paper/{work.s2_id}",
        "title": work.title,
        # The year of the earliest text, also where `venue` names a later one.
        "year": work.year,
        "publicationDate": work.day and work.month and work.day.isoformat(),
        "isOpenAccess": work.arxiv_id is not None,
        "openAccessPdf": work.arxiv_id
        and {"url": f"https://arxiv.org/pdf/{work.arxiv_id}", "status": "GREEN", "license": None},
        "fieldsOfStudy": ["Computer Science"],
        "s2FieldsOfStudy": [{"category": "Computer Science", "source": "s2-fos-model"}],
        "publicationTypes": ["JournalArticle", "Conference"] if work.venue else ["JournalArticle"],
        "citationStyles": {"bibtex": f"@Article{{Invented{work.year},\n title = {{{work.title}}}\n}}\n"},
        "tldr": {"model": "tldr@v2.0.0", "text": f"An invented summary of {work.title}."},
        "embedding": {"model": "specter_v2@invented", "vector": [0.0, 1.0]},
    }
    return plain[name]


def _authors(work: Work, within: Fields | None) -> list[dict[str, Any]]:
    names = ["authorId", *(within.names if within else ["name"])]
    found = []
    for author in work.authors:
        number = str(1_000_000 + int(share("author", author) * 9_000_000))
        facts: dict[str, Any] = {
            "authorId": number,
            "name": author,
            "url": f"https://www.semanticscholar.org/author/{number}",
            "affiliations": [],
            "externalIds": {},
        }
        found.append({name: facts.get(name) for name in dict.fromkeys(names)})
    return found


def _external_ids(work: Work) -> dict[str, Any]:
    ids: dict[str, Any] = {}
    if share("dblp", work.key) < 0.5:
        ids["DBLP"] = f"journals/corr/abs-test-{work.key}"
    if work.arxiv_id:
        ids["ArXiv"] = work.arxiv_id
    if work.any_doi:
        ids["DOI"] = work.any_doi
    return {**ids, "CorpusId": work.corpus_id}


def _venues(work: Work) -> dict[str, Any]:
    if work.venue:
        name = LONG_NAMES.get(work.venue, work.venue)
        venue = {
            "id": f"venue-{work.venue}",
            "name": name,
            "type": "conference",
            "alternate_names": [work.venue],
        }
        return {"venue": name, "journal": {"name": f"{work.venue_year} {name}"}, "publicationVenue": venue}
    if work.arxiv_id:
        journal = {"name": "ArXiv", "volume": f"abs/{work.arxiv_id}"}
        venue = {"id": "venue-arxiv", "name": "arXiv.org", "alternate_names": ["ArXiv"], "issn": "2331-8422"}
        return {"venue": "arXiv.org", "journal": journal, "publicationVenue": venue}
    return {"venue": "", "journal": None, "publicationVenue": None}

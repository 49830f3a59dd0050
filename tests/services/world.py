"""The works and models that all services know: one world, which a test may change while it is served."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from services.works import ARXIV_DOI, Entry, Model, Work


class World:
    """Works by key, models by hub id, and who cites whom.

    `from_catalogue` makes one from the catalogue that ships. The survey's real reference list is not known
    to the catalogue; in this world it is the first suitable papers of the catalogue (not later than the
    survey), plus five entries of which only a title is known. Everything that the catalogue does not state
    (abstracts, missing authors, days, counts, ids of Semantic Scholar and OpenAlex, works outside the
    catalogue, who cites the survey, most models) is invented, and the same in every run.

    Changes are seen by all services at once. What only one service gets wrong is told by `say`.
    """

    def __init__(self, survey: str) -> None:
        self.survey = survey
        self.works: dict[str, Work] = {}
        self.models: dict[str, Model] = {}
        self.moved: dict[str, str] = {}
        """Old hub id to new one."""
        self.merged: dict[str, str] = {}
        """OpenAlex id that was given up, to the one that stands for it now."""
        self.without_references: set[str] = set()
        """Keys of works whose reference list OpenAlex lacks (it says 0)."""
        self._lock = threading.RLock()
        self._index: dict[tuple[str, str | int], str] | None = None
        self._citers: dict[str, list[str]] | None = None

    @classmethod
    def from_catalogue(cls, references: int = 300, seed: int = 0) -> "World":
        """The world around the survey of the shipped catalogue, which cites that many works."""
        from services.genesis import make

        return make(references, seed).copy()

    def copy(self) -> "World":
        """The same world again, to be changed on its own."""
        other = World(self.survey)
        other.works = {
            key: replace(work, entries=list(work.entries), said={k: dict(v) for k, v in work.said.items()})
            for key, work in self.works.items()
        }
        other.models = {hub_id: replace(model) for hub_id, model in self.models.items()}
        other.moved, other.merged = dict(self.moved), dict(self.merged)
        other.without_references = set(self.without_references)
        return other

    # Looking up

    def find(self, scheme: str, value: str | int) -> Work | None:
        """The work with an id: arxiv (no version), doi (either), s2, corpus, openalex; case is no matter."""
        with self._lock:
            if self._index is None:
                self._index = {
                    (kind, _plain(name)): work.key
                    for work in self.works.values()
                    for kind, name in _names_of(work)
                }
            key = self._index.get((scheme, _plain(value)))
            return self.works[key] if key else None

    def citing(self, key: str) -> list[Work]:
        """The works of the world that cite this one, by key."""
        with self._lock:
            if self._citers is None:
                self._citers = {}
                for work in self.works.values():
                    for cited in dict.fromkeys(entry.key for entry in work.entries if entry.key):
                        self._citers.setdefault(cited, []).append(work.key)
            return [self.works[each] for each in sorted(self._citers.get(key, ()))]

    def citation_count(self, key: str) -> int:
        """How often a work is cited, by works outside the world too."""
        return len(self.citing(key)) + self.works[key].elsewhere

    def cited_by(self, key: str) -> list[Work]:
        """The identified works in the reference list of a work, in its order."""
        with self._lock:
            return [self.works[entry.key] for entry in self.works[key].entries if entry.key in self.works]

    def seen_by(self, service: str, work: Work) -> Work:
        """The work as a service states it."""
        said = work.said.get(service)
        return replace(work, **said) if said else work

    def models_of(self, arxiv_id: str) -> list[Model]:
        """The models whose card names the paper."""
        return [model for model in list(self.models.values()) if arxiv_id in model.arxiv_ids]

    # Changing

    def add(self, work: Work) -> Work:
        """Add a work; its ids in Semantic Scholar and OpenAlex are made unique."""
        with self._lock:
            if work.key in self.works:
                raise ValueError(f"the world has a work {work.key!r}")
            while self.find("corpus", work.corpus_id):
                work.corpus_id += 1
            while self.find("openalex", work.openalex_id):
                work.openalex_id = f"W{int(work.openalex_id[1:]) + 1}"
            self.works[work.key] = work
            if self._index is not None:
                self._index |= {(kind, _plain(name)): work.key for kind, name in _names_of(work)}
            self._citers = None
            return work

    def rename(self, key: str, title: str) -> None:
        """Give a work another title, everywhere."""
        self.change(key, title=title)
        for work in self.works.values():
            work.entries = [Entry(key, title) if entry.key == key else entry for entry in work.entries]

    def change(self, key: str, **facts: Any) -> None:
        """Change facts of a work, e.g. `doi`, `venue`, `withdrawn`, `version`, `elsewhere`."""
        with self._lock:
            work = self.works[key]
            for name, value in facts.items():
                if not hasattr(work, name):
                    raise AttributeError(f"a work has no {name!r}")
                setattr(work, name, value)
            self._forget()

    def say(self, service: str, key: str, **facts: Any) -> None:
        """Have one service (arxiv, semanticscholar, openalex, crossref) state other facts than the rest."""
        work = self.works[key]
        replace(work, **facts)
        work.said.setdefault(service, {}).update(facts)

    def cite(self, citing: str, cited: str) -> None:
        """Add an entry at the end of a reference list."""
        with self._lock:
            self.works[citing].entries.append(Entry(cited, self.works[cited].title))
            self._forget()

    def uncite(self, citing: str, cited: str) -> None:
        """Take a work out of a reference list."""
        with self._lock:
            work = self.works[citing]
            work.entries = [entry for entry in work.entries if entry.key != cited]
            self._forget()

    def add_citing(self, key: str | None = None) -> Work:
        """A new invented work (2025) that cites `key`, by default the survey."""
        from services.genesis import citing_work

        number = sum(work.kind == "citing" for work in self.works.values())
        return self.add(citing_work(self, key or self.survey, number))

    def drop(self, key: str) -> Work:
        """Take a work from all services; reference lists keep its title and lose its id."""
        with self._lock:
            gone = self.works.pop(key)
            for work in self.works.values():
                work.entries = [Entry(None, e.title) if e.key == key else e for e in work.entries]
            self._forget()
            return gone

    def merge_in_openalex(self, key: str) -> str:
        """Give a work a new OpenAlex id; returns the old one, which is redirected from now on."""
        with self._lock:
            old = self.works[key].openalex_id
            new = f"W{int(old[1:]) + 1}"
            while self.find("openalex", new):
                new = f"W{int(new[1:]) + 1}"
            self.merged[old] = new
            self.change(key, openalex_id=new)
            return old

    def add_model(self, model: Model) -> Model:
        """Add a model to the hub."""
        self.models[model.hub_id] = model
        return model

    def move_model(self, old: str, new: str) -> None:
        """Rename a model; the hub redirects the old name."""
        with self._lock:
            self.models[new] = replace(self.models.pop(old), hub_id=new)
            self.moved[old] = new

    def remove_model(self, hub_id: str) -> None:
        """Delete a model from the hub."""
        with self._lock:
            del self.models[hub_id]

    def _forget(self) -> None:
        self._index = self._citers = None


def _names_of(work: Work) -> Iterator[tuple[str, str | int]]:
    yield "s2", work.s2_id
    yield "corpus", work.corpus_id
    yield "openalex", work.openalex_id
    if work.arxiv_id:
        yield "arxiv", work.arxiv_id
        yield "doi", ARXIV_DOI + work.arxiv_id
    if work.doi:
        yield "doi", work.doi


def _plain(value: str | int) -> str:
    return str(value).lower()

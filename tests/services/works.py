"""What a work and a model are in the world behind the services."""

import hashlib
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from services.words import digest, share

ARXIV_DOI = "10.48550/arXiv."


@dataclass(frozen=True)
class Entry:
    """One entry of a reference list: the key of a work, or only a title where nobody identified it."""

    key: str | None
    title: str


@dataclass
class Work:
    """A work. `doi` is the publisher's; `venue` comes with the year of its own text, `venue_year`.

    `version` is the newest on arXiv. `elsewhere` counts citing works that the world does not hold. What a
    service states differently is in `said` (service, field, value).
    """

    key: str
    title: str
    kind: Literal["catalogue", "outside", "citing"]
    authors: tuple[str, ...]
    abstract: str | None
    year: int | None = None
    month: int | None = None
    venue: str | None = None
    venue_year: int | None = None
    arxiv_id: str | None = None
    doi: str | None = None
    version: int = 1
    withdrawn: bool = False
    elsewhere: int = 0
    entries: list[Entry] = field(default_factory=list, repr=False)
    s2_id: str = ""
    corpus_id: int = 0
    openalex_id: str = ""
    said: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.s2_id = self.s2_id or digest(self.key)
        self.corpus_id = self.corpus_id or 200_000_000 + int(share("corpus", self.key) * 90_000_000)
        number = 4_000_000_000 + int(share("openalex", self.key) * 300_000_000)
        self.openalex_id = self.openalex_id or f"W{number}"

    @property
    def day(self) -> date | None:
        """The day of the earliest text."""
        if self.year is None:
            return None
        return date(self.year, self.month or 6, 1 + int(share("day", self.key) * 28))

    @property
    def any_doi(self) -> str | None:
        """The publisher's DOI, else the one that arXiv gives."""
        return self.doi or (ARXIV_DOI + self.arxiv_id if self.arxiv_id else None)


@dataclass
class Model:
    """Weights on the hub.

    `contents` are files that can be downloaded; a model without them only lists some. What came before is in
    `former`, by commit. A file that is `spoiled` is sent with other content than the hub says it has.
    """

    hub_id: str
    library: str | None
    task: str | None
    licence: str | None = None
    downloads: int = 0
    likes: int = 0
    gated: Literal["auto", "manual", False] = False
    base_models: tuple[str, ...] = ()
    arxiv_ids: tuple[str, ...] = ()
    parameters: int | None = None
    modified: date = date(2024, 1, 1)
    sha: str = ""
    config: dict[str, Any] | None = None
    custom_code: bool = False
    contents: dict[str, bytes] = field(default_factory=dict)
    former: dict[str, dict[str, bytes]] = field(default_factory=dict)
    spoiled: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sha = self.sha or digest("commit of " + self.hub_id)

    @property
    def tags(self) -> list[str]:
        """The tags in the hub's order: library, formats, task, papers, licence, base models, region."""
        given = [self.library, "safetensors" if self.parameters else None, self.task]
        given += [f"arxiv:{each}" for each in self.arxiv_ids]
        given += [f"license:{self.licence}" if self.licence else None]
        for base in self.base_models:
            given += [f"base_model:{base}", f"base_model:finetune:{base}"]
        given += ["custom_code" if self.custom_code else None]
        return [each for each in (*given, "region:us") if each]

    @property
    def files(self) -> list[tuple[str, int, str | None]]:
        """Name, size and SHA-256 (of large files only) of each file."""
        return self.files_at(None)

    def commit(self, contents: dict[str, bytes]) -> str:
        """Replace the files; the commit before can still be had. Returns the new one."""
        self.former[self.sha] = self.contents
        self.contents = contents
        self.sha = digest(f"commit of {self.hub_id} {sorted(contents.items())}")
        return self.sha

    def contents_at(self, revision: str | None) -> dict[str, bytes]:
        """The files of a commit; of the newest by default."""
        return self.contents if revision in (None, "main", self.sha) else self.former[revision]

    def sha256_of(self, name: str, content: bytes) -> str | None:
        """The hash that a file is kept by, if it is one that the hub keeps so."""
        is_large = name.endswith((".safetensors", ".bin", ".pt", ".ckpt", ".msgpack"))
        return hashlib.sha256(content).hexdigest() if is_large else None

    def files_at(self, revision: str | None) -> list[tuple[str, int, str | None]]:
        """Name, size and SHA-256 (of large files only) of each file of a commit."""
        if contents := self.contents_at(revision):
            return [
                (name, len(content), self.sha256_of(name, content))
                for name, content in sorted(contents.items())
            ]
        small: list[tuple[str, int, str | None]] = [
            (".gitattributes", 1519, None),
            ("README.md", 2345, None),
            ("config.json", 678, None),
        ]
        if not self.parameters:
            return small
        sha256 = (digest("one" + self.hub_id) + digest("two" + self.hub_id))[:64]
        return [*small, ("model.safetensors", 4 * self.parameters + 4096, sha256)]

"""What a catalogue is made of: the manifest, and what one row of each file may hold.

Blank means "not known" and is read as None.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graph.schema import RELATIONS

Key = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
NodeId = Annotated[str, Field(pattern=r"^[a-z0-9]+(\.[a-z0-9]+)*$")]
ArxivId = Annotated[str, Field(pattern=r"^(\d{4}\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{7})$")]
Doi = Annotated[str, Field(pattern=r"^10\.\d{4,9}/\S+$")]
HubId = Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
WebUrl = Annotated[str, Field(pattern=r"^https?://[^\s\"'<>]+$")]
Text = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Text, ...], Field(default=())]


class Row(BaseModel):
    """A row, and the line of its file that it was read from."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
    line: int

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unknown(cls, values: dict[str, object]) -> dict[str, object]:
        known = {name: value for name, value in values.items() if value not in ("", None)}
        for name, field in cls.model_fields.items():
            value = known.get(name)
            if field.annotation == tuple[Text, ...] and isinstance(value, str):
                known[name] = tuple(part.strip() for part in value.split(";"))
        return known


class PaperRow(Row):
    """papers.csv: year and month are the preprint's, the venue carries its own year."""

    key: Key
    title: Text
    short_name: Text
    arxiv_id: ArxivId | None = None
    doi: Doi | None = None
    authors: Names
    year: Annotated[int, Field(ge=1950, le=2100)] | None = None
    month: Annotated[int, Field(ge=1, le=12)] | None = None
    venue: Text | None = None
    taxonomy: NodeId
    taxonomy_secondary: Names
    core: bool
    after_survey: bool
    code_url: WebUrl | None = None
    source: Text


class TaxonomyRow(Row):
    """taxonomy.csv: a node of the tree; the root alone has no parent."""

    id: NodeId
    parent: NodeId | None = None
    label: Text
    definition: Text


class CitationRow(Row):
    """citations.csv: the citing paper's reference list holds the cited one."""

    citing: Key
    cited: Key
    matched_title: Text | None = None
    match_kind: Literal["title", "arxiv"]
    source: Text


class ReferenceListRow(Row):
    """reference_lists.csv: how much of a paper's reference list was read; no row means not read at all."""

    paper: Key
    status: Literal["complete", "partial", "not_found"]
    entries_seen: Annotated[int, Field(ge=0)] | None = None
    source: Text | None = None


class RelationRow(Row):
    """relations.csv: a typed statement about two papers."""

    paper: Key
    relation: Annotated[str, Field(json_schema_extra={"allowed": list(RELATIONS)})]
    target: Key
    source: Text

    @model_validator(mode="after")
    def _known_relation(self) -> "RelationRow":
        if self.relation not in RELATIONS:
            raise ValueError(f"relation: {self.relation!r} is none of {', '.join(RELATIONS)}")
        return self


class CheckpointRow(Row):
    """checkpoints.csv: weights on a hub that belong to a paper."""

    paper: Key
    hub_id: HubId
    library: Literal["transformers", "diffusers", "timm", "open_clip"]
    task: Text
    loader_class: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]
    params_millions: Annotated[float, Field(gt=0)] | None = None
    licence: Text | None = None
    role: Literal["official", "port", "reproduction", "derivative", "stand-in"] | None = None
    note: Text | None = None
    source: Text


class ZooFile(BaseModel):
    """A file of a bundled checkpoint, by its path in the checkpoint's folder."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    path: Text
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ZooRow(BaseModel):
    """zoo/zoo.toml: a small checkpoint that ships with the project and stands in for a paper's method.

    `line` counts the entries; what else an entry says (training, results) is evaluation.zoo's to read.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)
    line: int
    name: Key
    paper: Key
    library: Literal["transformers", "diffusers"]
    loader_class: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]
    task: Text
    parameters: Annotated[int, Field(gt=0)]
    licence: Text
    files: Annotated[tuple[ZooFile, ...], Field(min_length=1, alias="file")]

    @property
    def hub_id(self) -> str:
        """What commands call it."""
        return f"zoo/{self.name}"

    def as_checkpoint(self) -> CheckpointRow:
        """The same as a row of checkpoints, marked as the stand-in that it is."""
        return CheckpointRow(
            line=self.line,
            paper=self.paper,
            hub_id=self.hub_id,
            library=self.library,
            task=self.task,
            loader_class=self.loader_class,
            params_millions=self.parameters / 1e6,
            licence=self.licence,
            role="stand-in",
            note="a small stand-in for the method, trained by this project; not the paper's model",
            source="data/zoo/zoo.toml",
        )


class AliasRow(Row):
    """aliases.csv: another name that people search by."""

    key: Key
    alias: Text


class SummaryRow(Row):
    """summaries.csv: two or three sentences written for this project."""

    key: Key
    summary: Annotated[str, Field(min_length=80, max_length=900)]


class LaterCitationRow(Row):
    """later_citations.csv: a citation of a paper that appeared much later, and why it is right."""

    citing: Key
    cited: Key
    reason: Text


class FileSources(BaseModel):
    """Where rows come from in files that have no source column of their own."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    taxonomy: Text
    summaries: Text
    aliases: Text
    later_citations: Text


class Manifest(BaseModel):
    """What the catalogue is: name, the survey it serves, and the day its facts were collected."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    survey: str
    collected_on: date
    sources: FileSources


@dataclass(frozen=True)
class Catalogue:
    """All rows of all files; the bundled checkpoints of `zoo` stand among the `checkpoints` too."""

    manifest: Manifest
    papers: tuple[PaperRow, ...]
    taxonomy: tuple[TaxonomyRow, ...]
    citations: tuple[CitationRow, ...]
    reference_lists: tuple[ReferenceListRow, ...]
    relations: tuple[RelationRow, ...]
    checkpoints: tuple[CheckpointRow, ...]
    aliases: tuple[AliasRow, ...]
    summaries: tuple[SummaryRow, ...]
    later_citations: tuple[LaterCitationRow, ...]
    zoo: tuple[ZooRow, ...] = ()

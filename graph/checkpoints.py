"""What is known of a checkpoint, which of its files are needed to load it, and which commit of it is used."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import PurePosixPath

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session, selectinload

from graph.errors import UnknownName
from graph.schema import Checkpoint, CheckpointFile, CheckpointLink, Paper

ROLES: dict[str, str] = {
    "official": "released by the paper's authors",
    "port": "the authors' weights in another library's format",
    "reproduction": "trained anew by others, after the paper",
    "derivative": "made from the authors' weights: fine-tuned, merged or distilled",
    "stand-in": "not the paper's weights: others that its method runs on, or another model of its kind",
}
"""What a checkpoint may be to a paper; a link without a role says that it is not known."""

HUB, BUNDLED = "hub", "bundled"
"""Origins of checkpoints: repositories of the hub, and what ships with the project."""

COMMIT = re.compile(r"[0-9a-f]{40}")
"""A revision that names one state of a repository for ever."""

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_TEXTS = (".json", ".txt")
_SHARD = r"(?:-[0-9]{5}-of-[0-9]{5})?\.safetensors"
_TRANSFORMERS = re.compile("model" + _SHARD)
_DIFFUSERS = re.compile("(?:diffusion_pytorch_model|model)" + _SHARD)
_PICKLED = re.compile(r"(?:pytorch_model|diffusion_pytorch_model|model|open_clip_pytorch_model)(?:-.*)?\.\w+")
_LONGEST_PATH = 500


@dataclass(frozen=True)
class RepoFile:
    """A file of a repository: its size, and its SHA-256 where the hub keeps it by that, else its git blob."""

    path: str
    bytes: int | None
    sha256: str | None
    git_sha1: str | None


@dataclass(frozen=True)
class Choice:
    """The files that loading needs: weights as safetensors, and texts (settings, vocabularies).

    `pickled` are weights that have no safetensors beside them.
    """

    weights: tuple[RepoFile, ...]
    texts: tuple[RepoFile, ...]
    pickled: tuple[str, ...]

    @property
    def files(self) -> tuple[RepoFile, ...]:
        """All of them."""
        return self.weights + self.texts

    @property
    def weight_bytes(self) -> int:
        """How large the weights are."""
        return sum(each.bytes or 0 for each in self.weights)

    @property
    def bytes(self) -> int:
        """How much there is to download."""
        return sum(each.bytes or 0 for each in self.files)


@dataclass(frozen=True)
class CheckpointFacts:
    """A checkpoint as the library knows it; None is a fact not known. See graph.schema.Checkpoint."""

    hub_id: str
    library: str
    loader_class: str
    task: str
    origin: str = HUB
    state: str = "unchecked"
    licence: str | None = None
    gated: bool | None = None
    remote_code: bool | None = None
    params_millions: float | None = None
    revision: str | None = None
    head_revision: str | None = None
    moved_to: str | None = None
    mirrors: tuple[str, ...] = ()
    base_models: tuple[str, ...] | None = None
    checked_at: datetime | None = None
    files: tuple[RepoFile, ...] | None = None

    @property
    def commit(self) -> str | None:
        """The commit that `files` are of: the pinned one, else the newest that the hub told."""
        return self.revision or self.head_revision

    @property
    def choice(self) -> Choice | None:
        """What loading it needs; None where its files are not known."""
        return None if self.files is None else choose_files(self.files, self.library)


def is_plain_path(path: str) -> bool:
    """Whether a path of a repository stays in its folder on any system."""
    parts = PurePosixPath(path).parts
    return bool(
        parts
        and len(path) <= _LONGEST_PATH
        and path.isprintable()
        and not path.startswith("/")
        and not any(part == ".." or set(part) & set('\\:*?"<>|') for part in parts)
    )


def choose_files(files: Iterable[RepoFile], library: str) -> Choice:
    """The files that a library loads; what other programs, precisions and training leave is passed over."""
    sound = [each for each in files if is_plain_path(each.path)]
    is_pipeline = any(each.path == "model_index.json" for each in sound)
    weights, pickled = [], []
    for each in sound:
        path = PurePosixPath(each.path)
        # A pipeline's weights lie in the folders of its parts, one model's beside its settings.
        if (len(path.parts) == 2) != is_pipeline or len(path.parts) > 2:
            continue
        if path.suffix == ".safetensors" and _is_loaded(path.name, library):
            weights.append(each)
        elif path.suffix in _PICKLES and _PICKLED.fullmatch(path.name):
            pickled.append(each)
    safe = {PurePosixPath(each.path).parent for each in weights}
    texts = [
        each for each in sound if each.path.endswith(_TEXTS) and len(PurePosixPath(each.path).parts) <= 2
    ]
    return Choice(
        tuple(weights),
        tuple(texts),
        tuple(each.path for each in pickled if PurePosixPath(each.path).parent not in safe),
    )


def _is_loaded(name: str, library: str) -> bool:
    if library == "transformers":
        return _TRANSFORMERS.fullmatch(name) is not None
    if library == "diffusers":
        return _DIFFUSERS.fullmatch(name) is not None
    return True


def read_facts(session: Session, name: str, loader_class: str | None = None) -> CheckpointFacts:
    """A checkpoint by its hub id, of several the first or that of this class. Raises UnknownName."""
    rows = list(
        session.scalars(
            select(Checkpoint)
            .where(Checkpoint.hub_id == name)
            .options(selectinload(Checkpoint.files))
            .order_by(Checkpoint.library, Checkpoint.loader_class)
        )
    )
    if not rows:
        known = sorted(session.scalars(select(Checkpoint.hub_id).distinct()))
        raise UnknownName(
            "checkpoint", name, get_close_matches(name, known, 3), "'vfm-atlas checkpoints' lists all"
        )
    if loader_class is not None:
        named = [row for row in rows if row.loader_class == loader_class]
        if not named:
            classes = [row.loader_class for row in rows]
            raise UnknownName(f"class for {name},", loader_class, classes, allowed=True)
        rows = named
    return facts_of(rows[0])


def read_all_facts(session: Session, keys: Sequence[str] | None = None) -> list[CheckpointFacts]:
    """Every checkpoint, or those linked to the papers with these keys, with their files; by hub id."""
    rows = (
        select(Checkpoint).options(selectinload(Checkpoint.files)).order_by(Checkpoint.hub_id, Checkpoint.id)
    )
    if keys is not None:
        linked = select(CheckpointLink.checkpoint_id).join(Paper, Paper.id == CheckpointLink.paper_id)
        rows = rows.where(Checkpoint.id.in_(linked.where(Paper.key.in_(keys))))
    return [facts_of(row) for row in session.scalars(rows)]


def facts_of(row: Checkpoint) -> CheckpointFacts:
    """The facts in a row, whose files must be loaded or loadable."""
    files = tuple(_file_of(each) for each in row.files)
    return CheckpointFacts(
        row.hub_id, row.library, row.loader_class, row.task, row.origin, row.state, row.licence, row.gated,
        row.remote_code, row.params_millions, row.revision, row.head_revision, row.moved_to,
        tuple(row.mirrors or ()), None if row.base_models is None else tuple(row.base_models),
        row.checked_at, files or None,
    )  # fmt: skip


def write_files(session: Session, row: Checkpoint, files: Iterable[RepoFile]) -> None:
    """Put these files in the place of those that a checkpoint had."""
    kept = {each.path: each for each in files if is_plain_path(each.path)}
    row.weight_bytes = choose_files(kept.values(), row.library).weight_bytes or None
    mine = CheckpointFile.checkpoint_id == row.id
    stored = {each.path: _file_of(each) for each in session.scalars(select(CheckpointFile).where(mine))}
    if stored == kept:
        return
    session.execute(delete(CheckpointFile).where(mine))
    if kept:
        session.execute(
            insert(CheckpointFile), [{"checkpoint_id": row.id, **asdict(kept[path])} for path in kept]
        )


def _file_of(row: CheckpointFile) -> RepoFile:
    return RepoFile(row.path, row.bytes, row.sha256, row.git_sha1)


def pin(session: Session, hub_id: str, revision: str, files: Iterable[RepoFile] | None = None) -> bool:
    """Keep to a commit of a repository, with its files, unless one is pinned already; whether none was."""
    if not COMMIT.fullmatch(revision):
        raise ValueError(f"revision {revision!r} is no commit: 40 hexadecimal digits are")
    listed = None if files is None else list(files)
    changed = False
    for row in session.scalars(select(Checkpoint).where(Checkpoint.hub_id == hub_id)):
        if row.revision is None:
            row.revision, changed = revision, True
            if listed is not None:
                write_files(session, row, listed)
    return changed

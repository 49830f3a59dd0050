"""A small valid catalogue that a test may break cell by cell, and an embedding model of a few lines."""

import csv
import hashlib
import io
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

import graph.encoder
from graph.encoder import Model
from graph.library import Library
from graph.schema import Paper, Source
from ingest.build import BuildReport, build
from ingest.catalogue import read_catalogue
from ingest.errors import CatalogueError, Problem
from ingest.rows import Catalogue

# Lines are counted with the header as line 1; later citations need an explanation beyond six months.
CATALOGUE_FILES = {
    "catalogue.toml": """\
name = "Small"
survey = "survey"
collected_on = 2026-01-31

[sources]
taxonomy = "editors: taxonomy"
summaries = "editors: summaries"
aliases = "editors: aliases"
later_citations = "editors: reasons"
""",
    "papers.csv": """\
key,title,short_name,arxiv_id,doi,authors,year,month,venue,taxonomy,taxonomy_secondary,core,after_survey,code_url,source
survey,A Survey of Small Things,Survey,2312.10163,,Ada Small; Bo Tiny,2023,12,,things.surveys,,1,0,,list one
resnet,Deep Residual Learning,ResNet,1512.03385,10.1109/cvpr.2016.90,Kaiming He; Jian Sun,2015,12,CVPR 2016,things.models,,1,0,https://example.org/resnet,list one
clip,Learning Transferable Visual Models,CLIP,2103.00020,,Alec Radford,2021,2,ICML 2021,things.models,things.surveys,1,0,,list one
ldm,Latent Diffusion Models,LDM,2112.10752,,Robin Rombach; Jian Sun,2021,12,CVPR 2022,things.models,,1,0,,list two
cfg,Classifier-Free Guidance,CFG,2207.12598,,Jonathan Ho,2022,7,,things.models,,1,0,,list two
later,A Paper After the Survey,Later,2401.00001,,Ada Small,2024,1,,things.models,,0,1,,list two
""",  # noqa: E501
    "taxonomy.csv": """\
id,parent,label,definition
things,,Things,The root
things.models,things,Models,What is trained
things.surveys,things,Surveys,What is read
things.data,things,Data,What is trained on
""",
    "citations.csv": """\
citing,cited,matched_title,match_kind,source
clip,resnet,Deep residual learning,title,list of clip
ldm,clip,,arxiv,list of ldm
ldm,cfg,Classifier-free guidance,title,list of ldm
""",
    "reference_lists.csv": """\
paper,status,entries_seen,source
clip,complete,40,list of clip
ldm,partial,12,list of ldm
survey,not_found,,
""",
    "relations.csv": """\
paper,relation,target,source
clip,builds_on,resnet,code of clip
ldm,trained_on,clip,code of ldm
""",
    "checkpoints.csv": """\
paper,hub_id,library,task,loader_class,params_millions,licence,role,note,source
clip,lab/clip-base,transformers,zero-shot,CLIPModel,151.3,mit,official,the first one,code of clip
ldm,lab/ldm,diffusers,text-to-image,LDMPipeline,,,,,code of ldm
""",
    "aliases.csv": """\
key,alias
ldm,Stable Diffusion
clip,Contrastive Pre-training
""",
    "summaries.csv": """\
key,summary
survey,"Reviews small things of every kind and says where two lines of work meet. It is read first."
resnet,"Adds the input of a block to its output, so that very deep networks train. Most backbones follow."
clip,"Trains an image and a text encoder to agree on pairs from the web. Its space serves search too."
ldm,"Runs diffusion in the latent space of an autoencoder, which makes large images affordable to generate."
cfg,"Mixes conditional and unconditional predictions of one diffusion model to trade variety for fidelity."
""",
    "later_citations.csv": """\
citing,cited,reason
ldm,cfg,"Shown at a workshop before its preprint, and cited from there."
""",
}


class CatalogueFolder:
    """A catalogue on disk. Rows are named by their line; every row of the small one takes one line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        for name, text in CATALOGUE_FILES.items():
            self.write(name, text)

    def text(self, file: str) -> str:
        return (self.path / file).read_text(encoding="utf-8")

    def write(self, file: str, text: str) -> None:
        (self.path / file).write_text(text, encoding="utf-8", newline="")

    def rows(self, file: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.text(file))))

    def set(self, file: str, line: int, **cells: str) -> None:
        rows = self.rows(file)
        assert rows[line - 2].keys() >= cells.keys()
        rows[line - 2] |= cells
        self._write_rows(file, rows)

    def add(self, file: str, **cells: str) -> int:
        """Append a row, blank where nothing is given, and return its line."""
        rows = self.rows(file)
        assert rows[0].keys() >= cells.keys()
        self._write_rows(file, [*rows, dict.fromkeys(rows[0], "") | cells])
        return len(rows) + 2

    def remove(self, file: str, line: int) -> None:
        rows = self.rows(file)
        del rows[line - 2]
        self._write_rows(file, rows, self.text(file).splitlines()[0])

    def remove_paper(self, key: str) -> None:
        """Take a paper out of every file."""
        for file in CATALOGUE_FILES:
            if file.endswith(".csv"):
                rows = self.rows(file)
                columns = {"key", "paper", "citing", "cited", "target"} & rows[0].keys()
                kept = [row for row in rows if all(row[column] != key for column in columns)]
                self._write_rows(file, kept, self.text(file).splitlines()[0])

    def read(self) -> Catalogue:
        return read_catalogue(self.path)

    def problems(self) -> list[Problem]:
        """What reading it reports."""
        try:
            self.read()
        except CatalogueError as error:
            return list(error.problems)
        return []

    def _write_rows(self, file: str, rows: Sequence[dict[str, str]], header: str = "") -> None:
        out = io.StringIO()
        columns = header.split(",") if header else list(rows[0])
        writer = csv.DictWriter(out, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.write(file, out.getvalue())


def link_model(folder: Path) -> Path:
    """The installed model's files, linked into a folder of the test's own; replace them, never write them."""
    installed = graph.encoder._wheel_folder()
    for file in installed.rglob("*"):
        if file.is_file():
            own = folder / file.relative_to(installed)
            own.parent.mkdir(parents=True, exist_ok=True)
            try:
                own.symlink_to(file)
            except OSError:
                shutil.copy(file, own)
    return folder


class HashEncoder:
    """A real, if tasteless, embedding model: the vector of a text follows from its hash."""

    def __init__(self, name: str = "hash", dimension: int = 8) -> None:
        self.model = Model(name, Path(), hashlib.sha256(name.encode()).hexdigest())
        self.dimension = dimension
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded.extend(texts)
        rows = [self._vector(text) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(rows), self.dimension)

    def _vector(self, text: str) -> NDArray[np.float64]:
        seed = int.from_bytes(hashlib.sha256(f"{self.model.name} {text}".encode()).digest()[:8])
        vector = np.random.default_rng(seed).standard_normal(self.dimension)
        return vector / np.linalg.norm(vector)


def dump(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table of a SQLite file, the text index included."""
    with closing(sqlite3.connect(path)) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        shadows = ("paper_text_", "sqlite_")
        return {
            name: sorted(connection.execute(f"SELECT rowid, * FROM {name}").fetchall(), key=repr)
            for name in names
            if not name.startswith(shadows)
        }


def rebuild(library: Library, folder: CatalogueFolder, encoder: HashEncoder | None = None) -> BuildReport:
    return build(library, folder.read(), encoder=encoder or HashEncoder())


def paper_id(session: Session, key: str) -> int:
    return session.scalars(select(Paper.id).where(Paper.key == key)).one()


def keys(library: Library) -> set[str]:
    with library.reading() as session:
        return set(session.scalars(select(Paper.key)))


def elsewhere(session: Session) -> dict[str, object]:
    """What a fact from another origin carries."""
    source = Source(origin="arxiv", name="arxiv.org")
    session.add(source)
    session.flush()
    return {"source_id": source.id, "retrieved_at": datetime(2026, 2, 3, 4, 5, 6)}


def write_small_library(path: Path) -> Path:
    """A library built from the small catalogue with the HashEncoder, at a place of the caller's choice."""
    path.write_bytes(_small_library())
    return path


@cache
def _small_library() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "small.sqlite"
        with Library.create(path) as library:
            rebuild(library, CatalogueFolder(Path(folder) / "catalogue"))
        return path.read_bytes()

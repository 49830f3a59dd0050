"""Checkpoints that ship with the project enter the library at build, marked as stand-ins."""

import pytest
from helpers import rebuild
from sqlalchemy import select

from graph.checkpoints import ROLES, read_facts
from graph.papers import list_checkpoints
from graph.schema import Checkpoint
from ingest.rows import CheckpointRow

ENTRY = """
[[model]]
name = "tiny"
title = "Tiny"
paper = "clip"
library = "transformers"
loader_class = "CLIPModel"
task = "zero-shot-image-classification"
parameters = 192449
licence = "mit"
seed = 0

[[model.file]]
path = "model.safetensors"
bytes = 7
sha256 = "{sha256}"

[[model.file]]
path = "unet/x.safetensors"
bytes = 5
sha256 = "{sha256}"

[[model.measured]]
task = "classification"
value = 0.7
""".format(sha256="f" * 64)


def list_zoo(small, text: str = ENTRY) -> None:
    (small.path / "zoo").mkdir(exist_ok=True)
    (small.path / "zoo" / "zoo.toml").write_text(text)


def test_a_bundled_checkpoint_is_linked_as_a_stand_in(small, small_library):
    list_zoo(small)
    rebuild(small_library, small)
    with small_library.reading() as session:
        facts = read_facts(session, "zoo/tiny")
        assert (facts.origin, facts.state, facts.licence, facts.gated) == ("bundled", "live", "mit", False)
        assert (facts.params_millions, len(facts.files)) == (0.192449, 2)
        assert (
            session.scalars(select(Checkpoint.weight_bytes).where(Checkpoint.hub_id == "zoo/tiny")).one()
            == 12
        )
        linked = [item for _key, item in list_checkpoints(session, paper="clip")]
        assert [item.hub_id for item in linked] == ["lab/clip-base", "zoo/tiny"]
        assert (linked[1].role, linked[1].source) == ("stand-in", "data/zoo/zoo.toml")
        assert "not the paper's model" in linked[1].note


def test_building_again_changes_nothing_and_what_left_the_zoo_is_dropped(small, small_library):
    list_zoo(small)
    first = rebuild(small_library, small)
    assert rebuild(small_library, small).snapshot == first.snapshot
    list_zoo(small, "")
    rebuild(small_library, small)
    with small_library.reading() as session:
        assert session.scalars(select(Checkpoint.hub_id).order_by(Checkpoint.hub_id)).all() == [
            "lab/clip-base", "lab/ldm",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        (ENTRY.replace('"clip"', '"nobody"'), 1, "paper"),
        (ENTRY + ENTRY, 2, "name"),
        (ENTRY.replace("f" * 64, "short"), 1, "file.0.sha256"),
        (ENTRY.replace('"transformers"', '"timm"'), 1, "library"),
        ("[[model", 1, "-"),
        ("model = [7]", 1, "-"),
    ],
)
def test_a_broken_entry_is_named_with_its_field(small, text, line, field):
    list_zoo(small, text)
    problems = small.problems()
    assert (problems[0].file, problems[0].line, problems[0].field) == ("zoo/zoo.toml", line, field)


# --- the facts that ship -----------------------------------------------------------------------------------


def test_roles_of_the_catalogue_are_those_that_are_explained():
    allowed = CheckpointRow.model_fields["role"].annotation
    named = {value for part in allowed.__args__ for value in getattr(part, "__args__", ())}
    assert named == set(ROLES)


def test_at_least_110_core_papers_have_a_checkpoint_beside_the_bundled_ones(catalogue):
    core = {row.key for row in catalogue.papers if row.core}
    linked = {row.paper for row in catalogue.checkpoints}
    assert len(linked & core) >= 110


def test_checkpoints_that_are_not_the_papers_own_say_so(catalogue):
    roles = {(row.paper, row.hub_id): (row.role, row.note) for row in catalogue.checkpoints}
    assert roles["dalle2", "kakaobrain/karlo-v1-alpha"][0] == "reproduction"
    assert roles["coca", "laion/CoCa-ViT-B-32-laion2B-s13B-b90k"][0] == "reproduction"
    assert roles["internvl", "OpenGVLab/InternVL3-1B-hf"][0] == "stand-in"
    assert roles["llava15", "llava-hf/llava-1.5-7b-hf"][0] == "port"
    assert all(note for role, note in roles.values() if role is not None), "each role says how it is known"

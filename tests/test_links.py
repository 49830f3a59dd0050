"""A person links models to papers: candidates, confirmed links that survive builds, and what is refused."""

from dataclasses import replace
from datetime import datetime

import pytest
from helpers import paper_id, rebuild
from sqlalchemy import select

from graph.checkpoints import RepoFile, read_facts
from graph.errors import UnknownName
from graph.papers import list_checkpoints
from graph.schema import Checkpoint, CheckpointLink, Source
from ingest.errors import UnknownWork
from ingest.links import LinkRefused, Loading, ask_for_candidates, candidates_of, confirm, remove
from ingest.sources.answers import HubModel, HubState

WHEN = datetime(2026, 5, 6, 7, 8, 9)
FILES = (RepoFile("model.safetensors", 99, "f" * 64, None),)


def told(hub_id: str = "other/new", **facts: object) -> HubState:
    state = HubState(
        hub_id, "live", None, "a" * 40, False, "mit", WHEN, FILES, False, (), 5_000_000, "transformers",
        "zero-shot", "CLIPModel",
    )  # fmt: skip
    return replace(state, **facts)


def links_of(session, key: str) -> list[tuple[str, str | None, str]]:
    return [(item.hub_id, item.role, item.source) for _key, item in list_checkpoints(session, paper=key)]


def model(hub_id: str, downloads: int = 0, bases: tuple[str, ...] = ()) -> HubModel:
    return HubModel(
        hub_id, "", "a" * 40, None, downloads, 3, False, "timm", "x", "mit", bases, ("2103.00020",), None
    )


class Hub:
    """Answers each paper's id with the models of its script."""

    answered_at = WHEN

    def __init__(self, *models: HubModel) -> None:
        self.models = models
        self.asked: list[str] = []

    def models_of(self, arxiv_id: str) -> tuple[HubModel, ...]:
        self.asked.append(arxiv_id)
        return self.models


# --- candidates --------------------------------------------------------------------------------------------


def test_candidates_are_ranked_and_say_why(small_library):
    hub = Hub(
        model("user/tuned", 900, ("lab/clip-base",)), model("lab/clip-large", 1), model("lab/clip-base"),
        model("user/own", 5),
    )  # fmt: skip
    with small_library.writing() as session:
        assert ask_for_candidates(session, hub, "clip") == 4
        found = candidates_of(session, "clip")
    assert hub.asked == ["2103.00020"]
    assert [(each.rank, each.hub_id, each.linked, each.why) for each in found] == [
        (1, "lab/clip-base", True, "linked already"),
        (2, "lab/clip-large", False, "owner of a linked one, names no base model"),
        (3, "user/own", False, "names no base model"),
        (4, "user/tuned", False, "derives from lab/clip-base"),
    ]


def test_a_paper_without_an_arxiv_id_can_only_be_linked_by_name(small, small_library):
    small.set("papers.csv", 4, arxiv_id="")
    rebuild(small_library, small)
    with small_library.writing() as session:
        with pytest.raises(LinkRefused, match=r"clip has no arXiv id.*--add OWNER/NAME"):
            ask_for_candidates(session, Hub(), "clip")
        with pytest.raises(UnknownWork, match="no paper 'nobody'"):
            candidates_of(session, "nobody")


# --- confirming --------------------------------------------------------------------------------------------


def test_a_confirmed_link_names_its_source_its_day_and_what_the_hub_knows(small_library):
    with small_library.writing() as session:
        link = confirm(session, "cfg", told(), "other/new", WHEN, role="reproduction")
        source = session.get_one(Source, link.source_id)
        assert (source.origin, source.name, link.retrieved_at) == ("user", "confirmed by hand", WHEN)
    with small_library.reading() as session:
        assert links_of(session, "cfg") == [("other/new", "reproduction", "confirmed by hand")]
        facts = read_facts(session, "other/new")
        assert (facts.loader_class, facts.task, facts.state, facts.licence) == (
            "CLIPModel",
            "zero-shot",
            "live",
            "mit",
        )
        assert (facts.head_revision, facts.revision, facts.params_millions) == ("a" * 40, None, 5.0)
        assert facts.files == FILES


def test_confirmed_links_survive_a_build_and_stay_when_the_catalogue_says_the_same(small, small_library):
    with small_library.writing() as session:
        confirm(session, "cfg", told(), "other/new", WHEN)
        confirm(session, "clip", told("lab/clip-base"), "lab/clip-base", WHEN, role="port")
    rebuild(small_library, small)
    with small_library.reading() as session:
        assert links_of(session, "cfg") == [("other/new", None, "confirmed by hand")]
        assert links_of(session, "clip") == [("lab/clip-base", "port", "confirmed by hand")]
    small.remove("checkpoints.csv", 2)
    rebuild(small_library, small)
    with small_library.reading() as session:
        assert links_of(session, "clip") == [("lab/clip-base", "port", "confirmed by hand")]


def test_the_same_link_again_changes_its_role_only_where_one_is_given(small_library):
    with small_library.writing() as session:
        confirm(session, "cfg", told(), "other/new", WHEN, role="port")
        confirm(session, "cfg", told(), "other/new", WHEN)
        assert links_of(session, "cfg") == [("other/new", "port", "confirmed by hand")]
        confirm(session, "cfg", told(), "other/new", WHEN, role="stand-in")
        assert links_of(session, "cfg") == [("other/new", "stand-in", "confirmed by hand")]
        assert len(session.scalars(select(CheckpointLink)).all()) == 3


def test_a_model_that_moved_is_linked_under_its_new_name(small_library):
    with small_library.writing() as session:
        confirm(session, "cfg", told(state="moved", now_at="new/name"), "other/new", WHEN)
        assert links_of(session, "cfg") == [("new/name", None, "confirmed by hand")]
        assert read_facts(session, "new/name").state == "live"


def test_what_is_gone_is_not_linked(small_library):
    with small_library.writing() as session, pytest.raises(LinkRefused, match="the hub has no other/new"):
        confirm(session, "cfg", told(state="gone", sha=None), "other/new", WHEN)


def test_a_model_nobody_knows_how_to_load_asks_for_a_class(small_library):
    bare = told(library=None, loader_class=None)
    with small_library.writing() as session:
        with pytest.raises(LinkRefused, match="name --library-name and --loader-class"):
            confirm(session, "cfg", bare, "other/new", WHEN)
        confirm(session, "cfg", bare, "other/new", WHEN, loading=Loading("timm", None, "timm.create_model"))
        facts = read_facts(session, "other/new")
        assert (facts.library, facts.loader_class, facts.task) == ("timm", "timm.create_model", "zero-shot")


def test_without_the_hub_a_link_is_made_from_what_a_person_says(small_library):
    with small_library.writing() as session:
        confirm(session, "cfg", None, "a/b", WHEN, loading=Loading("transformers", "x", "ViTModel"))
        assert read_facts(session, "a/b").state == "unchecked"
        confirm(session, "cfg", None, "lab/ldm", WHEN)
        assert [each[0] for each in links_of(session, "cfg")] == ["a/b", "lab/ldm"]


def test_a_role_there_is_not_is_answered_with_those_there_are(small_library):
    with small_library.writing() as session, pytest.raises(UnknownName, match="allowed: official, port,"):
        confirm(session, "cfg", told(), "other/new", WHEN, role="friend")


# --- taking away -------------------------------------------------------------------------------------------


def test_a_link_made_by_hand_can_be_taken_away(small, small_library):
    with small_library.writing() as session:
        confirm(session, "cfg", told(), "other/new", WHEN)
        assert remove(session, "cfg", "Other/New") == 1
        assert links_of(session, "cfg") == []
    rebuild(small_library, small)
    with small_library.reading() as session:
        gone = select(Checkpoint).where(Checkpoint.hub_id == "other/new")
        assert session.scalars(gone).all() == [], "nothing speaks of the checkpoint any more"


def test_a_link_of_the_catalogue_is_not_taken_away(small_library):
    with small_library.writing() as session:
        with pytest.raises(
            LinkRefused, match="comes from code of clip: it would be back after the next build"
        ):
            remove(session, "clip", "lab/clip-base")
        with pytest.raises(UnknownName, match="no checkpoint linked to clip, 'x/y'; allowed: lab/clip-base"):
            remove(session, "clip", "x/y")
        assert paper_id(session, "clip")
        assert len(links_of(session, "clip")) == 1

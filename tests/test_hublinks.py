"""Candidates from the hub are asked for once, ranked and kept; checkpoints have the state it tells."""

from datetime import datetime, timedelta

import pytest
from helpers import paper_id
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from graph.checkpoints import RepoFile, pin, read_facts
from graph.schema import Checkpoint, HubMention, Source
from ingest.errors import AnswerTooLarge, Offline, ServiceDown, ServiceRefused, UnknownWork
from ingest.hublinks import Mentioned, ask_hub, ranked, store_mentions, store_states
from ingest.sources.answers import HubModel, HubState

WHEN = datetime(2026, 2, 3, 4, 5, 6)
LATER = WHEN + timedelta(days=30)


def model(hub_id: str, downloads: int | None = 0, *, bases: tuple[str, ...] = ()) -> HubModel:
    author = hub_id.partition("/")[0]
    return HubModel(
        hub_id, author, "a" * 40, None, downloads, 3, False, "timm", "image-classification", "mit", bases,
        ("2103.00020",), None,
    )  # fmt: skip


def state(hub_id: str, name: str, **facts: object) -> HubState:
    values = {"now_at": None, "sha": None, "gated": None, "licence": None, "checked_at": LATER} | facts
    return HubState(hub_id, name, **values)


class Hub:
    """Answers as its script says: a failure in place of an answer is raised."""

    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.answered_at = WHEN

    def models_of(self, arxiv_id: str) -> tuple[HubModel, ...]:
        return self._answer(arxiv_id, ())

    def state_of(self, hub_id: str) -> HubState:
        return self._answer(hub_id, state(hub_id, "live"))

    def _answer(self, name: str, default: object) -> object:
        self.asked.append(name)
        self.answered_at += timedelta(seconds=1)
        answer = self.answers.get(name, self.answers.get("otherwise", default))
        if isinstance(answer, Exception):
            raise answer
        return answer


def asked_of(hub: Hub, papers: dict[str, int], checkpoints: tuple[str, ...] = ()):
    steps: list[int] = []
    return ask_hub(hub, papers, checkpoints, lambda: steps.append(1)), len(steps)


# --- asking ------------------------------------------------------------------------------------------------


def test_each_paper_and_each_checkpoint_is_one_question():
    hub = Hub(**{"1": (model("a/b"),), "2": (model("c/d"),)})
    told, steps = asked_of(hub, {"1": 10, "2": 20, "3": 20}, ("x/y",))
    assert hub.asked == ["1", "2", "3", "x/y"]
    assert steps == 4
    assert [each.models for each in told.mentions[10]] == [(model("a/b"),)]
    assert [each.models for each in told.mentions[20]] == [(model("c/d"),), ()]
    assert told.mentions[10][0].retrieved_at == WHEN + timedelta(seconds=1)
    assert told.states == {"x/y": state("x/y", "live")}
    assert told.unanswered == []


@pytest.mark.parametrize("failure", [ServiceDown("hub", "is down"), Offline("hub", "switched off")], ids=repr)
def test_a_hub_that_is_down_is_not_asked_further(failure):
    hub = Hub(**{"2": failure})
    told, _steps = asked_of(hub, {"1": 1, "2": 2, "3": 3}, ("x/y",))
    assert hub.asked == ["1", "2"]
    assert set(told.mentions) == {1}
    assert told.unanswered == [f"3 questions to the hub ({failure})"]


@pytest.mark.parametrize(
    "failure",
    [ServiceRefused("hub", "says no"), AnswerTooLarge("hub", "too large"), UnknownWork("no id")],
    ids=repr,
)
def test_one_refusal_costs_one_answer(failure):
    hub = Hub(**{"2": failure, "bad": failure})
    told, _steps = asked_of(hub, {"1": 1, "2": 2, "3": 3}, ("bad", "x/y"))
    assert set(told.mentions) == {1, 3}
    assert set(told.states) == {"x/y"}
    assert told.unanswered == [f"models that name arXiv:2 ({failure})", f"bad ({failure})"]


def test_refusals_without_end_are_not_asked_for():
    hub = Hub(otherwise=ServiceRefused("hub", "check the key in HF_TOKEN"))
    told, _steps = asked_of(hub, {str(number): number for number in range(100)})
    assert len(hub.asked) == 3
    assert told.unanswered[-1] == "98 questions to the hub (hub: check the key in HF_TOKEN)"


# --- ranking -----------------------------------------------------------------------------------------------


def test_linked_repositories_come_first_then_their_owners_then_originals_then_downloads():
    models = [
        model("user/tuned", 900, bases=("lab/base",)),
        model("user/original", 10),
        model("user/popular", 500),
        model("Lab/sibling", 1),
        model("lab/base", 5),
        model("user/unknown", None),
    ]
    assert [each.hub_id for each in ranked(models, ["lab/Base"])] == [
        "lab/base", "Lab/sibling", "user/popular", "user/original", "user/unknown", "user/tuned",
    ]  # fmt: skip


@given(
    models=st.lists(
        st.builds(
            model,
            st.sampled_from(["a/a", "a/b", "b/a", "c/c", "c"]),
            st.none() | st.integers(0, 3),
            bases=st.sampled_from([(), ("a/a",)]),
        ),
        unique_by=lambda each: each.hub_id,
    ),
    data=st.data(),
)
def test_the_rank_does_not_depend_on_the_order_of_the_answer(models, data):
    shuffled = data.draw(st.permutations(models))
    assert ranked(shuffled, ["a/b"]) == ranked(models, ["a/b"])
    assert sorted(each.hub_id for each in ranked(models, [])) == sorted(each.hub_id for each in models)


# --- keeping -----------------------------------------------------------------------------------------------


def mentions_of(session, key: str) -> list[tuple[int, str]]:
    rows = select(HubMention.rank, HubMention.hub_id).where(HubMention.paper_id == paper_id(session, key))
    return [tuple(row) for row in session.execute(rows.order_by(HubMention.rank))]


def test_candidates_are_kept_with_rank_source_and_the_date_of_the_answer(small_library):
    with small_library.writing() as session:
        clip = paper_id(session, "clip")
        answers = [
            Mentioned((model("user/tuned", 9, bases=("lab/clip-base",)),), WHEN),
            Mentioned((model("lab/clip-base", 1), model("user/tuned", 9)), LATER),
        ]
        assert store_mentions(session, {clip: answers}) == 2
    with small_library.reading() as session:
        assert mentions_of(session, "clip") == [(1, "lab/clip-base"), (2, "user/tuned")]
        row = session.scalars(select(HubMention).where(HubMention.hub_id == "lab/clip-base")).one()
        assert (row.retrieved_at, row.downloads, row.licence, row.revision) == (LATER, 1, "mit", "a" * 40)
        assert session.get_one(Source, row.source_id).origin == "huggingface"


def test_new_candidates_replace_those_of_the_same_paper_only(small_library):
    with small_library.writing() as session:
        clip, ldm = paper_id(session, "clip"), paper_id(session, "ldm")
        store_mentions(
            session, {clip: [Mentioned((model("a/one"),), WHEN)], ldm: [Mentioned((model("a/one"),), WHEN)]}
        )
    with small_library.writing() as session:
        assert store_mentions(session, {clip: [Mentioned((model("a/two"),), LATER)]}) == 1
        assert store_mentions(session, {}) == 0
    with small_library.reading() as session:
        assert mentions_of(session, "clip") == [(1, "a/two")]
        assert mentions_of(session, "ldm") == [(1, "a/one")]
    with small_library.writing() as session:
        store_mentions(session, {clip: [Mentioned((), LATER)]})
        assert mentions_of(session, "clip") == []


def test_states_of_checkpoints_are_written_and_changes_counted(small_library):
    with small_library.writing() as session:
        states = {
            "lab/clip-base": state("lab/clip-base", "gone"),
            "lab/ldm": state("lab/ldm", "live", licence="mit"),
        }
        assert store_states(session, states) == 2  # from unchecked
        assert store_states(session, states) == 0
        gated = state("lab/ldm", "gated", gated=True, licence="other")
        assert store_states(session, {"lab/ldm": gated, "lab/never-linked": gated}) == 1
    with small_library.reading() as session:
        clip, ldm = session.scalars(select(Checkpoint).order_by(Checkpoint.hub_id))
        assert (clip.state, clip.checked_at, clip.licence) == ("gone", LATER, "mit")
        assert (ldm.state, ldm.gated, ldm.licence) == ("gated", True, "mit"), "the licence known first stays"


def test_files_of_the_newest_commit_replace_those_of_a_checkpoint_that_is_not_pinned(small_library):
    first, second = (RepoFile("model.safetensors", size, "f" * 64, None) for size in (10, 20))
    with small_library.writing() as session:
        pin(session, "lab/clip-base", "a" * 40, [first])
        newer = {"sha": "b" * 40, "files": (second,), "base_models": ("lab/other",), "remote_code": True}
        store_states(session, {each: state(each, "live", **newer) for each in ("lab/clip-base", "lab/ldm")})
    with small_library.reading() as session:
        pinned, free = (read_facts(session, each) for each in ("lab/clip-base", "lab/ldm"))
        assert (pinned.files, pinned.revision, pinned.head_revision) == ((first,), "a" * 40, "b" * 40)
        assert (free.files, free.revision, free.head_revision) == ((second,), None, "b" * 40)
        assert (free.base_models, free.remote_code) == (("lab/other",), True)

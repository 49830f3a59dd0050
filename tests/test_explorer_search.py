"""The results of a search on the first page: what is told, and what buttons do to the address."""

import shutil
import sqlite3

import pytest
import streamlit as st
from pages import HOSTILE, found, fresh_server, run_view, unescaped

from app.answers import PER_PAGE, marked
from app.asked import conditions, without
from app.views import results
from app.views.results import _act


@pytest.fixture(autouse=True)
def _fresh_server(built_path, monkeypatch):
    """Each test has a server of its own: nothing cached, the shared library, and no model."""
    from app.state import Warmup

    monkeypatch.setattr(Warmup, "begin", lambda self: setattr(self, "error", "no model for this test"))
    with fresh_server(built_path, monkeypatch):
        yield


def keys(at):
    return [hit["key"] for hit in found(at)["hits"]]


def plain_text(pieces):
    return "".join(words for words, _ in pieces)


def address(at):
    """The parameters, each as a list."""
    return {name: [value] if isinstance(value, str) else value for name, value in at.query_params.items()}


def press(at, monkeypatch, **told):
    """What a press in the list does; the harness cannot press in a component, so a button stands by."""
    draw = results.draw_results

    def draw_with_button(document, on_act, *, key):
        draw(document, on_act, key=key)
        st.button("press", key="press", on_click=on_act, args=(told,))

    monkeypatch.setattr(results, "draw_results", draw_with_button)
    at.run()
    at.button(key="press").click().run()
    assert not at.exception, at.exception
    return at


def test_typing_a_query_lists_results_with_marks_and_reasons():
    at = run_view("home")
    at.text_input[0].set_value("promptable segmentation").run()
    assert not at.exception
    told = found(at)
    sam = next(hit for hit in told["hits"] if hit["key"] == "sam")
    assert sam["why"][0] == "words: promptable, segmentation"
    assert ["promptable", True] in sam["text"]
    assert plain_text(sam["title"]) == "Segment Anything"
    assert told["said"].endswith("papers found, by words")


def test_a_model_that_cannot_be_loaded_is_said_and_words_still_find():
    told = found(run_view("home", q="segment anything"))
    assert told["warning"] == "no model for this test"
    assert told["hits"][0]["key"] == "sam"
    assert told["hits"][0]["why"][0] == "its name"


def test_meaning_takes_over_when_the_model_is_loaded(monkeypatch):
    class Ready:
        is_ready = True
        error = None

        def begin(self):
            pass

    for module in ("app.state", "app.answers", "app.views.results"):
        monkeypatch.setattr(f"{module}.warmup", Ready)
    told = found(run_view("home", q="use a diffusion model as a zero-shot classifier"))
    assert told["said"].endswith("by words and by meaning")
    assert any(reason.startswith("meaning: 0.") for reason in told["hits"][0]["why"])
    guess = found(run_view("home", q="qqqqzzzz"))
    assert guess["empty"]["words"] == "No paper has these words; these are the nearest in meaning."
    assert guess["said"] == "100 papers found, by meaning"


def test_the_address_restores_filters_order_and_page():
    told = found(
        run_view("home", q="diffusion", topic="generative", venue="CVPR", sort="citations", page="2")
    )
    cited = [int(hit["counts"][0].split()[2]) for hit in told["hits"]]
    assert cited == sorted(cited, reverse=True)
    assert all(hit["topic"][0] == "●" for hit in told["hits"])
    assert all("CVPR" in hit["facts"][1] for hit in told["hits"])
    first = found(run_view("home", q="diffusion", topic="generative", venue="CVPR", sort="citations"))
    assert len(first["hits"]) == PER_PAGE
    assert not {hit["key"] for hit in first["hits"]} & {hit["key"] for hit in told["hits"]}
    chosen = {
        facet["name"]: [value for value, _, is_chosen in facet["values"] if is_chosen]
        for facet in told["facets"]
        if "values" in facet
    }
    assert chosen["pillar"] == ["generative"]
    assert chosen["venue"] == ["CVPR"]


def test_the_count_of_a_facet_is_what_choosing_it_leaves():
    facets = {facet["name"]: facet for facet in found(run_view("home", q="diffusion"))["facets"]}
    value, words, _ = facets["venue"]["values"][0]
    count = int(words.rsplit("(", 1)[1].rstrip(")"))
    assert found(run_view("home", q="diffusion", venue=value))["said"].startswith(f"{count} papers")
    runnable = found(run_view("home", q="diffusion", runnable="true"))
    assert runnable["said"].startswith(f"{facets['checkpoint']['count']} papers")


def test_a_chip_is_removed_and_stays_removed_in_the_address(monkeypatch):
    at = run_view("home", q="SD variants")
    chip = next(chip for chip in found(at)["chips"] if chip["kind"] == "the")
    assert (chip["label"], chip["read"]) == ("Stable Diffusion family", "SD")
    before = keys(at)
    press(at, monkeypatch, do=chip["do"], value=chip["value"])
    assert address(at)["drop"] == ["family:stablediffusion"]
    assert chip not in found(at)["chips"]
    assert keys(at) != before
    assert keys(run_view("home", q="SD variants", drop="family:stablediffusion")) == keys(at)


def test_a_condition_in_the_query_is_a_chip_and_its_removal_changes_the_box(monkeypatch):
    at = run_view("home", q="medical cites:sam")
    assert [(chip["kind"], chip["label"]) for chip in found(at)["chips"]] == [("inside what cites", "SAM")]
    press(at, monkeypatch, do="uncondition", value="cites:sam")
    assert at.text_input[0].value == "medical"
    assert found(at)["chips"] == []


@pytest.mark.parametrize(
    ("told", "parameter", "value"),
    [
        ({"do": "sort", "value": "year"}, "sort", ["year"]),
        ({"do": "facet", "name": "pillar", "value": "unified"}, "topic", ["unified"]),
        ({"do": "facet", "name": "year", "value": "2023"}, "years", ["2023", "2023"]),
        ({"do": "facet", "name": "venue", "value": "ICLR"}, "venue", ["ICLR"]),
        ({"do": "facet", "name": "checkpoint", "value": "yes"}, "runnable", ["true"]),
        ({"do": "like", "keys": ["sam", "clip"]}, "like", ["sam", "clip"]),
        ({"do": "show", "keys": ["sam"]}, "paper", ["sam"]),
    ],
)
def test_a_press_is_kept_in_the_address(monkeypatch, told, parameter, value):
    at = press(run_view("home", q="diffusion"), monkeypatch, **told)
    assert address(at)[parameter] == value


def test_clearing_takes_all_filters_but_not_the_query(monkeypatch):
    at = run_view("home", q="diffusion", topic="unified", venue="ICLR", runnable="true")
    press(at, monkeypatch, do="clear")
    assert address(at) == {"q": ["diffusion"]}


def test_what_a_browser_should_not_send_does_nothing(monkeypatch):
    _act({"do": "nonsense"}, None, None)
    at = press(run_view("home", q="diffusion"), monkeypatch, do="open", keys=[])
    assert address(at) == {"q": ["diffusion"]}


def test_papers_like_several_come_with_reasons_and_keep_the_filters():
    told = found(run_view("home", like=["sam", "seem"], topic="discriminative"))
    assert [chip["label"] for chip in told["chips"]] == ["SAM", "SEEM"]
    assert "papers most like these" in told["said"]
    assert told["hits"]
    assert all(hit["topic"][0] == "■" and hit["why"][0] for hit in told["hits"])
    assert not {"sam", "seem"} & {hit["key"] for hit in told["hits"]}


def test_nothing_found_offers_near_names_and_the_filters_to_leave_out():
    told = found(run_view("home", q="promptable", years=["2009", "2010"], topic="generative"))
    assert told["hits"] == []
    assert told["empty"]["words"] == "No paper fits all of this."
    assert [name for name, _ in told["empty"]["less"]][-1] == "all"
    near = found(run_view("home", q='"SAMM"'))["empty"]["near"]
    assert ["sam", "SAM"] in near


@pytest.mark.parametrize(
    ("query", "words", "near"),
    [
        ("year:abc", "Cannot read 'year:abc'", []),
        ("x cites:samm", "There is no paper 'samm' here.", [["x cites:sam", "SAM"]]),
        ("x" * 10_001, "The query has 10001 characters", []),
    ],
)
def test_a_query_that_cannot_be_meant_is_said_beside_the_map(query, words, near):
    at = run_view("home", q=query)
    empty = found(at)["empty"]
    assert empty["words"].startswith(words)
    assert all(each in empty["near"] for each in near)
    assert any(each.proto.component_name == "vfm_atlas_map" for each in at.get("bidi_component"))


def test_papers_go_from_the_list_into_a_collection(own_path, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(own_path))
    at = run_view("home", q="segmentation")
    at.session_state["results-pending"] = ("collect", ["sam", "seem"])
    at.run()
    assert any("papers to add" in unescaped(each.value) for each in at.markdown)


def test_titles_are_told_as_text(built_path, tmp_path, monkeypatch):
    path = shutil.copy(built_path, tmp_path / "hostile.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE paper SET title = ? WHERE key = 'sam'", [HOSTILE])
    connection.close()
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(path))
    hit = next(hit for hit in found(run_view("home", q="sam"))["hits"] if hit["key"] == "sam")
    assert plain_text(hit["title"]) == HOSTILE


def test_marks_divide_a_text_without_losing_a_character():
    assert marked("a 🦜 text", [(2, 3), (4, 8)]) == [
        ["a ", False],
        ["🦜", True],
        [" ", False],
        ["text", True],
    ]
    assert marked("none", []) == [["none", False]]


def test_conditions_are_found_and_taken_out_of_a_query():
    query = 'masks author:"Alec Radford" cites:clip title: x'
    assert [(each.field, each.value) for each in conditions(query)] == [
        ("author", "Alec Radford"),
        ("cites", "clip"),
    ]
    assert without(query, 'author:"Alec Radford"') == "masks cites:clip title: x"
    assert without(query, "nothing") == query

"""The budget of a run follows from its size and from what each service allows; nothing is sent for it."""

import pytest

from ingest.plan import NEW_PER_FOLLOWED, REFERENCES_OF_A_SURVEY, REFERENCES_OF_A_WORK, Budget, draw_up
from ingest.transport.services import services_from_environment


def budget(**size: object) -> Budget:
    return draw_up("survey arXiv:1", services_from_environment(), **{"works": None, **size})


def requests(**size: object) -> dict[str, int]:
    return {line.service: line.requests for line in budget(**size).lines}


def test_a_survey_of_unknown_length_is_taken_for_one_of_300():
    assert REFERENCES_OF_A_SURVEY == 300
    found = budget(surveys=1)
    # One page, one batch, three batches of lists with at most 9,000 entries each; lists of 100 at arXiv.
    assert {line.service: line.requests for line in found.lines} == {
        "Semantic Scholar": 5,
        "arXiv": 4,
        "Hugging Face": 301,
    }
    assert "the survey has 300 references" in found.assumptions
    assert found.requests == 310


@pytest.mark.parametrize(
    ("works", "expected"),
    [
        (0, {}),
        (1, {"Semantic Scholar": 2, "arXiv": 1, "Hugging Face": 1}),
        (100, {"Semantic Scholar": 2, "arXiv": 1, "Hugging Face": 100}),
        (118, {"Semantic Scholar": 2, "arXiv": 2, "Hugging Face": 118}),
        (119, {"Semantic Scholar": 3, "arXiv": 2, "Hugging Face": 119}),
        (501, {"Semantic Scholar": 2 + 5, "arXiv": 6, "Hugging Face": 501}),
    ],
)
def test_pages_and_batches_are_counted_full(works, expected):
    assert REFERENCES_OF_A_WORK * 118 < 9_000 < REFERENCES_OF_A_WORK * 119
    assert requests(works=works) == expected


def test_a_thorough_run_asks_two_services_more():
    assert requests(works=250, thorough=True) == {
        **requests(works=250), "OpenAlex": 3, "Crossref": 3,
    }  # fmt: skip


def test_without_hub_links_the_hub_is_asked_for_checkpoints_only():
    assert "Hugging Face" not in requests(works=10, hub_links=False)
    assert requests(works=10, hub_links=False, checkpoints=7)["Hugging Face"] == 7


def test_an_update_asks_the_hub_for_what_is_new_and_the_services_for_all():
    found = requests(works=600, followed=2, checkpoints=30)
    assert found["Hugging Face"] == 2 * NEW_PER_FOLLOWED + 30
    assert found["arXiv"] == 6 + 2
    assert found["Semantic Scholar"] == 2 + (2 + 6) + 2 * (1 + 1)
    assert any("are new" in each for each in budget(works=600, followed=2).assumptions)


def test_time_follows_from_what_each_service_allows(monkeypatch):
    def seconds() -> dict[str, float]:
        return {line.service: line.seconds for line in budget(works=1_000).lines}

    without = seconds()
    assert without["arXiv"] == 27  # ten requests, three seconds between any two
    # 500 in 300 s: the second half waits for the first to be five minutes old.
    assert without["Hugging Face"] == 1_000 * 0.5
    assert without["Semantic Scholar"] == pytest.approx(2 + 9)
    monkeypatch.setenv("S2_API_KEY", "a-key-of-my-own")
    assert seconds()["Semantic Scholar"] == pytest.approx(2 + 9 - 1)
    assert budget(works=1_000).seconds == sum(seconds().values())


def test_addresses_are_those_of_the_settings(monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_S2_URL", "https://proxy.example.org/s2")
    assert budget(works=1).lines[0].base_url == "https://proxy.example.org/s2"


def test_every_assumption_is_told():
    told = budget(surveys=1).assumptions
    assert f"works have {REFERENCES_OF_A_WORK} references each" in told
    assert "what a service passes over is asked once more, and of the others" in told
    assert all(each == each.strip() and not each.endswith(".") for each in told)

"""Published numbers, where a paper stands, and the story of one question put to two kinds of model."""

import base64
import csv
import io
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import small_runners
from PIL import Image as PillowImage

from evaluation import published, results, story
from evaluation.errors import CollectionError, TaskError
from evaluation.published import judge_comparable, numbers_of, reference_numbers
from evaluation.standing import standing_of
from evaluation.tasks.request import draw_up
from evaluation.tasks.spec import tasks
from evaluation.worker import answer

DATA = Path(__file__).parent.parent / "data"


def column(file, name):
    with (DATA / file).open(encoding="utf-8", newline="") as rows:
        return {row[name] for row in csv.DictReader(rows)}


def test_every_published_number_is_about_something_that_the_catalogue_knows_and_names_its_source():
    hub_ids, papers = column("checkpoints.csv", "hub_id"), column("papers.csv", "key")
    assert len(reference_numbers()) > 500
    for each in reference_numbers():
        assert (each.hub_id in hub_ids) != (each.paper in papers), each
        assert each.metric in tasks()[each.task].metrics, each
        assert each.source.startswith(("github:", "www.")), each
    keys = [(e.hub_id, e.paper, e.dataset, e.split, e.metric, e.source) for e in reference_numbers()]
    assert len(set(keys)) == len(keys)


def test_two_sources_may_differ_and_both_are_kept():
    values = {
        each.value
        for each in numbers_of("openai/clip-vit-base-patch32")
        if (each.dataset, each.metric) == ("mnist", "accuracy")
    }
    assert values == {0.4839, 0.4855}


def test_a_broken_number_is_named(monkeypatch, tmp_path):
    text = (DATA / published.FILE).read_text(encoding="utf-8").splitlines()
    (tmp_path / published.FILE).write_text("\n".join([text[0], text[1].replace("0.6332", "63.32")]))
    monkeypatch.setattr(published, "files", lambda _: tmp_path)
    reference_numbers.cache_clear()
    with pytest.raises(CollectionError, match=r"reference_numbers.csv:2: value: Input should be less than"):
        reference_numbers()
    reference_numbers.cache_clear()


NUMBER = published.ReferenceNumber(
    hub_id="a/b", paper="", task="retrieval", dataset="coco-captions", split="test", n=5000,
    metric="image_to_text_recall_at_1", value=0.5, prompts="captions as they are", source="github:x",
)  # fmt: skip


def measured(**change):
    made = results.Run(
        "h", "a/b", "transformers", "CLIPModel", None, None, "retrieval", "1", "coco-captions", "test", "f",
        5000, 0, "done", datetime(2026, 1, 1), metric="recall_at_1", environment={"prompts": []},
    )  # fmt: skip
    return replace(made, **change)


@pytest.mark.parametrize(
    ("run", "number", "reason"),
    [
        (measured(dataset="scenes"), NUMBER, "another dataset (coco-captions, here scenes)"),
        (measured(split="val"), NUMBER, "another split (test, here val)"),
        (measured(n=200), NUMBER, "another number of examples (5,000, here 200)"),
        (
            measured(), NUMBER.model_copy(update={"n": None}),
            "another number of examples (not known, here 5,000)",
        ),
        (
            measured(), NUMBER.model_copy(update={"metric": "accuracy"}),
            "another measure (accuracy, here recall_at_1)",
        ),
        (
            measured(environment={"prompts": ["a {label}"]}), NUMBER,
            "other prompts (captions as they are; here a {label})",
        ),
    ],
)  # fmt: skip
def test_what_is_not_about_the_same_is_not_comparable_and_says_why(run, number, reason):
    assert judge_comparable(run, number) == (False, reason)


def test_the_same_dataset_split_size_and_measure_are_comparable():
    assert judge_comparable(measured(), NUMBER)[0]
    assert judge_comparable(measured(split="all"), NUMBER)[0]
    supervised = NUMBER.model_copy(update={"prompts": "none: supervised classifier at 224 px"})
    assert judge_comparable(measured(environment={"prompts": ["a {label}"]}), supervised)[0]


def test_where_a_paper_stands_is_told_for_each_of_its_checkpoints(own_path):
    from graph.library import Library

    with Library.open(own_path) as library:
        files = replace(
            small_runners.files("Colours"), hub_id="facebook/dinov2-base", library="transformers",
            loader_class="Dinov2Model",
        )  # fmt: skip
        keep(library, draw_up(files, "neighbours", n=20))
        with library.reading() as session:
            dinov2, clip = standing_of(session, "dinov2"), standing_of(session, "clip")
            method = standing_of(session, "diffusion-classifier")
    by_id = {each.hub_id: each for each in dinov2.checkpoints}
    assert by_id["facebook/dinov2-base"].not_run is None
    assert [each.task for each in by_id["facebook/dinov2-base"].measured] == ["neighbours"]
    assert "torchvision" in by_id["timm/vit_small_patch14_dinov2.lvd142m"].not_run
    first = next(each for each in clip.checkpoints if each.hub_id == "openai/clip-vit-base-patch32")
    assert first.not_run == "not tried yet: 'vfm-atlas evaluate openai/clip-vit-base-patch32'"
    assert any(each.dataset == "imagenet-1k" for each in first.reported)
    assert {each.dataset for each in method.reported} == {"cifar-10", "food-101"}


def test_a_failure_is_the_reason_why_there_is_no_number(own_path):
    from graph.library import Library

    with Library.open(own_path) as library:
        files = replace(
            small_runners.files("Colours"), hub_id="facebook/dinov2-base", library="transformers",
            loader_class="Dinov2Model",
        )  # fmt: skip
        asked = draw_up(files, "neighbours", n=20)
        begun = results.new_run(asked, asked.material(), "h", datetime(2026, 1, 1))
        results.record(library, begun.ended("failed", "out of memory", datetime(2026, 1, 1)))
        with library.reading() as session:
            found = {each.hub_id: each.not_run for each in standing_of(session, "dinov2").checkpoints}
    assert found["facebook/dinov2-base"] == "failed: out of memory"


def keep(library, asked, runner="Colours"):
    """Answer a request in this process by a small runner and keep the result."""
    material = asked.material()
    by_runner = replace(
        asked, opener="small_runners:open_small", files=replace(asked.files, loader_class=runner)
    )
    begun = results.new_run(asked, material, asked.hash_with(material), datetime(2026, 1, 1))
    found = answer(by_runner, material.data.fingerprint, lambda _: None)
    return results.record(library, begun.done(found, [], datetime(2026, 1, 1)))


@pytest.mark.parametrize("task", story.QUESTIONS)
def test_the_story_shows_scenes_answers_and_the_paired_difference(own, monkeypatch, task):
    monkeypatch.setattr(story, "CONTRASTIVE", "zoo/colours")
    monkeypatch.setattr(story, "GENERATIVE", "zoo/wrong")
    monkeypatch.setattr(
        story.zoo, "find", lambda name: replace(small_runners.files("x", name[4] * 64), hub_id=name)
    )
    requests = story.story_requests(task, n=20)
    assert story.tell(own, requests) is None
    keep(own, requests[0])
    assert story.tell(own, requests) is None
    keep(own, requests[1], "Wrong")
    found = story.tell(own, requests, scenes=4)
    assert [run.hub_id for run in found.runs] == ["zoo/colours", "zoo/wrong"]
    first, second = (run.value for run in found.runs)
    assert found.comparison.differences["accuracy"].value == pytest.approx(first - second)
    assert len(found.scenes) == 4
    examples = requests[0].material().data.examples
    for number, scene in enumerate(found.scenes):
        shown = np.asarray(PillowImage.open(io.BytesIO(base64.b64decode(scene.image))))
        assert (shown == examples[number].image).all()
        assert scene.truth == (examples[number].label or examples[number].captions[0])
        for each in scene.answers:
            strengths = [strength for _, strength in each.choices]
            assert strengths == sorted(strengths, reverse=True)
            assert each.is_right == (task == "classification" and each.choices[0][0] == scene.truth)


def test_a_story_about_something_else_is_refused():
    with pytest.raises(TaskError, match="no story about 'depth': classification, relations are allowed"):
        story.story_requests("depth")

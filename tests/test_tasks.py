"""Tasks and their kinds: one who knows the answer reaches the top; chance and baseline are right."""

import numpy as np
import pytest
import small_runners
from PIL import Image as PillowImage
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from evaluation.capabilities import Detection
from evaluation.datasets import open_dataset
from evaluation.datasets.example import Dataset
from evaluation.errors import TaskError
from evaluation.tasks.classifying import conditions_for
from evaluation.tasks.kind import Material
from evaluation.tasks.kinds import KINDS, lacking
from evaluation.tasks.request import Request, draw_up
from evaluation.tasks.segmenting import deepest_point
from evaluation.tasks.spec import TaskSpec, read_task, tasks
from evaluation.worker import answer

HIGHEST = {"psnr": 100.0, "relative_error": 0.0}


class Knows:
    """Recognises every example and says what is true of it."""

    def __init__(self, *datasets):
        self._examples = {each.image.tobytes(): each for data in datasets for each in data.examples}
        self._first = {text: each.captions[0] for each in self._examples.values() for text in each.captions}

    def _of(self, image):
        return self._examples[image.tobytes()]

    def _says(self, image):
        example = self._of(image)
        return {example.label, *example.captions}

    def score(self, images, conditions):
        return np.array(
            [[each in self._says(image) for each in conditions] for image in images], dtype=np.float32
        )

    def embed_images(self, images):
        return self.embed_texts([self._of(each).label or self._of(each).captions[0] for each in images])

    def embed_texts(self, texts):
        # The two captions of a scene say the same, so they lie at the same place.
        same = [self._first.get(text, text) for text in texts]
        return np.stack([np.random.default_rng(list(map(ord, each))).normal(size=200) for each in same])

    def segment(self, image, prompts):
        objects = self._of(image).objects
        return np.stack([each.mask for each in objects])

    def segment_semantically(self, images, labels):
        maps = []
        for image in images:
            found = np.full(image.shape[:2], -1)
            for each in self._of(image).objects:
                found[each.mask] = labels.index(each.name.split()[-1])
            maps.append(found)
        return maps

    def detect(self, images, labels):
        return [
            [Detection(labels.index(each.name), 0.9, each.box) for each in self._of(image).objects]
            for image in images
        ]

    def caption(self, images):
        return [self._of(each).captions[0] for each in images]

    def reconstruct(self, images, seed):
        return [each.copy() for each in images]

    def depth(self, images):
        return [5 * self._of(each).depth - 3 for each in images]


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """A folder of images whose depth is known."""
    folder = tmp_path_factory.mktemp("deep")
    random = np.random.default_rng(3)
    for number in range(6):
        PillowImage.fromarray(random.integers(0, 256, (9, 12, 3), dtype=np.uint8)).save(
            folder / f"{number}.png"
        )
        np.save(folder / f"{number}.depth.npy", random.uniform(1, 20, (9, 12)).astype(np.float32))
    return f"folder:{folder}"


def asked(task, n=30, **more):
    return draw_up(small_runners.files("Colours"), task, n=n, **more)


def found(request, runner, monkeypatch):
    monkeypatch.setattr("evaluation.worker._opener", lambda _: lambda files, device: runner)
    return answer(request, request.material().data.fingerprint, lambda _: None)


@pytest.mark.parametrize("task", sorted(set(tasks()) - {"generation"}))
def test_one_who_knows_the_answer_reaches_the_top_and_more_than_the_baseline(task, monkeypatch, deep):
    request = asked(task, **({"dataset": deep} if task == "depth" else {}))
    material = request.material()
    made = found(request, Knows(material.data, *([material.train] if material.train else [])), monkeypatch)
    spec = request.spec
    best = HIGHEST.get(spec.primary, 1.0)
    assert made["metrics"][spec.primary]["value"] == pytest.approx(best, abs=1e-6)
    others = [made[name] for name in ("chance", "baseline") if made[name] is not None]
    assert others or task == "retrieval"
    assert all(each < best if spec.higher_is_better else each > best for each in others)
    assert set(made["metrics"]) == set(spec.metrics)
    assert len(made["outputs"]) <= request.n


def test_one_who_copies_real_digits_is_judged_as_the_judge_judges_real_ones(monkeypatch):
    made = found(asked("generation", n=100), small_runners.Copies(), monkeypatch)
    assert made["metrics"]["agreement"]["value"] == 1  # copies of what the judge was trained on
    assert made["wholes"]["judge_accuracy"] > 0.9
    assert abs(made["wholes"]["kernel_distance"]) < made["wholes"]["kernel_distance_of_baseline"]
    assert [each["asked"] for each in made["outputs"][:11]] == [*range(10), 0]
    assert sum("image" in each for each in made["outputs"]) == 32


def test_a_generator_that_ignores_what_is_asked_is_at_chance(monkeypatch):
    class Zeros(small_runners.Copies):
        def generate(self, conditions, seed):
            return super().generate(["zero"] * len(conditions), seed)

    made = found(asked("generation", n=50), Zeros(), monkeypatch)
    assert made["metrics"]["agreement"]["value"] == made["chance"] == 0.1
    assert made["wholes"]["kernel_distance"] > made["wholes"]["kernel_distance_of_baseline"]


def test_a_probe_learns_what_scikit_learn_learns_from_the_same_vectors(monkeypatch):
    request = asked("linear-probe", n=100)
    material = request.material()
    made = found(request, small_runners.Colours(), monkeypatch)
    runner = small_runners.Colours()
    train, test = (
        runner.embed_images([e.image for e in d.examples]) for d in (material.train, material.data)
    )
    theirs = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    theirs.fit(train.astype(float), [each.label for each in material.train.examples])
    expected = accuracy_score([e.label for e in material.data.examples], theirs.predict(test.astype(float)))
    assert made["metrics"]["accuracy"]["value"] == pytest.approx(expected)


def test_raw_pixels_are_the_baseline_of_a_probe(monkeypatch):
    made = found(asked("neighbours", n=100), small_runners.Colours(), monkeypatch)
    assert made["baseline"] > 0.9
    assert made["metrics"]["accuracy"]["value"] < 0.2


def test_a_bag_of_words_is_at_chance_on_relations(monkeypatch):
    made = found(asked("relations", n=60), small_runners.Colours(), monkeypatch)
    assert made["metrics"]["accuracy"]["value"] == made["chance"] == 0.5
    assert 0.4 < made["baseline"] < 0.65


def test_one_who_prefers_the_first_statement_wins_nothing_by_it(monkeypatch):
    class First:
        def score(self, images, conditions):
            return np.tile([1.0, 0.0], (len(images), 1))

    made = found(asked("relations", n=300), First(), monkeypatch)
    assert made["metrics"]["accuracy"]["value"] == pytest.approx(0.5, abs=0.1)


def test_the_commonest_class_is_the_baseline_of_classification(monkeypatch):
    request = asked("classification", dataset="digits", n=50)
    made = found(request, small_runners.Wrong(), monkeypatch)
    labels = [each.label for each in request.material().data.examples]
    assert made["baseline"] == max(map(labels.count, labels)) / 50
    assert made["chance"] == 0.1


def test_several_templates_are_averaged():
    class Letters:
        def score(self, images, conditions):
            return np.array([[len(each) for each in conditions] for _ in images], dtype=np.float32)

    data = open_dataset("digits", n=3)
    kind = KINDS["classify"]
    outputs = kind.answer(
        Letters(), Material(data, prompts=("{label}", "a {label}!!")), lambda *_: None
    ).outputs
    assert outputs[0]["scores"] == [len(label) + 2 for label in data.labels]


def test_one_who_was_taught_classes_is_asked_for_their_names():
    data = open_dataset("digits", n=3)
    material = Material(data, prompts=("a photo of the number {label}.",))
    assert conditions_for(small_runners.Copies(), material) == [list(data.labels)]
    assert conditions_for(small_runners.Wrong(), material)[0][3] == "a photo of the number three."


def test_a_click_lands_deep_inside_what_is_to_be_seen():
    mask = np.zeros((9, 12), dtype=bool)
    mask[1:8, 2:9] = True
    point = deepest_point(mask)
    assert (point.x, point.y) == (5.5, 4.5)
    ring = mask.copy()
    ring[2:7, 3:8] = False
    point = deepest_point(ring)
    assert ring[int(point.y), int(point.x)]
    at_the_border = np.ones((5, 5), dtype=bool)
    assert deepest_point(at_the_border).x == 2.5


def test_a_filled_box_is_the_baseline_for_boxes_and_a_disc_for_clicks(monkeypatch):
    boxes = found(asked("segment-box", n=60), small_runners.Colours(), monkeypatch)
    clicks = found(asked("segment-point", n=60), small_runners.Colours(), monkeypatch)
    assert 0.6 < boxes["baseline"] < 0.8
    assert 0.4 < clicks["baseline"] < boxes["baseline"]
    assert clicks["chance"] == boxes["chance"] < 0.15


@pytest.mark.parametrize(
    ("task", "dataset", "complaint"),
    [
        ("classification", "photos", "has no classes"),
        ("relations", "photos", "has no captions with one of: left of, right of, above, below"),
        ("retrieval", "digits", "has no captions"),
        ("captioning", "digits", "has no captions"),
        ("segment-point", "digits", "has no masks of objects"),
        ("segment-semantic", "photos", "has no masks of objects"),
        ("detection", "digits", "has no objects with boxes"),
        ("depth", "scenes", "has no depth"),
    ],
)
def test_data_that_lack_what_a_task_asks_about_are_named(task, dataset, complaint):
    with pytest.raises(TaskError, match=f"^{dataset} .* {complaint}: choose another dataset"):
        asked(task, dataset=dataset).material()


def test_a_folder_without_training_images_cannot_be_learnt_from(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        PillowImage.new("RGB", (8, 8)).save(tmp_path / label / "1.png")
    with pytest.raises(LookupError, match="no folder of that name"):
        asked("linear-probe", dataset=f"folder:{tmp_path}").material()


def test_an_image_that_comes_back_in_another_size_is_a_fault_of_the_adapter(monkeypatch):
    class Shrinks:
        def reconstruct(self, images, seed):
            return [each[::2] for each in images]

    with pytest.raises(TaskError, match=r"shape \(8, 8, 3\) came back as \(4, 8, 3\)"):
        found(asked("reconstruction"), Shrinks(), monkeypatch)


def test_what_a_runner_lacks_is_named():
    assert lacking(small_runners.Wrong(), KINDS["retrieve"]) == ["EmbedsImages", "EmbedsTexts"]
    assert lacking(small_runners.Colours(), KINDS["retrieve"]) == []


def test_requests_survive_the_way_to_a_worker():
    request = asked("generation", dataset="digits")
    assert Request.from_json(request.to_json()) == request


def test_examples_that_change_under_way_are_noticed():
    request = asked("classification")
    with pytest.raises(TaskError, match="changed while the run began"):
        answer(request, "another fingerprint", lambda _: None)


def test_every_shipped_task_says_where_its_protocol_comes_from_and_is_made_of_known_parts():
    assert len(tasks()) >= 12
    assert {spec.kind for spec in tasks().values()} == set(KINDS)
    for spec in tasks().values():
        assert len(spec.protocol) > 40
        assert spec.question.endswith("?")


VALID = """
name = "t"
version = 1
title = "T"
question = "Q?"
kind = "classify"
dataset = "digits"
n = 10
metrics = ["accuracy"]
primary = "accuracy"
limit_seconds = 60
protocol = "P"
"""


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('kind = "classify"', 'kind = "guess"'), "no kind 'guess': classify, choose"),
        (('metrics = ["accuracy"]', 'metrics = ["iou"]'), "no measure 'iou' of classify: accuracy"),
        (('primary = "accuracy"', 'primary = "top"'), "the primary measure 'top' is not among"),
        (("n = 10", "n = 1"), "n: Input should be greater than or equal to 2"),
        (("version = 1", "versio = 1"), "version: Field required"),
        (('kind = "classify"', 'kind = "probe"'), "n_train is missing"),
        (('name = "t"', 'name = "u"'), "'u' must be the name of the file"),
        (("title", "= title"), "cannot be read as TOML"),
    ],
)
def test_a_broken_description_is_named(tmp_path, change, complaint):
    path = tmp_path / "t.toml"
    path.write_text(VALID)
    assert isinstance(read_task(path), TaskSpec)
    path.write_text(VALID.replace(*change))
    with pytest.raises(TaskError, match=f"^t.toml: .*{complaint}"):
        read_task(path)


def test_a_description_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        tasks()["classification"].n = 3


def test_masks_that_are_not_known_are_left_out():
    scenes = open_dataset("scenes", n=4)
    bare = [
        each.__class__(
            each.image,
            objects=tuple(o.__class__(o.name, np.zeros((0, 0), bool), o.box) for o in each.objects),
        )
        for each in scenes.examples
    ]
    data = Dataset("bare", 1, "test", (), "", "", bare)
    with pytest.raises(TaskError, match="no masks"):
        KINDS["cut_out"].check(Material(data, options={"prompt": "point"}))
    KINDS["detect"].check(Material(data))

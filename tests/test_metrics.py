"""Every measure gives what an independent implementation gives, and behaves at the edges."""

import contextlib
import io

import numpy as np
import pytest
import sacrebleu
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.stats import binomtest, bootstrap
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.linear_model import LinearRegression
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    jaccard_score,
    top_k_accuracy_score,
)
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import KNeighborsClassifier

from evaluation.metrics import bootstrap as boot
from evaluation.metrics import classification, depth, detection, images, overlap, retrieval, text

pytestmark = pytest.mark.parametrize("seed", range(3))


@pytest.fixture
def random(seed):
    return np.random.default_rng(seed)


def repeated(weights, *columns):
    """Columns in which every example stands as often as its weight says."""
    times = weights.astype(int)
    return [np.repeat(column, times, axis=0) for column in columns]


def test_accuracies_are_those_of_scikit_learn_also_of_drawn_examples(random):
    labels, scores = random.integers(0, 6, 80), random.normal(size=(80, 6))
    guesses = classification.ranked_classes(scores, 1)[:, 0]
    weights = next(boot.draws(80, 1, seed=5))
    for row in (np.ones((1, 80)), weights):
        truth, drawn, all_scores = repeated(row[0], labels, guesses, scores)
        assert classification.accuracy(labels, guesses).of(row)[0] == accuracy_score(truth, drawn)
        balanced = classification.balanced_accuracy(labels, guesses).of(row)[0]
        assert balanced == pytest.approx(balanced_accuracy_score(truth, drawn))
        top = classification.top_accuracy(labels, classification.ranked_classes(scores, 3)).of(row)[0]
        assert top == pytest.approx(top_k_accuracy_score(truth, all_scores, k=3, labels=range(6)))


def test_neighbours_vote_as_those_of_scikit_learn(random):
    train, labels, queries = (
        random.normal(size=(60, 5)),
        random.integers(0, 4, 60),
        random.normal(size=(20, 5)),
    )
    votes = classification.nearest_neighbours(train, labels, queries, k=7, classes=4)
    theirs = KNeighborsClassifier(
        7, metric="cosine", algorithm="brute", weights=lambda distance: np.exp((1 - distance) / 0.07)
    ).fit(train, labels)
    assert votes / votes.sum(axis=1, keepdims=True) == pytest.approx(theirs.predict_proba(queries))


def test_ranks_count_what_stands_before_and_equal_scores_win_nothing(random):
    scores, wanted = random.normal(size=(30, 12)), random.random((30, 12)) < 0.2
    for row, truth, rank in zip(scores, wanted, retrieval.first_ranks(scores, wanted), strict=True):
        places = [place for place, column in enumerate(np.argsort(-row), start=1) if truth[column]]
        assert rank == (places[0] if places else 0)
    one = np.eye(12, dtype=bool)
    assert set(retrieval.first_ranks(np.zeros((12, 12)), one)) == {12}


def test_chance_of_recall_is_what_random_orders_reach(random):
    wanted = random.random((6, 9)) < 0.3
    reached = []
    for _ in range(4000):
        ranks = retrieval.first_ranks(random.random(wanted.shape), wanted)
        reached.append((ranks[ranks > 0] <= 4).mean())
    assert retrieval.chance_of_recall(4, wanted) == pytest.approx(np.mean(reached), abs=0.015)
    assert retrieval.chance_of_recall(20, wanted) == 1


def test_overlaps_of_masks_and_label_maps_are_those_of_scikit_learn(random):
    found, truth = random.integers(0, 3, (5, 8, 9)), random.integers(0, 3, (5, 8, 9))
    ours = overlap.mask_iou(found == 1, truth == 1)
    theirs = [jaccard_score((t == 1).ravel(), (f == 1).ravel()) for f, t in zip(found, truth, strict=True)]
    assert ours == pytest.approx(theirs)
    pairs = [overlap.class_overlaps(f, t, 4) for f, t in zip(found, truth, strict=True)]
    statistic = overlap.mean_iou(*(np.array(each) for each in zip(*pairs, strict=True)))
    assert statistic.value == pytest.approx(jaccard_score(truth.ravel(), found.ravel(), average="macro"))
    assert confusion_matrix(truth.ravel(), found.ravel()).trace() == sum(both.sum() for both, _ in pairs)


def test_masks_that_are_both_empty_agree(seed):
    assert overlap.mask_iou(np.zeros((4, 4), dtype=bool), np.zeros((4, 4), dtype=bool)) == 1


def test_the_overlap_of_random_labels_is_what_random_labels_reach(random):
    truth = random.choice(3, size=(200, 200), p=[0.7, 0.2, 0.1])
    shares = np.bincount(truth.ravel()) / truth.size
    found = random.integers(0, 3, truth.shape)
    expected = jaccard_score(truth.ravel(), found.ravel(), average="macro")
    assert overlap.iou_of_random_labels(shares) == pytest.approx(expected, abs=0.01)


def scene_of_boxes(random, images_count=12, classes=3):
    """Truths and finds (image, class, box, score): some near a truth, some anywhere, with scores that tie."""
    truths, finds = [], []
    for image in range(images_count):
        for _ in range(random.integers(0, 5)):
            label, corner, size = random.integers(classes), random.uniform(0, 60, 2), random.uniform(8, 40, 2)
            truths.append((image, label, np.concatenate([corner, corner + size])))
            if random.random() < 0.8:
                moved = truths[-1][2] + random.normal(0, 2.5, 4)
                finds.append((image, label, moved, round(random.random(), 1)))
        for _ in range(random.integers(0, 4)):
            corner = random.uniform(0, 60, 2)
            box = np.concatenate([corner, corner + random.uniform(8, 40, 2)])
            finds.append((image, random.integers(classes), box, round(random.random(), 1)))
    return truths, finds


def coco_says(truths, finds, images_count, classes):
    def box(corners):
        return [*corners[:2], *(corners[2:] - corners[:2])]

    with contextlib.redirect_stdout(io.StringIO()):
        theirs = COCO()
        theirs.dataset = {
            "info": {},
            "images": [{"id": i} for i in range(images_count)],
            "categories": [{"id": i} for i in range(classes)],
            "annotations": [
                {"id": number, "image_id": image, "category_id": int(label), "bbox": box(corners),
                 "area": float(np.prod(box(corners)[2:])), "iscrowd": 0}
                for number, (image, label, corners) in enumerate(truths, start=1)
            ],
        }  # fmt: skip
        theirs.createIndex()
        found = theirs.loadRes([
            {"image_id": image, "category_id": int(label), "bbox": box(corners), "score": score}
            for image, label, corners, score in finds
        ])  # fmt: skip
        judge = COCOeval(theirs, found, "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge.stats[:3]


def matched(truths, finds, images_count, classes):
    return [
        [
            detection.match(
                np.array([b for i, c, b, _ in finds if (i, c) == (image, label)]).reshape(-1, 4),
                np.array([s for i, c, _, s in finds if (i, c) == (image, label)]),
                np.array([b for i, c, b in truths if (i, c) == (image, label)]).reshape(-1, 4),
            )
            for image in range(images_count)
        ]
        for label in range(classes)
    ]


def test_average_precision_is_that_of_pycocotools(random):
    truths, finds = scene_of_boxes(random)
    by_class = matched(truths, finds, 12, 3)
    ours = [detection.average_precision(by_class, chosen).value for chosen in (range(10), [0], [5])]
    assert ours == pytest.approx(coco_says(truths, finds, 12, 3), abs=1e-9)
    assert 0.05 < ours[0] < 0.95


def test_average_precision_of_drawn_images_is_that_of_images_that_stand_there_so_often(random):
    truths, finds = scene_of_boxes(random)
    # Scores that differ: a repeated image makes ties, and where ties stand is a matter of taste.
    finds = [(i, c, b, s + 1e-3 * number) for number, (i, c, b, s) in enumerate(finds)]
    weights = next(boot.draws(12, 1, seed=3))
    order = np.repeat(np.arange(12), weights[0].astype(int))
    again = [
        [(new, *rest) for new, old in enumerate(order) for image, *rest in rows if image == old]
        for rows in (truths, finds)
    ]
    ours = detection.average_precision(matched(truths, finds, 12, 3)).of(weights)[0]
    assert ours == pytest.approx(coco_says(*again, 12, 3)[0], abs=0.02)


def test_without_objects_there_is_no_average_precision(seed):
    nothing = detection.match(np.empty((0, 4)), np.empty(0), np.empty((0, 4)))
    assert np.isnan(detection.average_precision([[nothing, nothing]]).value)


WORDS = "a red circle left of the blue square, above one green star".split()


def test_bleu_and_chrf_are_those_of_sacrebleu(random):
    texts = [" ".join(random.choice(WORDS, random.integers(5, 12))) for _ in range(15)]
    references = [
        [" ".join([*each.split()[:5], *random.choice(WORDS, random.integers(1, 6))]) for each in texts]
        for _ in range(2)
    ]
    counts = [text.count(each, pair) for each, *pair in zip(texts, *references, strict=True)]

    def split(lines):
        return [" ".join(text.words_of(line)) for line in lines]

    theirs = sacrebleu.corpus_bleu(
        split(texts), [split(each) for each in references], tokenize="none", smooth_method="none", force=True
    )
    assert text.bleu(counts).value == pytest.approx(theirs.score / 100)
    assert text.chrf(counts).value == pytest.approx(sacrebleu.corpus_chrf(texts, references).score / 100)


def test_a_text_like_its_reference_is_perfect_and_an_empty_one_worth_nothing(seed):
    perfect = [text.count("a red circle and a star", ["A red circle and a star"])]
    assert text.bleu(perfect).value == text.chrf(perfect).value == 1
    empty = [text.count("", ["a red circle and a star"])]
    assert text.bleu(empty).value == text.chrf(empty).value == 0


def test_psnr_and_ssim_are_those_of_scikit_image(random):
    for size in (7, 8, 33):
        one = random.integers(0, 256, (size, size + 3, 3), dtype=np.uint8)
        other = np.clip(one + random.normal(0, 20, one.shape), 0, 255).astype(np.uint8)
        assert images.psnr(other, one) == pytest.approx(peak_signal_noise_ratio(one, other))
        assert images.ssim(other, one) == pytest.approx(structural_similarity(one, other, channel_axis=2))
        assert images.psnr(one, one) == images.IDENTICAL_DB
        assert images.ssim(one, one) == pytest.approx(1)


def test_the_window_of_ssim_fits_into_a_small_image(random):
    one, other = random.integers(0, 256, (2, 4, 6, 3), dtype=np.uint8)
    theirs = structural_similarity(one, other, channel_axis=2, win_size=3)
    assert images.ssim(one, other) == pytest.approx(theirs)


def test_kernel_distance_is_what_the_kernel_of_scikit_learn_gives(random):
    x, y = random.normal(size=(20, 6)), random.normal(0.5, size=(25, 6))
    xx, yy, xy = (polynomial_kernel(a, b, degree=3, coef0=1) for a, b in ((x, x), (y, y), (x, y)))
    pairs = [[k[i, j] for i in range(len(k)) for j in range(len(k)) if i != j] for k in (xx, yy)]
    assert images.kernel_distance(x, y) == pytest.approx(sum(map(np.mean, pairs)) - 2 * xy.mean())
    assert np.isnan(images.kernel_distance(x[:1], y))


def test_depth_is_aligned_as_a_linear_regression_does(random):
    truth = random.uniform(1, 10, (6, 7))
    found = 3 * truth - 4 + random.normal(0, 0.5, truth.shape)
    truth[0] = np.nan
    known = np.isfinite(truth)
    fitted = LinearRegression().fit(found[known][:, None], truth[known]).predict(found[known][:, None])
    errors = depth.compare_depth(found, truth)
    assert errors.relative_error == pytest.approx(np.mean(np.abs(fitted - truth[known]) / truth[known]))
    ratio = np.maximum(fitted / truth[known], truth[known] / fitted)
    assert errors.within_a_quarter == pytest.approx((ratio < 1.25).mean())


def test_depth_turned_round_is_no_better_than_a_constant(random):
    truth = random.uniform(1, 10, (6, 7))
    assert depth.compare_depth(-truth, truth) == depth.compare_depth(np.ones_like(truth), truth)
    assert depth.compare_depth(truth, np.full_like(truth, np.nan)) is None


def test_intervals_are_those_of_scipy(random):
    values = random.normal(size=60)
    ours = boot.estimate(boot.mean_of(values))
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=random)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.03)
    assert ours.value == pytest.approx(values.mean())


def test_the_same_examples_give_the_same_interval(random):
    statistic = boot.mean_of(random.normal(size=40))
    assert boot.estimate(statistic) == boot.estimate(statistic) != boot.estimate(statistic, seed=1)


@pytest.mark.parametrize("hit", [False, True])
def test_where_all_are_right_or_wrong_the_interval_is_the_exact_one(hit, seed):
    n = 10 + 30 * seed
    found = boot.estimate(boot.share_of([hit] * n))
    exact = binomtest(n if hit else 0, n).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))


def test_an_interval_lies_around_its_number_also_where_draws_lie_to_one_side_of_it(random):
    # The share of examples that were drawn at all is 1 for the number and about 0.63 in every draw.
    lopsided = boot.Statistic(50, lambda weights: (weights > 0).mean(axis=1), is_biased=True)
    found = boot.estimate(lopsided)
    assert found.value == 1
    assert found.low < 1 < found.high
    by_class = matched(*scene_of_boxes(random), 12, 3)
    precision = boot.estimate(detection.average_precision(by_class))
    assert precision.low < precision.value < precision.high


def test_one_example_has_no_interval(seed):
    assert boot.estimate(boot.share_of([True])) == boot.Estimate(1.0, None, None)


def test_differences_are_paired(random):
    ours = random.random(300) < 0.5
    theirs = ours.copy()
    theirs[:15] = ~theirs[:15]
    apart = boot.difference(boot.share_of(ours), boot.share_of(theirs))
    assert apart.value == pytest.approx(ours.mean() - theirs.mean())
    # Unpaired, the interval would be about ±0.08 wide.
    assert apart.high - apart.low < 0.07
    nothing = boot.difference(boot.share_of(ours), boot.share_of(ours))
    assert (nothing.value, nothing.low, nothing.high) == (0, 0, 0)
    with pytest.raises(ValueError, match="300 and 299 examples"):
        boot.difference(boot.share_of(ours), boot.share_of(ours[1:]))


def test_draws_hold_every_example_once_on_average(random):
    weights = np.concatenate(list(boot.draws(7, 3000, seed=1)))
    assert weights.shape == (3000, 7)
    assert (weights.sum(axis=1) == 7).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(7), abs=0.1)

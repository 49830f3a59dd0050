"""Invented texts, the same in every run: whatever the catalogue does not know of a work."""

import hashlib
import random

TEST_TEXT = "This abstract is invented test text."
LONG_NAMES = {
    "CVPR": "Computer Vision and Pattern Recognition",
    "NeurIPS": "Neural Information Processing Systems",
    "ICCV": "IEEE International Conference on Computer Vision",
    "ICLR": "International Conference on Learning Representations",
    "ICML": "International Conference on Machine Learning",
    "ECCV": "European Conference on Computer Vision",
    "WACV": "IEEE Workshop/Winter Conference on Applications of Computer Vision",
    "EMNLP": "Conference on Empirical Methods in Natural Language Processing",
    "ACL": "Annual Meeting of the Association for Computational Linguistics",
    "SIGGRAPH": "International Conference on Computer Graphics and Interactive Techniques",
    "TPAMI": "IEEE Transactions on Pattern Analysis and Machine Intelligence",
    "TMLR": "Trans. Mach. Learn. Res.",
    "IJCV": "International Journal of Computer Vision",
    "JMLR": "Journal of machine learning research",
}
VENUES = ("CVPR", "ICCV", "ECCV", "NeurIPS", "ICLR", "ICML")

_GIVEN = (
    "Ada Bo Chi Dara Emil Farah Goran Hana Ivo June Kofi Lena Milo Nia Otto Pia Rui Sana Tove Uma".split()
)
_FAMILY = "Testerova Samplesen Mockridge Fakenham Dummerson Placeholt Exampler Inventa Stubbs Fixturo".split()
_HOW = "Sparse Dense Gated Masked Latent Causal Frugal Coupled Layered Patient Modular Recursive".split()
_WHAT = "Tokens Adapters Priors Queries Codebooks Prompts Kernels Pyramids Slots Anchors Graphs".split()
_TASK = (
    "Semantic Segmentation, Image Restoration, Object Counting, Video Prediction, Depth Estimation, "
    "Text Spotting, Pose Tracking, Image Captioning, Point Matching, Scene Generation"
).split(", ")
_VERB = "studies compares revisits measures extends simplifies".split()
_FIND = (
    "The effect is stated for three invented data sets.",
    "Every number in it is made up.",
    "Nothing of it was ever trained or measured.",
    "It is compared with five baselines that do not exist.",
    "Ablations show that each invented part matters.",
)
_SAYS = (
    "As {name} showed, this invented sentence cites the work.",
    "We follow {name} in our (invented) set-up.",
    "Our invented baseline is {name}.",
    "Unlike {name}, this sentence was never printed.",
)
HOSTILE_TITLES = (
    '<script>alert("title")</script><b>bold</b> & [link](javascript:alert(1)) {title}',
    "{title} \x07\x1b[31mred\x1b[0m\x00 \x85\x9bnext",
    "\u202e{title}\u202c \u2066isolated\u2069 \u200bzero\ufeff width",
    "{title} " + "very long " * 500,
)
"""Markup, control characters, reversed reading direction, and more than 5,000 characters."""


def dice(*parts: object) -> random.Random:
    """A random generator that depends on nothing but its arguments."""
    return random.Random(hashlib.sha256(repr(parts).encode()).digest()[:8])


def share(*parts: object) -> float:
    """A number from 0 to 1 that depends on nothing but its arguments; much cheaper than `dice`."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:6]) / 2**48


def digest(text: str) -> str:
    """40 hexadecimal digits, as a paper id of Semantic Scholar and a commit of the hub have."""
    return hashlib.sha1(text.encode()).hexdigest()


def title(number: int) -> str:
    """Title of an invented work; no two of them fold alike, and each says that it is invented."""
    draw = dice("title", number)
    how, what, task = draw.choice(_HOW), draw.choice(_WHAT), draw.choice(_TASK)
    return f"{how} {what} for {task}: Invented Work {number}"


def authors(key: str) -> tuple[str, ...]:
    """Two to five invented people."""
    draw = dice("authors", key)
    names = [f"{draw.choice(_GIVEN)} {draw.choice(_FAMILY)}" for _ in range(draw.randint(2, 5))]
    return tuple(dict.fromkeys(names))


def abstract(key: str, about: str) -> str:
    """Four invented sentences that name the title, so that search has something to find."""
    draw = dice("abstract", key)
    how, what, task = draw.choice(_HOW).lower(), draw.choice(_WHAT).lower(), draw.choice(_TASK).lower()
    return (
        f"{TEST_TEXT} It stands for the abstract of {about}. "
        f"The text {draw.choice(_VERB)} {how} {what} for {task}. {draw.choice(_FIND)}"
    )


def contexts(citing: str, cited: str, name: str) -> tuple[str, ...]:
    """None to three invented sentences in which one work cites another."""
    draw = dice("contexts", citing, cited)
    return tuple(says.format(name=name) for says in draw.sample(_SAYS, draw.choice((0, 1, 1, 1, 2, 3))))


def intents(citing: str, cited: str, sentences: int) -> tuple[str, ...]:
    """What Semantic Scholar makes of that many sentences."""
    if not sentences:
        return ()
    draw = dice("intents", citing, cited)
    return tuple(sorted(draw.sample(("background", "methodology", "result"), draw.choice((1, 1, 2)))))


def hostile(kind: str, text: str) -> str:
    """A text as someone would write it who means harm; which harm follows from the text."""
    form = HOSTILE_TITLES[int(share(kind, text) * len(HOSTILE_TITLES))]
    return form.format(title=text)

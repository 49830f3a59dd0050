"""How a pillar looks: a colour and, since colour is never the only sign, a shape.

The hues follow Okabe and Ito ("Color Universal Design", 2008), which hold under colour-vision deficiency,
made darker or lighter until each reaches 3:1 against the light and the dark background.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """A colour by its name in the explorer's theme and in hex, a shape, and the shape's sign in text."""

    name: str
    color: str
    shape: str
    sign: str


PILLARS: dict[str, Look] = {
    "foundation": Look("gray", "#7a7f87", "hexagon", "⬢"),
    "generative": Look("orange", "#d1600f", "circle", "●"),
    "discriminative": Look("blue", "#2f7fd0", "square", "■"),
    "unified": Look("green", "#119a74", "diamond", "◆"),
    "multimodal": Look("red", "#c0578f", "triangle", "▲"),
    "resource": Look("yellow", "#a37f00", "down", "▼"),
    "challenge": Look("violet", "#8a68d8", "star", "★"),
}
UNKNOWN = Look("gray", "#7a7f87", "circle", "○")


def looks_of(pillars: Sequence[str]) -> dict[str, Look]:
    """A look for each pillar of any taxonomy: its own, or the next free one for a name unknown here."""
    free = [look for name, look in PILLARS.items() if name not in pillars] or list(PILLARS.values())
    strangers = [pillar for pillar in pillars if pillar not in PILLARS]
    return {pillar: PILLARS.get(pillar) or free[strangers.index(pillar) % len(free)] for pillar in pillars}


def look_of(pillar: str | None) -> Look:
    """The look of a pillar; one for papers without a place in the taxonomy."""
    return PILLARS.get(pillar or "", UNKNOWN)

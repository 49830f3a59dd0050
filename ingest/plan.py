"""What a run will ask, before anything is sent: requests and time per service, with what is assumed."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from ingest.transport.message import Service
from ingest.transport.services import ServiceRules

REFERENCES_OF_A_SURVEY = 300
REFERENCES_OF_A_WORK = 76
"""Length of a list where nothing is known: the mean of the 131 lists read whole for the catalogue."""
NEW_PER_FOLLOWED = 100
"""Works that cite a followed one and are new since the last time; a survey gains some tens in a month."""

_SECONDS_PER_ANSWER = 0.5
_SECONDS_OF_A_SHARED_LIMIT = 1.0
_S2_PAGE, _S2_BATCH, _S2_REFERENCES, _PAGE = 1_000, 500, 9_000, 100


@dataclass(frozen=True)
class Line:
    """Requests to one service: at most this many, and at most about this many seconds."""

    service: str
    base_url: str
    requests: int
    seconds: float
    purpose: str


@dataclass(frozen=True)
class Budget:
    """The requests of a run; `assumptions` say what was not known when it was drawn up."""

    subject: str
    lines: tuple[Line, ...]
    assumptions: tuple[str, ...]

    @property
    def requests(self) -> int:
        """All requests together."""
        return sum(line.requests for line in self.lines)

    @property
    def seconds(self) -> float:
        """The time of all of them, one service after the other."""
        return sum(line.seconds for line in self.lines)


def draw_up(
    subject: str,
    rules: Mapping[Service, ServiceRules],
    *,
    works: int | None,
    surveys: int = 0,
    followed: int = 0,
    hub_links: bool = True,
    checkpoints: int = 0,
    thorough: bool = False,
) -> Budget:
    """The most that a run asks for `works` works (None: unknown, a survey's length is assumed).

    `surveys` are reference lists to read first, `followed` works whose citing works are looked for (the hub
    is then asked for the new ones only), `checkpoints` those whose state is asked.
    """
    assumptions = []
    if works is None:
        works = REFERENCES_OF_A_SURVEY
        assumptions.append(f"the survey has {works} references")
    if followed:
        assumptions.append(f"{NEW_PER_FOLLOWED} works cite each work that is followed and are new")
    assumptions.append(f"works have {REFERENCES_OF_A_WORK} references each")
    assumptions.append("what a service passes over is asked once more, and of the others")
    new = followed * NEW_PER_FOLLOWED
    parts = [works + surveys] + [NEW_PER_FOLLOWED] * followed
    pages = surveys * max(1, ceil(works / _S2_PAGE)) + followed
    batches = sum(ceil(part / _S2_BATCH) for part in parts)
    lists = sum(ceil(part * REFERENCES_OF_A_WORK / _S2_REFERENCES) for part in parts)
    pages_of_100 = sum(ceil(part / _PAGE) for part in parts)
    lines = [
        _line(rules["semanticscholar"], pages + batches + lists, "references, metadata, citations"),
        _line(rules["arxiv"], pages_of_100, "abstracts that Semantic Scholar lacks"),
    ]
    if not thorough:
        assumptions.append("fewer to arXiv the more abstracts Semantic Scholar has")
    else:
        lines.append(_line(rules["openalex"], pages_of_100, "publishers' facts"))
        lines.append(_line(rules["crossref"], pages_of_100, "publishers' facts"))
    at_hub = (new if followed else works + surveys) if hub_links else 0
    purpose = "models that name the works" + (", states of checkpoints" if checkpoints else "")
    lines.append(_line(rules["huggingface"], at_hub + checkpoints, purpose))
    return Budget(subject, tuple(line for line in lines if line.requests), tuple(assumptions))


def _line(rules: ServiceRules, requests: int, purpose: str) -> Line:
    # A full window passes at once; every further one waits for the window to move on.
    waiting = max(0, ceil(requests / rules.rate.requests) - 1) * rules.rate.seconds
    pace = _SECONDS_OF_A_SHARED_LIMIT if rules.adaptive else _SECONDS_PER_ANSWER
    seconds = max(waiting, requests * pace)
    return Line(rules.label, rules.base_url, requests, seconds, purpose)

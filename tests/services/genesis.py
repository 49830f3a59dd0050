"""How the world is made from the catalogue; see World for what is real in it and what is invented."""

import re
from collections.abc import Sequence
from datetime import date
from functools import cache

from ingest.catalogue import read_catalogue
from ingest.rows import Catalogue, PaperRow
from services.words import VENUES, abstract, authors, dice, share, title
from services.works import Entry, Model, Work
from services.world import World

CITING = 20
UNIDENTIFIED = 5
OUTSIDE = 1_500
_LENGTHS = (30, 60)
_LICENCES = ("apache-2.0", "mit", "cc-by-nc-4.0", "openrail", "other", None)


@cache
def make(references: int, seed: int) -> World:
    """A world from the shipped catalogue, made once; copy it before you change it."""
    catalogue = read_catalogue()
    world = World(catalogue.manifest.survey)
    for row in catalogue.papers:
        world.add(_work(row, known_abroad=row.key != world.survey))
    for number in range(OUTSIDE):
        world.add(_outside(number))
    _cite(world, catalogue, references, seed)
    for number in range(CITING):
        world.add(citing_work(world, world.survey, number))
    _stock_hub(world, catalogue)
    world.without_references = {
        key for key in world.works if share("no list", key) < 1 / 12 and key != world.survey
    }
    return world


def citing_work(world: World, cited: str, number: int) -> Work:
    """An invented work of 2024 or later that cites `cited` and some of what that cites."""
    draw = dice("citing", number)
    key = f"test-citing-{number}"
    year, month = 2024 + number % 2, 1 + number % 12
    chosen = world.works[cited]
    others = [entry for entry in chosen.entries if entry.key]
    entries = [*draw.sample(others, min(len(others), draw.randint(15, 25))), Entry(cited, chosen.title)]
    return Work(
        key,
        title(100_000 + number),
        "citing",
        authors(key),
        abstract(key, title(100_000 + number)),
        year,
        month,
        # No month of arXiv has reached 90,000 papers, so the id is nobody's.
        arxiv_id=f"{year % 100:02}{month:02}.{90_000 + number}",
        entries=entries,
    )


def _work(row: PaperRow, *, known_abroad: bool) -> Work:
    doi = None if (row.doi or "").lower().startswith("10.48550/") else row.doi
    venue, venue_year = row.venue, None
    if venue and (found := re.fullmatch(r"(.+) (\d{4})", venue)):
        venue, venue_year = found.group(1), int(found.group(2))
    return Work(
        row.key,
        row.title,
        "catalogue",
        row.authors or authors(row.key),
        abstract(row.key, row.title),
        row.year,
        row.month,
        venue,
        venue_year,
        row.arxiv_id,
        doi,
        version=1 + int(share("version", row.key) * 3),
        elsewhere=int(share("elsewhere", row.key) ** 3 * 40_000) if known_abroad else 0,
    )


def _outside(number: int) -> Work:
    key = f"test-outside-{number}"
    draw = dice("outside", number)
    year, month = draw.randint(2015, 2023), draw.randint(1, 12)
    known = draw.random()
    arxiv_id = doi = venue = None
    if known < 0.03:
        year = draw.randint(1994, 2006)
        arxiv_id = f"cs/{year % 100:02}{month:02}{900 + number % 100}"
    elif known < 0.6:
        arxiv_id = f"{year % 100:02}{month:02}.{90_000 + number}"
    if 0.5 < known < 0.9:
        # 10.5555 is the prefix that registrars keep for examples.
        doi, venue = f"10.5555/test.{number}", draw.choice(VENUES)
    return Work(
        key,
        title(number),
        "outside",
        authors(key),
        abstract(key, title(number)) if known < 0.95 else None,
        year,
        month,
        venue,
        year + 1 if venue else None,
        arxiv_id,
        doi,
        elsewhere=int(draw.random() * 50),
    )


def _cite(world: World, catalogue: Catalogue, references: int, seed: int) -> None:
    lists: dict[str, list[str]] = {row.key: [] for row in catalogue.papers}
    for row in catalogue.citations:
        lists[row.citing].append(row.cited)
    outside = [key for key, work in world.works.items() if work.kind == "outside"]
    lists[world.survey] = (_suitable(catalogue, world.survey) + outside)[:references]
    for key, known in lists.items():
        draw = dice("references", seed, key)
        cited = known
        if key != world.survey:
            # Most lists cite from one corner of the field, so that works outside are cited more than once.
            start = draw.randrange(OUTSIDE)
            corner = [outside[(start + step) % OUTSIDE] for step in range(120)]
            cited = known + draw.sample(corner, max(0, draw.randint(*_LENGTHS) - len(known)))
        draw.shuffle(cited)
        world.works[key].entries = [Entry(each, world.works[each].title) for each in cited]
    survey = world.works[world.survey].entries
    for number in range(min(UNIDENTIFIED, references)):
        text = f"An invented report that no index holds, part {number + 1}"
        survey.insert((number + 1) * len(survey) // (UNIDENTIFIED + 1), Entry(None, text))


def _suitable(catalogue: Catalogue, survey: str) -> list[str]:
    written = next(row for row in catalogue.papers if row.key == survey)
    return [
        row.key
        for row in catalogue.papers
        if row.key != survey and not row.after_survey and (row.year or 0) <= (written.year or 9999)
    ]


def _stock_hub(world: World, catalogue: Catalogue) -> None:
    papers: dict[str, list[str]] = {}
    for row in catalogue.checkpoints:
        papers.setdefault(row.hub_id, []).append(row.paper)
    for row in catalogue.checkpoints:
        if row.hub_id in world.models:
            continue
        ids = [world.works[key].arxiv_id for key in dict.fromkeys(papers[row.hub_id])]
        draw = dice("model", row.hub_id)
        world.add_model(
            Model(
                row.hub_id,
                row.library,
                row.task,
                row.licence or draw.choice(_LICENCES),
                downloads=int(10 ** draw.uniform(3, 6.5)),
                likes=draw.randint(5, 4_000),
                gated=draw.choice((False,) * 8 + ("auto", "manual")),
                arxiv_ids=tuple(each for each in ids if each),
                parameters=int(row.params_millions * 1e6)
                if row.params_millions
                else draw.randint(10**6, 10**9),
                modified=date(draw.randint(2022, 2025), draw.randint(1, 12), draw.randint(1, 28)),
            )
        )
        _fine_tune(world, world.models[row.hub_id])


def _fine_tune(world: World, base: Model) -> None:
    """What users make of a model, its tags copied; some wins more downloads than the original."""
    draw = dice("fine-tunes", base.hub_id)
    name = base.hub_id.partition("/")[2]
    for number in range(draw.randint(0, 4)):
        world.add_model(
            Model(
                f"test-user-{draw.randint(1, 99)}/{name}-tuned-{number}",
                base.library,
                base.task,
                draw.choice(_LICENCES),
                downloads=draw.choice((0, 3, 12, 140, 900, base.downloads + 1_000)),
                likes=draw.randint(0, 9),
                base_models=(base.hub_id,),
                arxiv_ids=_cards(base.arxiv_ids, draw.choice(("", "", "", "1910.09700"))),
                parameters=base.parameters if draw.random() < 0.7 else None,
                modified=date(2025, draw.randint(1, 12), draw.randint(1, 28)),
            )
        )


def _cards(ids: Sequence[str], habit: str) -> tuple[str, ...]:
    """The papers of a base model and, as in the hub's template of model cards, one on carbon emissions."""
    return (*ids, habit) if habit else tuple(ids)

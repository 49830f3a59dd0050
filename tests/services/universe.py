"""All five services at once, and the settings that lead the product to them.

By hand, from the folder tests/:

    python -m services.universe --references 300

prints the settings as lines for a shell and serves until interrupted; paste them into another shell.
"""

import argparse
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from services.arxiv import Arxiv
from services.crossref import Crossref
from services.faults import Faults
from services.hub import Hub
from services.openalex import OpenAlex
from services.semantic_scholar import SemanticScholar
from services.server import Service
from services.world import World

SETTINGS = {
    "arxiv": "VFM_ATLAS_ARXIV_URL",
    "semanticscholar": "VFM_ATLAS_S2_URL",
    "openalex": "VFM_ATLAS_OPENALEX_URL",
    "crossref": "VFM_ATLAS_CROSSREF_URL",
    "huggingface": "HF_ENDPOINT",
}


class Universe:
    """arXiv, Semantic Scholar, OpenAlex, Crossref and the hub, of one world, each on a port of its own.

    `faults` is the share of requests that go wrong by chance, in every service. A service's own options and
    faults are set on it: `universe.arxiv.faults.then("503")`, `universe.openalex.strict = True`.
    """

    def __init__(self, world: World | None = None, *, faults: float = 0.0, seed: int = 0) -> None:
        self.world = world or World.from_catalogue()
        chance: list[Any] = [Faults(rate=faults, seed=seed) for _ in SETTINGS]
        self.arxiv = Arxiv(self.world, chance[0])
        self.semantic_scholar = SemanticScholar(self.world, chance[1])
        self.openalex = OpenAlex(self.world, chance[2])
        self.crossref = Crossref(self.world, chance[3])
        self.hub = Hub(self.world, chance[4])
        self.services: tuple[Service, ...] = (
            self.arxiv,
            self.semantic_scholar,
            self.openalex,
            self.crossref,
            self.hub,
        )
        self._running = ExitStack()

    def environment(self) -> dict[str, str]:
        """The settings under which the product asks these services."""
        return {SETTINGS[service.name]: service.url for service in self.services}

    def counts(self) -> dict[str, int]:
        """How many requests each service got, by its name; services that got none count 0."""
        return {service.name: service.count for service in self.services}

    def reset_counts(self) -> None:
        """Forget all requests so far."""
        for service in self.services:
            service.reset()

    def __enter__(self) -> Self:
        for service in self.services:
            self._running.enter_context(service)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.__exit__(kind, error, trace)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve a world until interrupted; the settings are printed as lines for a shell."""
    parser = argparse.ArgumentParser(prog="python -m services.universe", description=main.__doc__)
    parser.add_argument("--references", type=int, default=300, help="works that the survey cites")
    parser.add_argument("--faults", type=float, default=0.0, help="share of requests that go wrong, 0 to 1")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    world = World.from_catalogue(options.references, options.seed)
    with Universe(world, faults=options.faults, seed=options.seed) as universe:
        for name, value in universe.environment().items():
            sys.stdout.write(f"export {name}={value}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.stderr.write(f"{universe.counts()}\n")


if __name__ == "__main__":
    main()

"""Which checkpoint a person means: `zoo/NAME`, an id on the hub, or a paper that has one that runs."""

from sqlalchemy.orm import Session

from evaluation import registry, zoo
from evaluation.download import Told, obtain
from evaluation.loading import CheckpointFiles
from graph.checkpoints import BUNDLED, CheckpointFacts, read_all_facts
from graph.errors import UnknownName
from graph.library import Library
from graph.lookup import find_paper, nearest_names


def choose(session: Session, name: str) -> CheckpointFacts:
    """The checkpoint of a name; of several loader classes one that an adapter runs.

    Raises UnknownName for a name that is none, or for a paper of which not exactly one checkpoint runs here.
    """
    known = [each for each in read_all_facts(session) if each.hub_id == name]
    if known:
        return next((each for each in known if _runs(each)), known[0])
    if name.startswith(zoo.PREFIX):
        return _of_zoo(name)
    if "/" in name:
        advice = "'vfm-atlas checkpoints' lists those that are linked, 'vfm-atlas link' adds one"
        near = [
            each.hub_id
            for each in read_all_facts(session)
            if name.split("/")[1].lower() in each.hub_id.lower()
        ]
        raise UnknownName("checkpoint", name, sorted(set(near))[:3], advice)
    return _of_paper(session, name)


def files_of(
    library: Library,
    facts: CheckpointFacts,
    *,
    device: str = "cpu",
    agreed: bool = False,
    told: Told | None = None,
) -> CheckpointFiles:
    """The files of a checkpoint, fetched where the gate lets it pass. Raises as `obtain` does."""
    bundled = zoo.find(facts.hub_id)
    if bundled is not None:
        return bundled
    return obtain(
        library, facts.hub_id, loader_class=facts.loader_class, device=device, agreed=agreed, told=told
    )


def _of_zoo(name: str) -> CheckpointFacts:
    for model in zoo.models():
        if model.hub_id == name:
            return CheckpointFacts(
                model.hub_id, model.library, model.loader_class, model.task, BUNDLED, licence=model.licence,
                params_millions=model.parameters / 1e6,
            )  # fmt: skip
    raise UnknownName("model of the zoo", name, [model.hub_id for model in zoo.models()], allowed=True)


def _of_paper(session: Session, name: str) -> CheckpointFacts:
    try:
        paper = find_paper(session, name)
    except UnknownName as error:
        advice = "name zoo/NAME, the id of a checkpoint on the hub, or a paper"
        near = error.nearest or nearest_names(session, name)
        raise UnknownName("checkpoint or paper", name, near, advice) from None
    linked = read_all_facts(session, [paper.key])
    running = [each for each in linked if _runs(each)]
    # Small stand-ins of the zoo are meant only where a paper has nothing else.
    running = [each for each in running if each.origin != BUNDLED] or running
    if len({each.hub_id for each in running}) == 1:
        return running[0]
    if running:
        ids = list(dict.fromkeys(each.hub_id for each in running))
        raise UnknownName("single checkpoint of", paper.key, ids, "use one of these ids", allowed=True)
    if not linked:
        raise UnknownName("checkpoint of", paper.key, advice=f"'vfm-atlas link {paper.key}' looks for one")
    reason = registry.missing(linked[0].library, linked[0].loader_class)
    raise UnknownName("checkpoint that runs here of", paper.key, advice=f"{linked[0].hub_id}: {reason}")


def _runs(facts: CheckpointFacts) -> bool:
    return (
        registry.capabilities_of(facts.library, facts.loader_class) is not None
        and registry.missing(facts.library, facts.loader_class) is None
    )

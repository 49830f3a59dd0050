"""Asking one source after the other until one answers."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from ingest.errors import ServiceDown, UnknownWork
from ingest.sources.answers import Source

Asked = TypeVar("Asked", bound=Source)
Result = TypeVar("Result")


def first_that_answers(
    sources: Sequence[Asked],
    ask: Callable[[Asked], Result],
    listen: Callable[[str], None] | None = None,
) -> Result:
    """The first source's answer; the next one stands in for a source that is down or does not know the work.

    `listen` is told, in a line for people, who stands in for whom and why. Every other error is raised as it
    comes. Raises UnknownWork when all sources say that they do not know the work, and ServiceDown when one
    of them could not be asked.
    """
    if not sources:
        raise ValueError("no source to ask")
    failures: list[tuple[Asked, ServiceDown | UnknownWork]] = []
    for source in sources:
        try:
            answer = ask(source)
        except (ServiceDown, UnknownWork) as failure:
            failures.append((source, failure))
            continue
        if listen:
            for failed, reason in failures:
                listen(f"{source.label} stands in for {failed.label} ({reason})")
        return answer
    raise _conclusion([failure for _source, failure in failures])


def _conclusion(failures: Sequence[ServiceDown | UnknownWork]) -> ServiceDown | UnknownWork:
    """One error for all: what is down may know the work, so it counts for more."""
    down = [failure for failure in failures if isinstance(failure, ServiceDown)]
    if not down:
        return UnknownWork("; ".join(map(str, failures)) + "; check the id")
    first, others = down[0], [str(failure) for failure in failures if failure is not down[0]]
    said = str(first).removeprefix(f"{first.service}: ")
    return ServiceDown(first.service, "; ".join([said, *others]))

"""Files of a checkpoint on this machine: what the gate lets pass, at one commit, every hash compared.

Only safetensors and texts are fetched, into the cache that all programs share which use the hub's client. A
connection that breaks is taken up where it was; files that are complete are not fetched again. Nothing is
handed out before the SHA-256 (of what the hub keeps by it) or the git hash of each file was found right.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluation.errors import ConsentNeeded, DownloadBroken, GateClosed, NotHere
from evaluation.gate import Verdict, judge, size
from evaluation.hub import ask_hub, hub_address, hub_cache, hub_token, reserved_client, shown_address
from evaluation.loading import CheckpointFiles
from evaluation.machine import this_machine
from graph.checkpoints import BUNDLED, COMMIT, CheckpointFacts, RepoFile, choose_files, pin, read_facts
from graph.library import Library
from graph.settings import offline

Told = Callable[[int], None]
"""Called with the bytes that came in since it was called last."""

_AT_ONCE = 1 << 20
_SPECIAL = re.compile(r"[*?\[]")


def obtain(
    library: Library,
    name: str,
    *,
    loader_class: str | None = None,
    device: str = "cpu",
    agreed: bool = False,
    cache: Path | None = None,
    told: Told | None = None,
) -> CheckpointFiles:
    """The files of a checkpoint of the library, by its hub id; fetched where the gate allows it, and pinned.

    `agreed` says that a person accepts what the gate asks about. Raises UnknownName, GateClosed, NotHere or
    DownloadBroken.
    """
    with library.reading() as session:
        facts = read_facts(session, name, loader_class)
    if facts.origin == BUNDLED:
        return _bundled(facts)
    folder = cache or hub_cache()
    facts = _up_to_date(facts, folder)
    verdict = verdict_of(facts, device=device, cache=folder)
    if verdict.decision in ("refused", "unknown"):
        raise GateClosed(verdict)
    if verdict.decision == "ask" and not agreed:
        raise ConsentNeeded(verdict)
    commit, files = facts.commit, facts.files
    if commit is None or files is None:  # the gate lets no such one pass
        raise NotHere(f"nothing is known of the files of {name}: 'vfm-atlas check-links' asks the hub")
    got = fetch(
        facts.hub_id, commit, library=facts.library, loader_class=facts.loader_class, files=files,
        cache=folder, told=told,
    )  # fmt: skip
    if facts.revision is None:
        with library.writing() as session:
            pin(session, facts.hub_id, commit, files)
    return got


def verdict_of(facts: CheckpointFacts, *, device: str = "cpu", cache: Path | None = None) -> Verdict:
    """The gate's verdict on a checkpoint for this machine and the token of its user."""
    return verdicts_of([facts], device=device, cache=cache)[0]


def verdicts_of(
    several: Sequence[CheckpointFacts], *, device: str = "cpu", cache: Path | None = None
) -> list[Verdict]:
    """The gate's verdict on each of several checkpoints; the machine is looked at once."""
    folder = cache or hub_cache()
    machine, has_token = this_machine(folder), hub_token() is not None
    return [
        judge(each, machine, device=device, has_token=has_token, is_cached=_is_cached(each, folder))
        for each in several
    ]


def fetch(
    hub_id: str,
    revision: str,
    *,
    library: str,
    loader_class: str,
    files: Sequence[RepoFile],
    cache: Path | None = None,
    told: Told | None = None,
) -> CheckpointFiles:
    """The files that loading needs, of one commit (40 hexadecimal digits), each compared with its hash.

    `files` are all files of the commit, as the hub told them. Offline, only what is in the cache counts.
    Asks no gate: see `obtain`. Raises NotHere or DownloadBroken; a file with a wrong hash is deleted.
    """
    if not COMMIT.fullmatch(revision):
        raise DownloadBroken(f"revision {revision!r} of {hub_id} is no commit: 40 hexadecimal digits are")
    folder = cache or hub_cache()
    chosen = choose_files(files, library).files
    snapshot = _snapshot_folder(hub_id, revision, folder)
    if not all((snapshot / each.path).exists() for each in chosen):
        if offline():
            raise NotHere(
                f"{hub_id} at commit {revision[:12]} is not in {folder}, and requests are switched off: "
                "unset VFM_ATLAS_OFFLINE"
            )
        _download(hub_id, revision, [each.path for each in chosen], folder, told)
    hashes = {each.path: _checked(hub_id, each, snapshot / each.path, folder) for each in chosen}
    weights = {each: hashes[each] for each in hashes if each.endswith(".safetensors")}
    return CheckpointFiles(hub_id, snapshot, library, loader_class, revision, _one_hash(weights))


def _up_to_date(facts: CheckpointFacts, folder: Path) -> CheckpointFacts:
    """With what the hub says now; without it, a pinned checkpoint that is all here does as well."""
    is_here = facts.revision is not None and _is_cached(facts, folder)
    if offline():
        if not is_here:
            raise NotHere(
                f"{facts.hub_id} was never fetched, and requests are switched off: unset VFM_ATLAS_OFFLINE"
            )
        return facts
    try:
        return ask_hub(facts)
    except NotHere:
        if is_here:
            return facts
        raise


def _is_cached(facts: CheckpointFacts, folder: Path) -> bool:
    choice, commit = facts.choice, facts.commit
    if choice is None or commit is None or not COMMIT.fullmatch(commit):
        return False
    snapshot = _snapshot_folder(facts.hub_id, commit, folder)
    return bool(choice.weights) and all((snapshot / each.path).exists() for each in choice.files)


def _snapshot_folder(hub_id: str, revision: str, cache: Path) -> Path:
    return cache / "--".join(["models", *hub_id.split("/")]) / "snapshots" / revision


def _download(hub_id: str, revision: str, paths: list[str], cache: Path, told: Told | None) -> None:
    """Let the hub's own client fetch these files of the commit, and say in one line what went wrong."""
    import httpx2
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    where = f"{hub_id} at commit {revision[:12]}"
    try:
        with reserved_client():
            snapshot_download(
                hub_id,
                revision=revision,
                allow_patterns=[_SPECIAL.sub(lambda found: f"[{found.group()}]", path) for path in paths],
                cache_dir=cache,
                endpoint=hub_address(),
                token=hub_token() or False,
                tqdm_class=_counting(told),
            )
    except GatedRepoError:
        raise DownloadBroken(
            f"the hub does not let you have {where}: accept its terms at {shown_address()}/{hub_id}, "
            "and set HF_TOKEN to a token of that account"
        ) from None
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise DownloadBroken(
            f"the hub does not have {where}: 'vfm-atlas check-links' asks what became of it"
        ) from None
    except HfHubHTTPError as refusal:
        raise DownloadBroken(
            f"the hub answers {refusal.response.status_code} for {where}: try again later"
        ) from None
    except (httpx2.HTTPError, OSError) as error:
        reason = " ".join(str(error).replace(hub_address(), shown_address()).split())[:200]
        reason = reason or type(error).__name__
        raise DownloadBroken(
            f"the download of {where} broke off ({reason}): the same command goes on with what is missing"
        ) from None


def _counting(told: Told | None) -> type[Any]:
    """The client's progress bar, which shows nothing and passes on how many bytes were written."""
    from huggingface_hub.utils.tqdm import tqdm as hub_bar

    class Counting(hub_bar):
        def __init__(self, *args: Any, **options: Any) -> None:
            self._counts = options.get("name") == "huggingface_hub.snapshot_download"
            super().__init__(*args, **{**options, "disable": True})  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> None:
            if told is not None and self._counts and n:
                told(int(n))

    return Counting


def _checked(hub_id: str, file: RepoFile, path: Path, cache: Path) -> str:
    """The SHA-256 of a file that is what the hub said; one that is not is deleted. Raises DownloadBroken."""
    try:
        sha256, git_sha1 = _hashes(path)
    except OSError as error:
        raise DownloadBroken(
            f"{hub_id}: {file.path} did not come ({error.strerror or error}): try the same command again"
        ) from None
    expected, found = (file.sha256, sha256) if file.sha256 else (file.git_sha1, git_sha1)
    if expected is not None and expected != found:
        _delete(path, cache)
        kind = "SHA-256" if file.sha256 else "git hash"
        raise DownloadBroken(
            f"{hub_id}: {file.path} has the {kind} {found}, the hub said {expected}: it was deleted; "
            "try again, and if it happens twice do not trust this repository"
        )
    if file.sha256 is None and file.git_sha1 is None and path.suffix == ".safetensors":
        raise DownloadBroken(
            f"{hub_id}: the hub gave no hash of {file.path} ({size(file.bytes)}), so it is not used"
        )
    return sha256


def _hashes(path: Path) -> tuple[str, str]:
    """SHA-256 of a file, and the hash that git gives it."""
    sha256 = hashlib.sha256()
    git = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_AT_ONCE):
            sha256.update(block)
            git.update(block)
    return sha256.hexdigest(), git.hexdigest()


def _delete(path: Path, cache: Path) -> None:
    """Take a file out of the cache: the name in the snapshot, and the content that it points to."""
    content = path.resolve()
    path.unlink(missing_ok=True)
    if content != path and content.is_relative_to(cache.resolve()):
        content.unlink(missing_ok=True)


def _one_hash(weights: dict[str, str]) -> str:
    """As evaluation.loading.weights_sha256, from hashes that were computed already."""
    if len(weights) == 1:
        return next(iter(weights.values()))
    lines = [f"{weights[path]}  {path}\n" for path in sorted(weights, key=Path)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _bundled(facts: CheckpointFacts) -> CheckpointFiles:
    from evaluation import zoo

    found = zoo.find(facts.hub_id)
    if found is None:
        raise NotHere(
            f"{facts.hub_id} does not ship with this release: 'vfm-atlas zoo list' names those that do"
        )
    return replace(found, library=facts.library, loader_class=facts.loader_class)

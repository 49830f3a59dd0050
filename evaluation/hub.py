"""What the model hub says of a checkpoint right now: its commit, its files with their hashes, its terms."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from evaluation.errors import DownloadBroken, NotHere
from graph.checkpoints import COMMIT, CheckpointFacts, RepoFile

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo

_HUB = "https://huggingface.co"
_PATIENCE = 30.0


def hub_address() -> str:
    """The hub that the environment names (HF_ENDPOINT), without a slash at the end."""
    return (os.environ.get("HF_ENDPOINT", "").strip() or _HUB).rstrip("/")


def shown_address() -> str:
    """The same without a name and password, for people."""
    parts = urlsplit(hub_address())
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def hub_token() -> str | None:
    """The token for the hub (HF_TOKEN); one that a login has left elsewhere is not used."""
    return os.environ.get("HF_TOKEN", "").strip() or None


def hub_cache() -> Path:
    """The folder of downloads that all programs share which use the hub's client."""
    chosen = os.environ.get("HF_HUB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(home).expanduser() / "hub"


@contextmanager
def reserved_client() -> Iterator[None]:
    """While it lasts, the hub's client tells the hub no more of this program than it must, and is quiet."""
    from logging import ERROR

    from huggingface_hub import constants
    from huggingface_hub.utils import logging

    before, verbosity = constants.HF_HUB_DISABLE_TELEMETRY, logging.get_verbosity()
    # Otherwise it asks the hub for a list of agents, to say which one it runs under.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    logging.set_verbosity(ERROR)
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_TELEMETRY = before
        logging.set_verbosity(verbosity)


def ask_hub(facts: CheckpointFacts) -> CheckpointFacts:
    """The same checkpoint with what the hub says of it now, at its pinned commit or else at the newest.

    Raises NotHere where the hub cannot be asked, and DownloadBroken where it answers what cannot be: a
    pinned commit that is no longer there, or other files under it than before.
    """
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        DisabledRepoError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    api = HfApi(endpoint=hub_address(), token=hub_token() or False)
    try:
        with reserved_client():
            told = _told(facts, _info(api, facts))
    except GatedRepoError:
        return replace(facts, state="gated", gated=True)
    except (RepositoryNotFoundError, DisabledRepoError):
        return replace(facts, state="gone")
    except RevisionNotFoundError:
        raise DownloadBroken(
            f"the hub no longer has commit {facts.revision} of {facts.hub_id}: link what took its place"
        ) from None
    except HfHubHTTPError as refusal:
        if refusal.response.status_code == 401:  # missing and private are not told apart without a token
            return replace(facts, state="gone")
        raise NotHere(_unanswered(facts, f"it answers {refusal.response.status_code}")) from None
    except HFValidationError:
        raise DownloadBroken(f"{facts.hub_id[:200]!r} is no id on the hub: owner/name is") from None
    except (httpx2.HTTPError, OSError) as error:
        raise NotHere(_unanswered(facts, type(error).__name__)) from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NotHere(_unanswered(facts, "its answer cannot be read")) from None
    _same_as_before(facts, told)
    return told


def _info(api: "HfApi", facts: CheckpointFacts) -> "ModelInfo":
    return api.model_info(facts.hub_id, revision=facts.revision, files_metadata=True, timeout=_PATIENCE)


def _told(facts: CheckpointFacts, info: "ModelInfo") -> CheckpointFacts:
    commit = info.sha or ""
    if not COMMIT.fullmatch(commit) or facts.revision not in (None, commit):
        raise DownloadBroken(f"the hub names commit {commit[:60]!r} when asked for {facts.hub_id}")
    tags = [tag for tag in info.tags or () if isinstance(tag, str)]
    licence = next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), None)
    numbers = info.safetensors.total if info.safetensors else None
    moved = info.id != facts.hub_id
    return replace(
        facts,
        state="moved" if moved else "gated" if info.gated else "live",
        moved_to=info.id if moved else None,
        gated=bool(info.gated),
        licence=facts.licence or licence,
        remote_code="custom_code" in tags,
        params_millions=facts.params_millions or (numbers / 1e6 if numbers else None),
        head_revision=facts.head_revision if facts.revision else commit,
        files=tuple(
            RepoFile(
                each.rfilename,
                each.lfs.size if each.lfs else each.size,
                each.lfs.sha256 if each.lfs else None,
                None if each.lfs else each.blob_id,
            )
            for each in info.siblings or ()
        ),
    )


def _same_as_before(facts: CheckpointFacts, told: CheckpointFacts) -> None:
    """A commit never changes: other hashes under a pinned one mean that somebody lies."""
    if facts.revision is None:
        return
    now = {each.path: each for each in told.files or ()}
    for each in facts.files or ():
        other = now.get(each.path)
        if each.sha256 and (other is None or (other.sha256 and other.sha256 != each.sha256)):
            said = "no such file" if other is None else f"SHA-256 {other.sha256}"
            raise DownloadBroken(
                f"{facts.hub_id} at commit {facts.revision[:12]}: the hub now tells {said} of {each.path}, "
                f"before it was {each.sha256}; nothing is fetched"
            )


def _unanswered(facts: CheckpointFacts, why: str) -> str:
    return f"cannot ask {shown_address()} about {facts.hub_id} ({why}): try again later"

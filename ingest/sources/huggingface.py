"""The Hugging Face hub: models whose cards name a paper, and what became of a model, through its client."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ExpandModelProperty_T, ModelInfo

from graph.checkpoints import RepoFile, is_plain_path
from graph.names import arxiv_id_of
from ingest.errors import ServiceDown, ServiceRefused, UnknownWork
from ingest.record import count_of, text_of
from ingest.sources.answers import HubModel, HubState
from ingest.sources.asking import Tap, dictionary, items, shaped
from ingest.transport.adapters import hub_api
from ingest.transport.message import Answer, Request
from ingest.transport.transport import Transport

_MOST_TAGS = 2_000
_MOST_BASES = 50
_HUB_ID = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{40}")
_STAMP = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,6})?Z")
_BASE_MODEL = re.compile(r"base_model:(?:[a-z_]+:)?(?=[^:]+$)")
_LIST_FIELDS: list[ExpandModelProperty_T] = [
    "sha", "lastModified", "downloads", "likes", "gated", "library_name", "pipeline_tag", "tags",
    "safetensors",
]  # fmt: skip
_MOST_FILES = 5_000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CLASS = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)
_OWN_WAYS = {"timm": "timm.create_model", "open_clip": "open_clip.create_model_and_transforms"}


class HubSource:
    """The hub's models and their tags."""

    origin = "huggingface"
    label = "Hugging Face"

    def __init__(self, transport: Transport) -> None:
        self._tap = Tap(transport, _sound)

    @property
    def answered_at(self) -> datetime:
        """When the hub gave its latest answer, which may have come from the store."""
        return self._tap.answer.retrieved_at

    def models_of(self, arxiv_id: str, limit: int = 50) -> tuple[HubModel, ...]:
        """The most downloaded models whose cards name a paper (arXiv id without version), in one request.

        A tag says no more than that the card mentions the paper: most are fine-tunes. Raises ServiceError.
        """
        try:
            with hub_api(self._tap) as api:
                found = list(
                    api.list_models(
                        filter=f"arxiv:{arxiv_id}", sort="downloads", limit=limit, expand=_LIST_FIELDS
                    )
                )
        except HfHubHTTPError as refusal:
            raise self._refused(refusal, f"to list the models of arXiv:{arxiv_id}") from None
        models = [_model(info) for info in found]
        # A mirror that does not know the filter answers with its most downloaded models.
        return tuple(model for model in models if arxiv_id.lower() in model.arxiv_ids)

    def named(self, words: str, limit: int = 20) -> tuple[HubModel, ...]:
        """The most downloaded models with these words in their id, in one request. Raises ServiceError."""
        try:
            with hub_api(self._tap) as api:
                found = list(
                    api.list_models(search=words, sort="downloads", limit=limit, expand=_LIST_FIELDS)
                )
        except HfHubHTTPError as refusal:
            raise self._refused(refusal, f"for models called {words}") from None
        return tuple(_model(info) for info in found)

    def state_of(self, hub_id: str, revision: str | None = None) -> HubState:
        """Whether a model is where it was, and its files at a commit, the newest by default; one request.

        Raises UnknownWork where the text is no id of a model or it has no such commit, ServiceError.
        """
        try:
            with hub_api(self._tap) as api:
                info = api.model_info(hub_id, revision=revision, files_metadata=True)
        except RevisionNotFoundError:
            raise UnknownWork(f"{hub_id} has no commit {revision} on {self.label}") from None
        except HFValidationError:
            raise UnknownWork(
                f"{hub_id[:200]!r} is no id on {self.label}: allowed are owner/name and name"
            ) from None
        except GatedRepoError:
            return self._state(hub_id, "gated", gated=True)
        except (RepositoryNotFoundError, DisabledRepoError):
            return self._state(hub_id, "gone")
        except HfHubHTTPError as refusal:
            # To whoever shows no token, the hub does not tell missing models from private ones.
            if refusal.response.status_code == 401:
                return self._state(hub_id, "gone")
            raise self._refused(refusal, f"about {hub_id}") from None
        if not info.id:
            raise ServiceDown(self.label, f"answers about {hub_id} without naming a model")
        facts = _model(info)
        state = HubState(
            hub_id, "live", None, facts.sha, facts.gated, facts.licence, self._tap.answer.retrieved_at,
            _files(info), "custom_code" in (info.tags or ()), facts.base_models, facts.parameters,
            facts.library, facts.task, _loader_class(info),
        )  # fmt: skip
        if info.id != hub_id:
            return replace(state, state="moved", now_at=info.id)
        return replace(state, state="gated") if facts.gated else state

    def _state(self, hub_id: str, state: Any, gated: bool | None = None) -> HubState:
        return HubState(hub_id, state, None, None, gated, None, self._tap.answer.retrieved_at)

    def _refused(self, refusal: HfHubHTTPError, what: str) -> ServiceRefused:
        return ServiceRefused(self.label, f"answers {refusal.response.status_code} when asked {what}")


def _model(info: ModelInfo) -> HubModel:
    tags = info.tags or []
    bases = [_BASE_MODEL.sub("", tag) for tag in tags if tag.startswith("base_model:")]
    papers = [arxiv_id_of(tag.removeprefix("arxiv:")) for tag in tags if tag.startswith("arxiv:")]
    licences = [text for tag in tags if tag.startswith("license:") and (text := text_of(tag[8:], "name"))]
    modified = info.last_modified
    return HubModel(
        hub_id=info.id,
        author=info.id.partition("/")[0] if "/" in info.id else "",
        sha=info.sha,
        last_modified=modified.replace(tzinfo=None) if modified else None,
        downloads=info.downloads,
        likes=info.likes,
        gated=None if info.gated is None else bool(info.gated),
        library=info.library_name,
        task=info.pipeline_tag,
        licence=licences[0] if licences else None,
        base_models=tuple(dict.fromkeys(each for each in bases if _HUB_ID.fullmatch(each)))[:_MOST_BASES],
        arxiv_ids=tuple(dict.fromkeys(each for each in papers if each)),
        parameters=info.safetensors.total if info.safetensors else None,
    )


def _files(info: ModelInfo) -> tuple[RepoFile, ...] | None:
    """The files of the answer; None where it lists none."""
    if not info.siblings:
        return None
    return tuple(
        RepoFile(
            each.rfilename,
            each.lfs.size if each.lfs else each.size,
            each.lfs.sha256 if each.lfs else None,
            None if each.lfs else each.blob_id,
        )
        for each in info.siblings
    )


def _loader_class(info: ModelInfo) -> str | None:
    """The class that loads a model, by the settings that the hub has read."""
    config = info.config or {}
    return _OWN_WAYS.get(info.library_name or "") or config.get("loader_class")


def _sound(request: Request, answer: Answer) -> Answer:
    """An answer that the client reads without stumbling, and one page only: it follows links to the next."""
    headers = {name: text for name, text in answer.headers.items() if name.lower() != "link"}
    is_list = urlsplit(request.url).path.endswith("/api/models")
    return shaped(replace(answer, headers=headers), _list_shape if is_list else _model_shape)


def _list_shape(value: object) -> list[dict[str, Any]]:
    return [model for each in items(value) if (model := _model_shape(each))["id"]]


def _model_shape(value: object) -> dict[str, Any]:
    """The fields of a model that are read, each of the type that it should have."""
    known = dictionary(value)
    hub_id, sha, gated = known.get("id"), known.get("sha"), known.get("gated")
    total = count_of_parameters(dictionary(known.get("safetensors")).get("total"))
    tags = [text for tag in items(known.get("tags"))[:_MOST_TAGS] if (text := text_of(tag, "name"))]
    return {
        "id": hub_id if isinstance(hub_id, str) and _HUB_ID.fullmatch(hub_id) else "",
        "sha": sha if isinstance(sha, str) and _SHA.fullmatch(sha) else None,
        "lastModified": _stamp(known.get("lastModified")),
        "downloads": count_of(known.get("downloads")),
        "likes": count_of(known.get("likes")),
        "gated": gated if gated in (False, True, "auto", "manual") else None,
        "library_name": text_of(known.get("library_name"), "name"),
        "pipeline_tag": text_of(known.get("pipeline_tag"), "name"),
        "tags": tags,
        "safetensors": {"parameters": {}, "total": total} if total else None,
        "config": {"loader_class": _class_in(dictionary(known.get("config")))},
        "siblings": [
            file for each in items(known.get("siblings"))[:_MOST_FILES] if (file := _file_shape(each))
        ],
    }


def _file_shape(value: object) -> dict[str, Any] | None:
    known = dictionary(value)
    lfs, path = dictionary(known.get("lfs")), known.get("rfilename")
    if not isinstance(path, str) or not is_plain_path(path):
        return None
    sha256, blob = lfs.get("sha256"), known.get("blobId")
    has_hash = isinstance(sha256, str) and _SHA256.fullmatch(sha256)
    size = count_of_parameters(lfs.get("size") if has_hash else known.get("size"))
    kept = {"sha256": sha256, "size": size, "pointerSize": 0} if has_hash else None
    is_blob = isinstance(blob, str) and _SHA.fullmatch(blob)
    return {"rfilename": path, "size": size, "blobId": blob if is_blob else None, "lfs": kept}


def _class_in(config: dict[str, Any]) -> str | None:
    """The class that a configuration names: of a pipeline of diffusers, or of a model of transformers."""
    named = [dictionary(config.get("diffusers")).get("_class_name"), *items(config.get("architectures"))]
    return next((each for each in named if isinstance(each, str) and _CLASS.fullmatch(each)), None)


def count_of_parameters(value: object) -> int | None:
    """How many numbers a model holds, if that can be."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**15 else None


def _stamp(value: object) -> str | None:
    """A moment as the client parses it."""
    found = _STAMP.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        datetime.fromisoformat(found.group(1))
    except ValueError:
        return None
    return found.group(1) + ".000Z"

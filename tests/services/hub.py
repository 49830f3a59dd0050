"""The Hugging Face Hub: models that a paper's tag finds, one model, and its files."""

from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import urlencode

from services import hubfiles
from services.faults import Faults
from services.server import Asked, Reply, Service
from services.words import digest
from services.works import Model
from services.world import World

_PREFIX = "/api/models"
_LARGEST_PAGE = 1_000
_SORTS = ("downloads", "likes", "lastModified", "createdAt", "trendingScore")
_BRIEF = "modelId likes downloads tags private pipeline_tag library_name createdAt".split()
_FULL = [*_BRIEF, "author", "sha", "lastModified", "gated", "disabled", "siblings", "config"]
_EXPANDABLE = (
    "author baseModels cardData childrenModelCount config createdAt disabled downloads downloadsAllTime "
    "evalResults gated gguf inference inferenceProviderMapping lastModified library_name likes mask_token "
    "model-index pipeline_tag private resourceGroup safetensors sha siblings spaces tags transformersInfo "
    "trendingScore usedStorage widgetData"
).split()


class Hub(Service):
    """`/api/models`, `/api/models/{owner}/{name}` and its `/tree/`, and files under `/resolve/`.

    A deleted model is answered 404; with `hides_missing`, as the real hub answers whoever shows no token,
    401 without a code. A `token` makes every other one invalid, and is needed for files of gated models;
    with `terms_accepted` off it is refused there.
    """

    name = "huggingface"

    def __init__(
        self,
        world: World,
        faults: Faults | None = None,
        *,
        allowance: tuple[int, float] | None = None,
        hides_missing: bool = False,
        token: str | None = None,
    ) -> None:
        super().__init__(world, faults, allowance=allowance)
        self.hides_missing = hides_missing
        self.token = token
        self.terms_accepted = True

    def answer(self, asked: Asked) -> Reply:
        """JSON; failures are told in the header X-Error-Code as well."""
        given = asked.headers.get("authorization")
        if given and self.token and given != f"Bearer {self.token}":
            return _refusal(401, "", "Invalid credentials in Authorization header")
        # A list of files has a switch of that name.
        is_switch = "/tree/" in asked.path
        if (
            unknown := []
            if is_switch
            else [name for name in asked.query.get("expand", ()) if name not in _EXPANDABLE]
        ):
            return _refusal(400, "", f"Invalid option: {unknown[0]!r} cannot be expanded")
        if asked.path == _PREFIX:
            return self._list(asked)
        parts = asked.path.removeprefix(_PREFIX + "/").split("/")
        if not asked.path.startswith("/api/"):
            return self._file(asked, asked.path.strip("/").split("/"))
        if not asked.path.startswith(_PREFIX + "/") or len(parts) not in (2, 4):
            return _refusal(404, "", "Sorry, we can't find the page you are looking for.")
        answer = self._tree if parts[2:3] == ["tree"] else self._one
        return answer(asked, "/".join(parts[:2]), parts[2:])

    def too_many(self) -> Reply:
        """With the headers that say when to come back."""
        reply = _refusal(429, "", "We had to rate limit your IP")
        return Reply(reply.body, 429, headers={"ratelimit": '"api";r=0;t=55', "ratelimit-policy": _POLICY})

    def _list(self, asked: Asked) -> Reply:
        wanted = {tag for value in asked.query.get("filter", ()) for tag in value.split(",") if tag}
        found = [model for model in list(self.world.models.values()) if wanted <= set(model.tags)]
        if author := asked.one("author"):
            found = [model for model in found if model.hub_id.startswith(author + "/")]
        if words := asked.one("search").casefold():
            found = [model for model in found if words in model.hub_id.casefold()]
        sort = asked.one("sort", "trendingScore")
        if sort not in _SORTS:
            return _refusal(400, "", f"Invalid sort: {sort!r}")
        found.sort(key=lambda model: (_facts(model)[sort], model.hub_id), reverse=True)
        limit = asked.one("limit", str(_LARGEST_PAGE))
        if not limit.isdigit() or int(limit) < 1:
            return _refusal(400, "", f"Invalid limit: {limit!r}")
        start, size = int(asked.one("cursor", "0")), min(int(limit), _LARGEST_PAGE)
        names = asked.query.get("expand") or (_FULL if _is_true(asked.one("full")) else _BRIEF)
        rows = [_row(model, names) for model in found[start : start + size]]
        headers = dict(_CALM)
        if start + size < len(found):
            query = {**asked.query, "cursor": [str(start + size)]}
            headers["Link"] = f'<{self.url}{_PREFIX}?{urlencode(query, doseq=True)}>; rel="next"'
        return Reply(Reply.json(rows).body, headers=headers)

    def _one(self, asked: Asked, hub_id: str, rest: list[str]) -> Reply:
        model = self.world.models.get(hub_id)
        if model is None:
            return self._elsewhere(asked, hub_id)
        if rest and rest[0] != "revision":
            return _refusal(404, "EntryNotFound", "Entry not found")
        if rest and rest[1] not in ("main", model.sha, *model.former):
            return _refusal(404, "RevisionNotFound", f"Invalid rev id: {rest[1]}")
        names = asked.query.get("expand") or [*_FULL, "cardData", "safetensors", "usedStorage"]
        row = _row(model, names)
        revision = rest[1] if rest and rest[1] in model.former else None
        if revision and "sha" in row:
            row["sha"] = revision
        if "siblings" in row and _is_true(asked.one("blobs")):
            row["siblings"] = hubfiles.siblings(model, revision)
        return Reply(Reply.json(row).body, headers=_CALM)

    def _tree(self, asked: Asked, hub_id: str, rest: list[str]) -> Reply:
        model, revision = self.world.models.get(hub_id), rest[1]
        if model is None:
            return self._elsewhere(asked, hub_id)
        if revision not in ("main", model.sha, *model.former):
            return _refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return Reply(Reply.json(hubfiles.tree(model, revision)).body, headers=_CALM)

    def _file(self, asked: Asked, parts: list[str]) -> Reply:
        if parts[0] == "store" and len(parts) > 4:
            return hubfiles.stored(
                self.world.models["/".join(parts[1:3])], parts[3], "/".join(parts[4:]), asked
            )
        if len(parts) < 5 or parts[2] != "resolve":
            return _refusal(404, "", "Sorry, we can't find the page you are looking for.")
        hub_id, revision = "/".join(parts[:2]), parts[3]
        model = self.world.models.get(hub_id)
        if model is None:
            return self._elsewhere(asked, hub_id)
        has_token = "authorization" in asked.headers
        if model.gated and not (has_token and self.terms_accepted):
            words = f"Access to model {hub_id} is restricted."
            return _refusal(403 if has_token else 401, "GatedRepo", words)
        if revision == "main":
            revision = model.sha
        if revision not in (model.sha, *model.former):
            return _refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return hubfiles.resolved(model, revision, "/".join(parts[4:]), self.url, asked)

    def _elsewhere(self, asked: Asked, hub_id: str) -> Reply:
        if new := self.world.moved.get(hub_id):
            place = asked.target.replace(hub_id, new, 1)
            words = f"Temporary Redirect. Redirecting to {place}".encode()
            return Reply(words, 307, "text/plain; charset=utf-8", {"Location": place, **_CALM})
        if self.hides_missing and "authorization" not in asked.headers:
            return _refusal(401, "", "Invalid username or password.")
        return _refusal(404, "RepoNotFound", "Repository not found")


_POLICY = '"fixed window";"api";q=500;w=300'
_CALM = {"ratelimit": '"api";r=499;t=300', "ratelimit-policy": _POLICY}


def _is_true(text: str) -> bool:
    return text.lower() in ("true", "1")


def _refusal(status: int, code: str, message: str) -> Reply:
    headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})}
    return Reply(Reply.json({"error": message}).body, status, headers=headers)


def _row(model: Model, names: list[str]) -> dict[str, Any]:
    facts = _facts(model)
    row = {"_id": digest("id of " + model.hub_id)[:24], "id": model.hub_id}
    # What a model has none of is left out, as a library or a task.
    return row | {name: facts[name] for name in dict.fromkeys(names) if facts.get(name) is not None}


def _facts(model: Model) -> dict[str, Any]:
    when = datetime.combine(model.modified, time(12, 34, 56), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    card: dict[str, Any] = {"tags": ["vision"]}
    card |= {"license": model.licence} if model.licence else {}
    card |= {"base_model": list(model.base_models)} if model.base_models else {}
    weights = model.parameters and {"parameters": {"F32": model.parameters}, "total": model.parameters}
    return {
        "modelId": model.hub_id,
        "author": model.hub_id.partition("/")[0],
        "sha": model.sha,
        "lastModified": when,
        "createdAt": "2022-03-02T23:29:04.000Z",
        "private": False,
        "disabled": False,
        "gated": model.gated,
        "downloads": model.downloads,
        "downloadsAllTime": model.downloads * 20,
        "likes": model.likes,
        "trendingScore": model.likes // 100,
        "tags": model.tags,
        "library_name": model.library,
        "pipeline_tag": model.task,
        "cardData": card,
        "safetensors": weights or None,
        "siblings": [{"rfilename": name} for name, _size, _sha256 in model.files],
        "config": model.config,
        "usedStorage": sum(size for _name, size, _sha256 in model.files),
        "spaces": [],
        "baseModels": {"relation": "finetune", "models": [{"id": each} for each in model.base_models]}
        if model.base_models
        else None,
    }

"""The files of the hub's models: their list, and their content with hashes, ranges and redirects."""

import hashlib
import re
from typing import Any

from services.server import Asked, Reply
from services.words import digest
from services.works import Model

_TEXT = "text/plain; charset=utf-8"
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


def git_sha1(content: bytes) -> str:
    """The hash that git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def siblings(model: Model, revision: str | None = None) -> list[dict[str, Any]]:
    """The files of a model as its page lists them, with sizes and hashes."""
    return [_sibling(model, *file, revision) for file in model.files_at(revision)]


def tree(model: Model, revision: str) -> list[dict[str, Any]]:
    """The files and folders of a commit."""
    folders = sorted(
        {name.rpartition("/")[0] for name, _size, _sha in model.files_at(revision) if "/" in name}
    )
    rows: list[dict[str, Any]] = [
        {"type": "directory", "oid": digest(f"folder {each}"), "size": 0, "path": each} for each in folders
    ]
    for each in siblings(model, revision):
        row = {"type": "file", "oid": each["blobId"], "size": each["size"], "path": each["rfilename"]}
        if lfs := each.get("lfs"):
            row["lfs"] = {"oid": lfs["sha256"], "size": lfs["size"], "pointerSize": lfs["pointerSize"]}
        rows.append(row)
    return rows


def resolved(model: Model, revision: str, name: str, url: str, asked: Asked) -> Reply:
    """A file under `/resolve/`: small ones at once, large ones from the store that it redirects to."""
    contents = model.contents_at(revision)
    commit = {"X-Repo-Commit": revision}
    if name not in contents:
        return Reply(b"Entry not found", 404, _TEXT, {"X-Error-Code": "EntryNotFound", **commit})
    sent = model.spoiled.get(name, contents[name])
    sha256 = model.sha256_of(name, contents[name])
    if sha256 is None:
        return _part(sent, asked, {"ETag": f'"{git_sha1(contents[name])}"', **commit})
    linked = {"X-Linked-ETag": f'"{sha256}"', "X-Linked-Size": str(len(contents[name]))}
    # The client asks further behind a redirect to the same host; the real store has another one.
    host = url.replace("127.0.0.1", "localhost")
    place = f"{host}/store/{model.hub_id}/{revision}/{name}?X-Signature=1"
    return Reply(b"Found", 302, _TEXT, {"Location": place, **linked, **commit})


def stored(model: Model, revision: str, name: str, asked: Asked) -> Reply:
    """A large file from the store."""
    content = model.contents_at(revision)[name]
    return _part(model.spoiled.get(name, content), asked, {"ETag": f'"{digest(name)}"'})


def _part(content: bytes, asked: Asked, headers: dict[str, str]) -> Reply:
    given = {"Accept-Ranges": "bytes", **headers}
    wanted = _RANGE.fullmatch(asked.headers.get("range", ""))
    if wanted is None:
        return Reply(content, 200, "application/octet-stream", given, compressible=False)
    start = int(wanted.group(1))
    if start >= len(content):
        given["Content-Range"] = f"bytes */{len(content)}"
        return Reply(b"", 416, _TEXT, given)
    end = min(int(wanted.group(2) or len(content) - 1), len(content) - 1)
    given["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
    return Reply(content[start : end + 1], 206, "application/octet-stream", given, compressible=False)


def _sibling(model: Model, name: str, size: int, sha256: str | None, revision: str | None) -> dict[str, Any]:
    content = model.contents_at(revision).get(name)
    blob = digest(f"{name} {size}") if content is None or sha256 else git_sha1(content)
    row: dict[str, Any] = {"rfilename": name, "size": size, "blobId": blob}
    if sha256:
        row["lfs"] = {"sha256": sha256, "size": size, "pointerSize": 135}
    return row

"""The Hub's protocol as `huggingface_hub` speaks it: repositories, commits, files, large files."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from .answers import (
    Refusal,
    at_revision,
    check_gate,
    may_write,
    readable,
    user_of,
    writable,
)
from .card_check import check_card
from .store import Blob, Commit, Repository, Store, User, is_large

KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}
NAME = re.compile(r"(?!.*(--|\.\.))[A-Za-z0-9_][\w.-]{0,94}[A-Za-z0-9_]|[A-Za-z0-9_]")


def make_app(store: Store) -> Starlette:
    """The application over one store."""
    hub = Hub(store)
    api = "/api/{kinds}/{owner}/{name}"
    routes = [
        Route("/api/whoami-v2", hub.whoami),
        Route("/api/validate-yaml", hub.validate_yaml, methods=["POST"]),
        Route("/api/repos/create", hub.create, methods=["POST"]),
        Route("/api/repos/delete", hub.delete, methods=["DELETE"]),
        Route(api, hub.info),
        Route(api + "/revision/{revision}", hub.info),
        Route(api + "/refs", hub.refs),
        Route(api + "/branch/{revision}", hub.create_branch, methods=["POST"]),
        Route(api + "/tag/{revision}", hub.create_tag, methods=["POST"]),
        Route(api + "/commits/{revision}", hub.commits),
        Route(api + "/tree/{revision}", hub.tree),
        Route(api + "/tree/{revision}/{path:path}", hub.tree),
        Route(api + "/paths-info/{revision}", hub.paths_info, methods=["POST"]),
        Route(api + "/preupload/{revision}", hub.preupload, methods=["POST"]),
        Route(api + "/commit/{revision}", hub.commit, methods=["POST"]),
        Route("/large-files/{oid}", hub.put_large_file, methods=["PUT"]),
        Route("/large-files/{oid}", hub.get_large_file, methods=["GET"]),
        Route("/large-files/{oid}/verify", hub.verify, methods=["POST"]),
    ]
    for prefix, kinds in (("", "models"), ("/datasets", "datasets"), ("/spaces", "spaces")):
        # Which of the kinds it is, is in the prefix alone.
        places = {
            "/{owner}/{name}.git/info/lfs/objects/batch": (hub.lfs_batch, "POST"),
            "/{owner}/{name}/resolve/{revision}/{path:path}": (hub.resolve, "GET"),
        }
        for place, (handler, method) in places.items():
            routes.append(Route(prefix + place, _of_kind(handler, kinds), methods=[method]))

    async def refuse(_: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refusal)
        return refusal.answer

    return Starlette(routes=routes, exception_handlers={Refusal: refuse})


def _of_kind(handler: Any, kinds: str) -> Any:
    async def handle(request: Request) -> Response:
        request.path_params["kinds"] = kinds
        return await handler(request)

    return handle


class Hub:
    """The handlers. Path parameters come quoted, see `faults.Faults`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def _user(self, request: Request) -> User | None:
        return user_of(self.store, request.headers.get("authorization"))

    def _repository(self, request: Request, *, write: bool = False) -> Repository:
        part = request.path_params
        if part["kinds"] not in KINDS:
            raise Refusal(404, "Sorry, we can't find the page you are looking for.")
        allowed = writable if write else readable
        name = f"{unquote(part['owner'])}/{unquote(part['name'])}"
        return allowed(self.store, self._user(request), KINDS[part["kinds"]], name)

    def _commit(self, request: Request, repository: Repository) -> Commit:
        return at_revision(repository, unquote(request.path_params.get("revision", "main")))

    async def whoami(self, request: Request) -> Response:
        user = self._user(request)
        if user is None:
            raise Refusal(401, "Invalid username or password.")
        return JSONResponse(
            {
                "type": "user",
                "name": user.name,
                "orgs": [{"name": name, "roleInOrg": "write"} for name in user.organizations],
                "auth": {"accessToken": {"displayName": "test", "role": user.role}},
            }
        )

    async def validate_yaml(self, request: Request) -> Response:
        asked = await request.json()
        errors, warnings = check_card(asked["content"], asked["repoType"])
        answer = {
            "errors": [{"message": error} for error in errors],
            "warnings": [{"message": warning} for warning in warnings],
        }
        return JSONResponse(answer, 400 if errors else 200)

    async def create(self, request: Request) -> Response:
        asked = await request.json()
        user = self._user(request)
        if user is None:
            raise Refusal(401, "Invalid username or password.")
        owner = asked.get("organization") or user.name
        kind = asked.get("type") or "model"
        if not may_write(user, owner):
            raise Refusal(
                403,
                f'You don\'t have the rights to create a {kind} under the namespace "{owner}"',
            )
        if not NAME.fullmatch(asked["name"]):
            raise Refusal(400, f"Invalid repository name: {asked['name']}")
        name = f"{owner}/{asked['name']}"
        prefix = "" if kind == "model" else f"{kind}s/"
        url = f"{request.base_url}{prefix}{name}"
        if (kind, name) in self.store.repositories:
            raise Refusal(409, f"You already created this {kind} repo: {name}", url=url)
        private = asked.get("private") or asked.get("visibility") == "private"
        self.store.create(kind, name, private=bool(private), sdk=asked.get("sdk"))
        return JSONResponse({"url": url, "name": name, "id": name})

    async def delete(self, request: Request) -> Response:
        asked = await request.json()
        user, kind = self._user(request), asked.get("type") or "model"
        owner = asked.get("organization") or (user.name if user else "")
        name = f"{owner}/{asked['name']}"
        writable(self.store, user, kind, name)
        del self.store.repositories[kind, name]
        return Response()

    async def info(self, request: Request) -> Response:
        repository = self._repository(request)
        commit = self._commit(request, repository)
        files = [
            {"rfilename": path, "size": len(blob.data), "blobId": blob.git_oid}
            for path, blob in sorted(commit.files.items())
        ]
        about = {
            "id": repository.name,
            "author": repository.owner,
            "sha": commit.oid,
            "lastModified": commit.date,
            "createdAt": repository.history["main"][0].date,
            "private": repository.private,
            "gated": "manual" if repository.gated else False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "siblings": files,
        }
        return JSONResponse(about | ({"sdk": repository.sdk} if repository.sdk else {}))

    async def refs(self, request: Request) -> Response:
        repository = self._repository(request)

        def named(place: str, commits: dict[str, Commit]) -> list[dict[str, str]]:
            return [
                {"name": name, "ref": f"refs/{place}/{name}", "targetCommit": commit.oid}
                for name, commit in commits.items()
            ]

        heads = {branch: commits[-1] for branch, commits in repository.history.items()}
        return JSONResponse(
            {
                "branches": named("heads", heads),
                "tags": named("tags", repository.tags),
                "converts": [],
                "pullRequests": [],
            }
        )

    async def create_branch(self, request: Request) -> Response:
        repository = self._repository(request, write=True)
        branch = unquote(request.path_params["revision"])
        if branch in repository.history:
            raise Refusal(409, f"Reference already exists: refs/heads/{branch}")
        start = (await request.json()).get("startingPoint", "main")
        at_revision(repository, start)
        repository.history[branch] = list(repository.history.get(start, repository.history["main"]))
        return Response(status_code=201)

    async def create_tag(self, request: Request) -> Response:
        repository = self._repository(request, write=True)
        tag = (await request.json())["tag"]
        if tag in repository.tags:
            raise Refusal(409, f"Tag reference exists already: {tag}")
        repository.tags[tag] = self._commit(request, repository)
        return Response(status_code=201)

    async def commits(self, request: Request) -> Response:
        repository = self._repository(request)
        commit = self._commit(request, repository)
        branch = next(b for b in repository.history.values() if commit in b)
        until = branch[: branch.index(commit) + 1]
        return JSONResponse(
            [
                {"id": c.oid, "title": c.title, "message": "", "date": c.date, "authors": []}
                for c in reversed(until)
            ]
        )

    async def tree(self, request: Request) -> Response:
        repository = self._repository(request)
        commit = self._commit(request, repository)
        top = unquote(request.path_params.get("path", "")).strip("/")
        recursive = request.query_params.get("recursive", "").lower() in ("true", "1")
        inside = f"{top}/" if top else ""
        entries, folders = [], set()
        for path, blob in sorted(commit.files.items()):
            if not path.startswith(inside):
                continue
            parents = path[len(inside) :].split("/")[:-1]
            for depth in range(1, len(parents) + 1 if recursive else min(len(parents), 1) + 1):
                folders.add(inside + "/".join(parents[:depth]))
            if recursive or not parents:
                entries.append(_entry(path, blob, commit))
        if top and not entries and not folders:
            raise Refusal(404, f"{top} does not exist on {commit.oid[:7]}", "EntryNotFound")
        return JSONResponse([_folder(path) for path in sorted(folders)] + entries)

    async def paths_info(self, request: Request) -> Response:
        repository = self._repository(request)
        commit = self._commit(request, repository)
        body = await request.body()
        is_json = "json" in request.headers.get("content-type", "")
        asked = json.loads(body) if is_json else parse_qs(body.decode())
        found = []
        for path in asked.get("paths", []):
            if path in commit.files:
                found.append(_entry(path, commit.files[path], commit))
            elif any(name.startswith(f"{path}/") for name in commit.files):
                found.append(_folder(path))
        return JSONResponse(found)

    async def preupload(self, request: Request) -> Response:
        repository = self._repository(request, write=True)
        commit = self._commit(request, repository)
        files = []
        for file in (await request.json())["files"]:
            path, there = file["path"], commit.files.get(file["path"])
            sample = base64.b64decode(file.get("sample", ""))
            large = is_large(path, file["size"]) or b"\0" in sample
            answer = {"path": path, "uploadMode": "lfs" if large else "regular"}
            oid = {"oid": there.etag} if there is not None else {}
            files.append(answer | {"shouldIgnore": False} | oid)
        return JSONResponse({"files": files})

    async def lfs_batch(self, request: Request) -> Response:
        self._repository(request, write=True)
        objects = []
        for asked in (await request.json())["objects"]:
            answer = {"oid": asked["oid"], "size": asked["size"]}
            if asked["oid"] not in self.store.large_files:
                url = f"{request.base_url}large-files/{asked['oid']}"
                answer["actions"] = {"upload": {"href": url}, "verify": {"href": f"{url}/verify"}}
            objects.append(answer)
        return JSONResponse({"transfer": "basic", "objects": objects})

    async def put_large_file(self, request: Request) -> Response:
        data = await request.body()
        if hashlib.sha256(data).hexdigest() != request.path_params["oid"]:
            raise Refusal(400, "The content does not have the sha256 that was said")
        self.store.large_files[request.path_params["oid"]] = data
        return Response(headers={"ETag": f'"{hashlib.md5(data).hexdigest()}"'})

    async def verify(self, request: Request) -> Response:
        asked = await request.json()
        data = self.store.large_files.get(request.path_params["oid"])
        if data is None or len(data) != asked["size"]:
            raise Refusal(404, "The large file is not there")
        return Response()

    async def get_large_file(self, request: Request) -> Response:
        return _bytes(request, self.store.large_files[request.path_params["oid"]], {})

    async def commit(self, request: Request) -> Response:
        repository = self._repository(request, write=True)
        branch = unquote(request.path_params["revision"])
        if branch not in repository.history:
            raise Refusal(404, f"Invalid rev id: {branch}", "RevisionNotFound")
        last = repository.history[branch][-1]
        lines = [json.loads(line) for line in (await request.body()).splitlines() if line]
        header = lines[0]["value"]
        if header.get("parentCommit", last.oid) != last.oid:
            raise Refusal(412, "A commit has happened since. Please refresh and try again.")
        files = dict(last.files)
        for line in lines[1:]:
            self._apply(files, line["key"], line["value"])
        made = repository.commit(branch, header["summary"], files)
        url = f"{request.base_url}{repository.name}/commit/{made.oid}"
        return JSONResponse({"success": True, "commitOid": made.oid, "commitUrl": url})

    def _apply(self, files: dict[str, Blob], key: str, value: dict[str, Any]) -> None:
        path = value["path"]
        if path.startswith("/") or ".." in path.split("/"):
            raise Refusal(400, f"Invalid path: {path}")
        if key == "file":
            files[path] = Blob(base64.b64decode(value["content"]))
        elif key == "lfsFile":
            if value["oid"] not in self.store.large_files:
                raise Refusal(400, f"LFS pointer points to no object: {path} {value['oid']}")
            files[path] = Blob(self.store.large_files[value["oid"]], lfs=True)
        elif key == "deletedFile":
            if files.pop(path, None) is None:
                raise Refusal(400, f"A file with this name doesn't exist: {path}")
        elif key == "deletedFolder":
            for name in [name for name in files if name.startswith(path.rstrip("/") + "/")]:
                del files[name]
        else:
            raise Refusal(400, f"Unknown operation: {key}")

    async def resolve(self, request: Request) -> Response:
        repository = self._repository(request)
        check_gate(repository, self._user(request))
        commit = self._commit(request, repository)
        blob = commit.files.get(unquote(request.path_params["path"]))
        about = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
        if blob is None:
            refusal = Refusal(404, "Entry not found", "EntryNotFound")
            refusal.answer.headers["X-Repo-Commit"] = commit.oid
            raise refusal
        if not blob.lfs:
            return _bytes(request, blob.data, about | {"ETag": f'"{blob.etag}"'})
        linked = {"X-Linked-Etag": f'"{blob.etag}"', "X-Linked-Size": str(len(blob.data))}
        # Another host, as the Hub's storage is: the client neither sends it the token nor looks
        # there for the headers above.
        storage = request.base_url.replace(hostname="localhost")
        url = f"{storage}large-files/{blob.sha256}"
        return RedirectResponse(url, 302, about | linked)


def _entry(path: str, blob: Blob, commit: Commit) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "oid": blob.git_oid}
    entry |= {"size": len(blob.data)}
    entry["lastCommit"] = {"id": commit.oid, "title": commit.title, "date": commit.date}
    if blob.lfs:
        size, pointer = len(blob.data), len(blob.pointer)
        entry["lfs"] = {"oid": blob.sha256, "size": size, "pointerSize": pointer}
    return entry


def _folder(path: str) -> dict[str, Any]:
    oid = hashlib.sha1(path.encode()).hexdigest()
    return {"type": "directory", "path": path, "oid": oid, "size": 0}


def _bytes(request: Request, data: bytes, headers: dict[str, str]) -> Response:
    """All of `data`, or the part that the header `Range` asks for."""
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
    if asked is None or not any(asked.groups()):
        return Response(data, headers=headers, media_type="application/octet-stream")
    size = len(data)
    first, last = asked.groups()
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if start >= size:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    part = headers | {"Content-Range": f"bytes {start}-{stop - 1}/{size}"}
    return Response(data[start:stop], 206, part, media_type="application/octet-stream")

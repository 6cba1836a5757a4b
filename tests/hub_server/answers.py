"""The Hub's error answers: the status, and the headers by which the client knows them."""

from __future__ import annotations

from starlette.responses import JSONResponse

from .store import Commit, Repository, Store, User


class Refusal(Exception):
    """An answer that ends the request."""

    def __init__(self, status: int, message: str, code: str | None = None, **more: object) -> None:
        super().__init__(message)
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self.answer = JSONResponse({"error": message} | more, status, headers)


def user_of(store: Store, authorization: str | None) -> User | None:
    """Who sends the request; None without a token, a refusal for a token nobody has."""
    if authorization is None:
        return None
    user = store.users.get(authorization.removeprefix("Bearer "))
    if user is None:
        raise Refusal(401, "Invalid credentials in Authorization header")
    return user


def may_write(user: User, owner: str) -> bool:
    return user.role == "write" and owner in (user.name, *user.organizations)


def readable(store: Store, user: User | None, kind: str, name: str) -> Repository:
    """The repository, where this user may know that it exists."""
    repository = store.repositories.get((kind, name))
    mine = user is not None and (repository is None or may_read(user, repository.owner))
    if repository is None or (repository.private and not mine):
        if user is None:
            raise Refusal(401, "Invalid username or password.", "RepoNotFound")
        raise Refusal(404, "Repository not found", "RepoNotFound")
    return repository


def may_read(user: User, owner: str) -> bool:
    return owner in (user.name, *user.organizations)


def writable(store: Store, user: User | None, kind: str, name: str) -> Repository:
    """The repository, where this user may change it."""
    repository = readable(store, user, kind, name)
    if user is None:
        raise Refusal(401, "Invalid username or password.")
    if not may_write(user, repository.owner):
        raise Refusal(
            403,
            "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request"
            if user.role == "write"
            else "You don't have the required permissions: this token can only read",
        )
    return repository


def at_revision(repository: Repository, revision: str) -> Commit:
    commit = repository.find(revision)
    if commit is None:
        raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    return commit


def check_gate(repository: Repository, user: User | None) -> None:
    """A gated repository is known to all, its files are for its owner."""
    if repository.gated and (user is None or not may_read(user, repository.owner)):
        status = 401 if user is None else 403
        raise Refusal(status, f"Access to {repository.name} is restricted.", "GatedRepo")

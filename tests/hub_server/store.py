"""What a Hub remembers: users and their tokens, repositories, branches, commits, large files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatch

# What a new repository's .gitattributes says on the Hub, those lines that matter here.
LFS_PATTERNS = ("*.parquet", "*.safetensors", "*.bin", "*.gz", "*.npy", "*.pkl", "*.png", "*.zip")
LFS_FROM_BYTES = 10_000_000


@dataclass(frozen=True)
class Blob:
    """A file's bytes; `lfs` where they are stored as a large file."""

    data: bytes
    lfs: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def pointer(self) -> bytes:
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\n"
        return f"{text}size {len(self.data)}\n".encode()

    @property
    def git_oid(self) -> str:
        content = self.pointer if self.lfs else self.data
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.git_oid


@dataclass(frozen=True)
class Commit:
    oid: str
    title: str
    date: str
    files: dict[str, Blob]


@dataclass
class User:
    name: str
    role: str = "write"
    organizations: tuple[str, ...] = ()


@dataclass
class Repository:
    """`kind` is model, dataset or space; `history` has the commits of each branch, oldest first."""

    kind: str
    name: str
    private: bool = False
    gated: bool = False
    sdk: str | None = None
    history: dict[str, list[Commit]] = field(default_factory=dict)
    tags: dict[str, Commit] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        return self.name.split("/")[0]

    def find(self, revision: str) -> Commit | None:
        """The commit of a branch, a tag, or a commit's own (abbreviated) name."""
        if revision in self.history:
            return self.history[revision][-1]
        if revision in self.tags:
            return self.tags[revision]
        every = [commit for branch in self.history.values() for commit in branch]
        return next((c for c in every if len(revision) >= 7 and c.oid.startswith(revision)), None)

    def commit(self, branch: str, title: str, files: dict[str, Blob]) -> Commit:
        """Put `files`, all that the branch then holds, on top of it."""
        earlier = self.history.setdefault(branch, [])
        parts = [self.name, branch, title, str(len(earlier))]
        parts += [f"{path} {blob.git_oid}" for path, blob in sorted(files.items())]
        parts += [commit.oid for commit in earlier[-1:]]
        oid = hashlib.sha1("\n".join(parts).encode()).hexdigest()
        date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        commit = Commit(oid, title, date, files)
        earlier.append(commit)
        return commit


class Store:
    """All users, repositories and large files of one Hub."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.large_files: dict[str, bytes] = {}

    def add_user(self, token: str, name: str, role: str = "write", *organizations: str) -> None:
        self.users[token] = User(name, role, organizations)

    def clear(self) -> None:
        """Forget all that was pushed."""
        self.repositories.clear()
        self.large_files.clear()

    def create(self, kind: str, name: str, **options: bool | str | None) -> Repository:
        repository = Repository(kind, name, **options)
        attributes = "".join(f"{p} filter=lfs diff=lfs merge=lfs -text\n" for p in LFS_PATTERNS)
        repository.commit("main", "initial commit", {".gitattributes": Blob(attributes.encode())})
        self.repositories[kind, name] = repository
        return repository

    def files(self, kind: str, name: str, revision: str = "main") -> dict[str, bytes]:
        """Path to bytes of all files of a repository, for tests."""
        commit = self.repositories[kind, name].find(revision)
        return {path: blob.data for path, blob in commit.files.items()}

    def put(self, kind: str, name: str, path: str, data: bytes) -> None:
        """Change one file on the Hub, as somebody else would, for tests."""
        repository = self.repositories[kind, name]
        files = repository.find("main").files | {path: Blob(data, is_large(path, len(data)))}
        repository.commit("main", f"Change {path}", files)


def is_large(path: str, size: int) -> bool:
    """Whether the Hub stores a file with LFS."""
    name = path.rsplit("/", 1)[-1]
    return size >= LFS_FROM_BYTES or any(fnmatch(name, pattern) for pattern in LFS_PATTERNS)

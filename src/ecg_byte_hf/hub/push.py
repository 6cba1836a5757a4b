"""A folder to a repository on the Hub, in one commit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..hub_code.errors import EcgByteError
from ..progress import hub_output
from .cards import CARD_FILE, REPOSITORY
from .connection import hub_errors, require_token
from .folders import (
    METRIC,
    MODEL,
    TOKENIZER,
    FolderKind,
    check_folder,
    files_of,
    kind_of,
    recognise,
)
from ..hub_code.licences import check_licence, check_licence_known
from .tokenizer_card import write_tokenizer_card

if TYPE_CHECKING:
    from ..corpora.source import Source

# What the Hub or its owner put beside our files.
_NOT_OURS = {".gitattributes", CARD_FILE, "LICENSE", "LICENSE.md"}
_BRANCH = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*")


@dataclass(frozen=True)
class PushPlan:
    """What a push sends: `files` has path in the repository and size in bytes of each."""

    folder: Path
    repo_id: str
    kind: FolderKind
    files: dict[str, int]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())

    def __str__(self) -> str:
        """A line per file and one for all of them."""
        lines = [f"{size:>14,}  {name}" for name, size in self.files.items()]
        total = f"{len(lines)} files, {self.size:,} bytes: {self.kind.name} {self.folder}"
        return "\n".join([*lines, f"{total} -> {self.kind.repo_type} repository {self.repo_id}"])


@dataclass(frozen=True)
class Pushed:
    """What a push did: the repository's address, its commit, and whether anything was new."""

    url: str
    commit: str
    new: bool


def plan_push(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    report: Mapping[str, Any] | None = None,
) -> PushPlan:
    """Check a folder and say what a push of it would send. No network.

    A tokenizer's or model's card is written where it is missing; `report`, a tokenizer's fidelity
    (`ecg-byte report --json`), goes on it.

    Raises `EcgByteError` where the name is bad, the folder is nothing that is pushed, its files are
    missing or disagree, or the licence of its recordings forbids sharing.
    """
    check_repo_id(repo_id)
    folder = Path(folder)
    kind = recognise(folder)
    if report is not None and kind is not TOKENIZER:
        raise EcgByteError(f"{folder}: a {kind.name} takes no report; leave out --report")
    if kind is TOKENIZER and (report is not None or not (folder / CARD_FILE).is_file()):
        write_tokenizer_card(folder, report)
    if kind is MODEL:
        from .model_card import refresh_model_card

        refresh_model_card(folder)
    if kind is METRIC and not (folder / f"{repo_id.split('/')[1]}.py").is_file():
        raise EcgByteError(
            f"{repo_id}: evaluate.load looks for a file of the repository's name; push {folder} to "
            f"{repo_id.split('/')[0]}/{folder.name}"
        )
    check_folder(folder, kind, private=private)
    sizes = {name: path.stat().st_size for name, path in files_of(folder, kind).items()}
    return PushPlan(folder, repo_id, kind, sizes)


def check_repo_id(repo_id: str) -> None:
    """Raise `EcgByteError` where this cannot be the name of a repository."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo_id)
        good = repo_id.count("/") == 1
    except HFValidationError:
        good = False
    if not good:
        raise EcgByteError(
            f"{repo_id!r}: no name of a repository; give owner/name of letters, digits and - _ ."
        )


def _check_branch(revision: str) -> None:
    if not _BRANCH.fullmatch(revision) or revision.startswith("refs/") or ".." in revision:
        raise EcgByteError(
            f"{revision!r}: no name of a branch; give letters, digits and - _ . with / between"
        )


def check_push(repo_id: str) -> None:
    """Raise `EcgByteError` for a bad name or no token: before the work whose result is pushed."""
    check_repo_id(repo_id)
    require_token()


def check_corpus_push(repo_id: str, source: Source, *, private: bool = False) -> None:
    """`check_push`, and whether the recordings of a source may be shared at all."""
    check_push(repo_id)
    check_licence(source.title, source.licence)
    if not private:
        check_licence_known(source.title, source.licence)


def push(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    revision: str | None = None,
    report: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Pushed:
    """Push a tokenizer, corpus, model or metric folder to `repo_id`, `owner/name`, on the Hub.

    The repository is created where it is missing, `private` if asked, and so is the branch
    `revision`. All files arrive in one commit, or none: an interrupted push can be run again, sends
    only what did not arrive and ends in the same state. Files of the same kind that are not in the
    folder go from the repository; others stay. `HF_ENDPOINT` and `HF_TOKEN` are honoured.

    Raises `EcgByteError` where `plan_push` does, for a bad branch, where there is no token, no
    right or no network, and where the repository holds something else.
    """
    if revision is not None:
        _check_branch(revision)
    plan = plan_push(folder, repo_id, private=private, report=report)
    token = require_token()
    from huggingface_hub import HfApi

    api = HfApi(token=token, library_name="ecg-byte-hf", library_version=__version__)
    with hub_errors(repo_id, token), hub_output(quiet):
        gone = _open_repository(api, plan, private=private, revision=revision)
        return _commit(api, plan, gone, revision or "main")


def _open_repository(api: Any, plan: PushPlan, *, private: bool, revision: str | None) -> list[str]:
    """Create repository and branch where they are missing; what of ours in it is here no more."""
    kind = plan.kind
    space = {"space_sdk": "static"} if kind.repo_type == "space" else {}
    api.create_repo(
        plan.repo_id, repo_type=kind.repo_type, private=private or None, exist_ok=True, **space
    )
    info = api.repo_info(plan.repo_id, repo_type=kind.repo_type)
    if private and not info.private:
        raise EcgByteError(
            f"{plan.repo_id}: is there already and public; make it private in its settings, or "
            f"give another name"
        )
    if revision is not None and revision != "main":
        api.create_branch(plan.repo_id, branch=revision, repo_type=kind.repo_type, exist_ok=True)
    names = api.list_repo_files(plan.repo_id, repo_type=kind.repo_type, revision=revision)
    strange = sorted(name for name in set(names) - _NOT_OURS if not kind.takes(name))
    held = kind_of(names, kind.repo_type)
    if held not in (None, kind) or (held is None and strange):
        what = f"a {held.name}" if held else f"other files ({strange[0]})"
        raise EcgByteError(
            f"{plan.repo_id}: is taken, it holds {what}; give another name for this {kind.name}"
        )
    return [name for name in names if kind.takes(name) and name not in plan.files]


def _commit(api: Any, plan: PushPlan, gone: list[str], branch: str) -> Pushed:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    kind, on_disk = plan.kind, files_of(plan.folder, plan.kind)
    before = api.repo_info(plan.repo_id, repo_type=kind.repo_type, revision=branch).sha
    operations: list[Any] = [CommitOperationDelete(name) for name in gone if name != CARD_FILE]
    for name, path in on_disk.items():
        content = _named_card(path, plan.repo_id) if name == CARD_FILE else str(path)
        operations.append(CommitOperationAdd(name, content))
    done = api.create_commit(
        plan.repo_id,
        operations,
        commit_message=f"Upload {kind.name} with ecg-byte-hf {__version__}",
        repo_type=kind.repo_type,
        revision=branch,
    )
    prefix = "" if kind.repo_type == "model" else f"{kind.repo_type}s/"
    return Pushed(f"{api.endpoint}/{prefix}{plan.repo_id}", done.oid, done.oid != before)


def _named_card(path: Path, repo_id: str) -> bytes:
    """The card with the repository's name where it could not be known before."""
    return path.read_text(encoding="utf-8").replace(REPOSITORY, repo_id).encode()

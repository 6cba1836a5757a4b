"""A folder to a repository on the Hub, in one commit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..hub_code.errors import EcgByteError
from ..hub_code.licences import check_licence, check_licence_known
from ..progress import hub_output
from ..wording import counted
from .cards import CARD_FILE, REPOSITORY, write_files
from .connection import hub_errors, require_token
from .folders import check_folder, files_of, recognise
from .generated import generated_files
from .kinds import METRIC, FolderKind
from .remote import held_kind, remote_text

if TYPE_CHECKING:
    from ..corpora.source import Source

# What the Hub or its owner put beside our files.
_NOT_OURS = {".gitattributes", CARD_FILE, "LICENSE", "LICENSE.md"}
# Before the name of a tokenizer that comes with the package, in the place of a folder.
BUNDLED = "bundled:"
_BRANCH = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*")


@dataclass(frozen=True)
class PushPlan:
    """What a push sends: `files` has path in the repository and size in bytes of each.

    `generated`: those of them that are not in the folder, or not as they go; `None` for a file of
    it that does not go.
    """

    folder: Path
    repo_id: str
    kind: FolderKind
    files: dict[str, int]
    generated: dict[str, bytes | None]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())

    def __str__(self) -> str:
        """A line per file and one for all of them."""
        lines = [f"{size:>14,}  {name}" for name, size in self.files.items()]
        files = f"{counted(len(lines), 'file')}, {counted(self.size, 'byte')}"
        total = f"{files}: {self.kind.name} {self.folder}"
        return "\n".join([*lines, f"{total} -> {self.kind.repo_type} repository {self.repo_id}"])


@dataclass(frozen=True)
class Pushed:
    """What a push did: the repository's address, its commit, and whether anything was new.

    `replaced_card`: where on the Hub the card stays that was in the repository and is another now.
    """

    url: str
    commit: str
    new: bool
    replaced_card: str | None = None

    def __str__(self) -> str:
        """One line that says all of it, and one more of a card that was replaced."""
        line = f"{self.url} at {self.commit[:12]}" + ("" if self.new else ": all of it was there")
        if self.replaced_card is None:
            return line
        return f"{line}\nits {CARD_FILE} was another before; that one stays at {self.replaced_card}"


@contextmanager
def pushed_folder(source: str | Path) -> Iterator[Path]:
    """The folder that `source` means: itself, or for `bundled:NAME` one that is made for a while.

    Raises `EcgByteError` where the package brings no tokenizer of that name.
    """
    if not str(source).startswith(BUNDLED):
        yield Path(source)
        return
    from ..hub_code.processing_ecg_byte import EcgByteProcessor

    name = str(source).removeprefix(BUNDLED)
    processor = EcgByteProcessor.from_bundled(name)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / name
        processor.save_pretrained(folder)
        yield folder


def plan_push(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    revision: str | None = None,
    report: Mapping[str, Any] | None = None,
    quiet: bool = True,
) -> PushPlan:
    """Check a folder and say what a push of it would send. No network, and nothing is written.

    A card is made where it is missing; `report`, a tokenizer's fidelity (`ecg-byte report --json`),
    goes on it.

    Raises `EcgByteError` where a name is bad, the folder is nothing that is pushed, its files are
    missing or disagree, or the licence of its recordings forbids sharing.
    """
    if revision is not None:
        _check_branch(revision)
    check_repo_id(repo_id)
    folder = Path(folder)
    kind = recognise(folder)
    if kind is METRIC and not (folder / f"{repo_id.split('/')[1]}.py").is_file():
        raise EcgByteError(
            f"{repo_id}: evaluate.load looks for a file of the repository's name; push {folder} to "
            f"{repo_id.split('/')[0]}/{folder.name}"
        )
    check_folder(folder, kind, private=private)
    generated = generated_files(folder, kind, report, quiet=quiet)
    sizes = {name: path.stat().st_size for name, path in files_of(folder, kind).items()}
    for name, content in generated.items():
        if content is None:
            sizes.pop(name, None)
        else:
            sizes[name] = len(content)
    return PushPlan(folder, repo_id, kind, dict(sorted(sizes.items())), generated)


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
    parts = revision.split("/")
    # What git refuses beside other characters.
    refused = parts[0] == "refs" or any(part.endswith((".", ".lock")) for part in parts)
    if not _BRANCH.fullmatch(revision) or refused or ".." in revision:
        raise EcgByteError(
            f"--revision {revision!r}: no name of a branch; give letters, digits and - _ . with / "
            f"between"
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

    A card is written into the folder where it is missing; `report` is a tokenizer's fidelity.

    The repository is created where it is missing, `private` if asked, and so is the branch
    `revision`. All files arrive in one commit, or none: an interrupted push can be run again, sends
    only what did not arrive and ends in the same state. Files that an earlier push wrote go from
    the repository where the folder has them no longer; others stay. `HF_ENDPOINT` and `HF_TOKEN`
    are honoured.

    Raises `EcgByteError` where `plan_push` does, for a bad branch, where there is no token, no
    right or no network, and where the repository holds something else, which stays as it is.
    """
    if revision is not None:
        _check_branch(revision)
    check_push(repo_id)
    token = require_token()
    plan = plan_push(folder, repo_id, private=private, report=report, quiet=quiet)
    if plan.kind is not METRIC:
        # Now that it goes. (A metric's folder may be the package's own.)
        write_files(plan.folder, plan.generated)
    from huggingface_hub import HfApi

    api = HfApi(token=token, library_name="ecg-byte-hf", library_version=__version__)
    with hub_errors(repo_id, token), hub_output(quiet):
        names = _open_repository(api, plan, private=private, revision=revision)
        return _commit(api, plan, names, revision or "main")


def _open_repository(api: Any, plan: PushPlan, *, private: bool, revision: str | None) -> list[str]:
    """Create repository and branch where they are missing; the names of what it holds."""
    kind, branch = plan.kind, revision or "main"
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
    there = api.revision_exists(plan.repo_id, branch, repo_type=kind.repo_type)
    # A new branch begins with what is in main.
    names = _names_of_ours(api, plan, branch if there else "main")
    if not there:
        api.create_branch(plan.repo_id, branch=branch, repo_type=kind.repo_type, exist_ok=True)
    return names


def _names_of_ours(api: Any, plan: PushPlan, revision: str) -> list[str]:
    """The files of a repository that is empty or of the plan's kind; `EcgByteError` for others."""
    kind = plan.kind
    names: list[str] = api.list_repo_files(
        plan.repo_id, repo_type=kind.repo_type, revision=revision
    )
    others = set(names) - _NOT_OURS
    held = held_kind(api, plan.repo_id, kind.repo_type, revision, names) if others else None
    if others and held is not kind:
        first = min(others, key=lambda name: (kind.takes(name), name))
        what = f"a {held.name}" if held else f"other files ({first})"
        raise EcgByteError(
            f"{plan.repo_id}: is taken, it holds {what}; give another name for this {kind.name}"
        )
    return names


def _commit(api: Any, plan: PushPlan, names: list[str], branch: str) -> Pushed:
    """All files in one commit; what an earlier push wrote, and is here no more, goes with it."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    kind, contents = plan.kind, _contents(plan)
    before = api.repo_info(plan.repo_id, repo_type=kind.repo_type, revision=branch).sha
    prefix = "" if kind.repo_type == "model" else f"{kind.repo_type}s/"
    url = f"{api.endpoint}/{prefix}{plan.repo_id}"
    # Somebody may have edited it on the Hub.
    other = CARD_FILE in names and _is_another_card(api, plan, branch, contents.get(CARD_FILE))
    replaced = f"{url}/blob/{before}/{CARD_FILE}" if other else None
    gone = [name for name in names if kind.writes(name) and name not in plan.files]
    operations: list[Any] = [CommitOperationDelete(name) for name in gone]
    operations += [CommitOperationAdd(name, content) for name, content in contents.items()]
    done = api.create_commit(
        plan.repo_id,
        operations,
        commit_message=f"Upload {kind.name} with ecg-byte-hf {__version__}",
        repo_type=kind.repo_type,
        revision=branch,
    )
    return Pushed(url, done.oid, done.oid != before, replaced)


def _is_another_card(api: Any, plan: PushPlan, branch: str, card: str | bytes | None) -> bool:
    """Whether the repository's card is another than the one that goes, if one goes."""
    if not isinstance(card, bytes):
        return False
    there = remote_text(api, plan.repo_id, plan.kind.repo_type, branch, CARD_FILE)
    return there.splitlines() != card.decode("utf-8", errors="replace").splitlines()


def _contents(plan: PushPlan) -> dict[str, str | bytes]:
    """By name, the path on the disk or the content of all that goes."""
    on_disk = {name: str(path) for name, path in files_of(plan.folder, plan.kind).items()}
    found: dict[str, Any] = on_disk | plan.generated
    contents = {name: found[name] for name in plan.files}
    if CARD_FILE in contents:
        contents[CARD_FILE] = _named_card(contents[CARD_FILE], plan.repo_id)
    return contents


def _named_card(card: str | bytes | None, repo_id: str) -> bytes:
    """A card (its path or text) with the repository's name where it could not be known before."""
    text = card if isinstance(card, bytes) else Path(str(card)).read_bytes()
    return text.replace(REPOSITORY.encode(), repo_id.encode())

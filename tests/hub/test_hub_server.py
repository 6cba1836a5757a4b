"""The tests' Hub against the real client: what it answers, and what goes wrong on request."""

from __future__ import annotations

import json
import os
import subprocess
import venv

import httpx2
import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    ModelCard,
)
from huggingface_hub.errors import (
    BadRequestError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.hub_server.server import OTHER_TOKEN, READ_TOKEN, TOKEN

LARGE = bytes(range(256)) * 4000


@pytest.fixture
def api(hub):
    return HfApi()


@pytest.fixture
def repository(api, request):
    name = f"org/{request.node.name[:60].replace('[', '-').replace(']', '')}"
    api.create_repo(name)
    return name


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "folder" / "config.json").write_text("{}")
    (tmp_path / "folder" / "inner" / "data.parquet").write_bytes(LARGE)
    return tmp_path / "folder"


def test_a_folder_goes_up_and_comes_down(api, repository, folder, tmp_path):
    assert api.whoami()["name"] == "somebody"
    commit = api.upload_folder(repo_id=repository, folder_path=folder)
    files = [".gitattributes", "config.json", "inner/data.parquet"]
    assert sorted(api.list_repo_files(repository)) == files
    tree = {entry.path: entry for entry in api.list_repo_tree(repository, recursive=True)}
    assert tree["inner/data.parquet"].lfs.size == len(LARGE)
    assert tree["config.json"].lfs is None
    top = [entry.path for entry in api.list_repo_tree(repository)]
    assert top == ["inner", ".gitattributes", "config.json"]
    down = api.snapshot_download(repository, cache_dir=tmp_path / "cache")
    assert os.path.basename(down) == commit.oid
    with open(os.path.join(down, "inner", "data.parquet"), "rb") as file:
        assert file.read() == LARGE
    again = api.upload_folder(repo_id=repository, folder_path=folder)
    assert again.oid == commit.oid


def test_files_change_go_and_stay_in_their_branches(api, repository, tmp_path):
    def add(text, **options):
        operation = CommitOperationAdd("a.txt", text.encode())
        return api.create_commit(repository, [operation], commit_message=text, **options)

    def read(revision):
        return open(
            api.hf_hub_download(repository, "a.txt", revision=revision, cache_dir=tmp_path)
        ).read()

    first = add("one")
    api.create_branch(repository, branch="try/it")
    api.create_tag(repository, tag="v1")
    add("two", revision="try/it")
    found = [read(revision) for revision in ("main", "try/it", "v1", first.oid)]
    assert found == ["one", "two", "one", "one"]
    with pytest.raises(HfHubHTTPError, match="412"):
        add("three", parent_commit="0" * 40)
    delete = [CommitOperationDelete("a.txt")]
    api.create_commit(repository, delete, commit_message="gone", revision="try/it")
    assert api.get_paths_info(repository, ["a.txt"], revision="try/it") == []
    assert [c.title for c in api.list_repo_commits(repository)] == ["one", "initial commit"]
    branches = {branch.name for branch in api.list_repo_refs(repository).branches}
    assert branches == {"main", "try/it"}
    api.delete_repo(repository)
    assert not api.repo_exists(repository)


def test_refusals_are_the_hubs_own(api, hub, repository, tmp_path):
    here = {"cache_dir": tmp_path}
    with pytest.raises(EntryNotFoundError):
        api.hf_hub_download(repository, "none.json", **here)
    with pytest.raises(RevisionNotFoundError):
        api.hf_hub_download(repository, ".gitattributes", revision="none", **here)
    with pytest.raises(RepositoryNotFoundError, match="404"):
        api.model_info("org/none")
    with pytest.raises(RepositoryNotFoundError, match="401"):
        HfApi(token=False).model_info("org/none")
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo(repository)
    with pytest.raises(HfHubHTTPError, match="403"):
        HfApi(token=OTHER_TOKEN).create_repo("org/other")
    with pytest.raises(HfHubHTTPError, match="403"):
        HfApi(token=READ_TOKEN).upload_file(
            repo_id=repository, path_or_fileobj=b"x", path_in_repo="x"
        )
    with pytest.raises(HfHubHTTPError, match="Invalid"):
        HfApi(token="hf_nobody").whoami()
    with pytest.raises(BadRequestError):
        create_unchecked(hub, "a--b")
    hub.store.repositories["model", repository].gated = True
    with pytest.raises(GatedRepoError):
        api.hf_hub_download(repository, ".gitattributes", token=OTHER_TOKEN, **here)
    hub.store.repositories["model", repository].private = True
    with pytest.raises(RepositoryNotFoundError):
        api.hf_hub_download(repository, ".gitattributes", token=OTHER_TOKEN, **here)
    assert api.hf_hub_download(repository, ".gitattributes", **here)


def create_unchecked(hub, name):
    """Past the client's own check of names."""
    from huggingface_hub.utils import hf_raise_for_status

    answer = httpx2.post(
        f"{hub.endpoint}/api/repos/create",
        json={"name": name, "organization": "org"},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    hf_raise_for_status(answer)


def test_no_token_is_said_so(hub, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(LocalTokenNotFoundError):
        HfApi().whoami()


def test_ranges_and_etags(hub, repository, api, folder):
    api.upload_folder(repo_id=repository, folder_path=folder)
    url = f"{hub.endpoint}/{repository}/resolve/main/inner/data.parquet"
    head = httpx2.head(url)
    assert head.status_code == 302
    assert head.headers["X-Linked-Size"] == str(len(LARGE))
    assert head.headers["X-Repo-Commit"] == api.model_info(repository).sha
    part = httpx2.get(url, headers={"Range": "bytes=10-19"}, follow_redirects=True)
    assert (part.status_code, part.content) == (206, LARGE[10:20])
    end = httpx2.get(url, headers={"Range": "bytes=-5"}, follow_redirects=True)
    assert end.content == LARGE[-5:]
    past = httpx2.get(url, headers={"Range": f"bytes={len(LARGE)}-"}, follow_redirects=True)
    assert past.status_code == 416


def test_a_card_is_checked_before_it_is_taken(api, repository):
    card = ModelCard("---\nlicense: none-such\n---\n# Card\n")
    with pytest.raises(ValueError, match="license"):
        api.upload_file(
            repo_id=repository, path_or_fileobj=str(card).encode(), path_in_repo="README.md"
        )


def test_an_upload_with_the_wrong_bytes_is_refused(hub):
    url = f"{hub.endpoint}/large-files/{'0' * 64}"
    assert httpx2.put(url, content=b"other").status_code == 400


def test_a_dropped_upload_and_a_503_are_tried_again_by_the_client(api, hub, repository, folder):
    hub.faults.drop_upload("/large-files/")
    hub.faults.unavailable("POST", "/preupload/")
    api.upload_folder(repo_id=repository, folder_path=folder)
    assert hub.store.files("model", repository)["inner/data.parquet"] == LARGE
    assert sum(method == "PUT" for method, _ in hub.faults.requests) == 2


def test_a_truncated_download_is_continued(api, hub, repository, folder, tmp_path):
    api.upload_folder(repo_id=repository, folder_path=folder)
    hub.faults.truncate("/large-files/")
    path = api.hf_hub_download(repository, "inner/data.parquet", cache_dir=tmp_path / "cache")
    with open(path, "rb") as file:
        assert file.read() == LARGE


def test_a_file_may_change_between_two_requests(api, hub, repository, tmp_path):
    hub.store.put("model", repository, "a.txt", b"old")
    hub.faults.before(
        "GET", r"/resolve/.*/a\.txt", lambda: hub.store.put("model", repository, "a.txt", b"newer")
    )
    with pytest.raises(OSError, match="Consistency check failed"):
        api.hf_hub_download(repository, "a.txt", cache_dir=tmp_path)
    path = api.hf_hub_download(repository, "a.txt", cache_dir=tmp_path)
    with open(path, "rb") as file:
        assert file.read() == b"newer"


PROGRAM = """
import json, sys
import huggingface_hub
from huggingface_hub import HfApi, snapshot_download
api = HfApi()
api.create_repo("org/older-client")
api.upload_folder(repo_id="org/older-client", folder_path=sys.argv[1])
try:
    api.upload_file(repo_id="org/older-client", path_or_fileobj=b"---\\nlicense: x\\n---\\n",
                    path_in_repo="README.md")
    refused = False
except ValueError:
    refused = True
down = snapshot_download("org/older-client")
data = open(down + "/inner/data.parquet", "rb").read()
print(json.dumps({"version": huggingface_hub.__version__, "size": len(data), "refused": refused,
                  "name": api.whoami()["name"], "files": api.list_repo_files("org/older-client")}))
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_older_client_too(hub, folder, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "huggingface_hub==1.31.*"]
    subprocess.run(install, check=True)
    done = subprocess.run(
        [python, "-c", PROGRAM, folder],
        env=hub.environment(tmp_path / "home", TOKEN),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["version"].startswith("1.31")
    assert found["size"] == len(LARGE)
    assert found["refused"]
    assert found["name"] == "somebody"
    assert "inner/data.parquet" in found["files"]

"""Pushing through real HTTP: what arrives, what is refused, what is left when the line breaks."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys

import pytest

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.cli import main
from ecg_byte_hf.hub.push import plan_push, push
from tests.hub_server.server import OTHER_TOKEN, READ_TOKEN, TOKEN, TOKENS

HIDDEN = "PhysioNet Credentialed Health Data License 1.5.0"


@pytest.fixture
def impatient(monkeypatch):
    """The client tries again without waiting."""
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)


def sent(hub, folder, name, repo_type="model"):
    """Whether a repository holds just what the plan of a folder says."""
    files = hub.store.files(repo_type, name)
    planned = plan_push(folder, name).files
    assert set(files) - {".gitattributes"} == set(planned)
    for path, size in planned.items():
        if path != "README.md":
            assert files[path] == (folder / path).read_bytes()
            assert len(files[path]) == size
    return files


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_tokenizer_goes_up_whole_and_once(hub, tokenizer):
    done = push(tokenizer, "org/ecg-byte")
    assert done.url == f"{hub.endpoint}/org/ecg-byte"
    files = sent(hub, tokenizer, "org/ecg-byte")
    card = files["README.md"].decode()
    assert 'from_pretrained("org/ecg-byte"' in card
    assert "this/repository" not in card
    assert "this/repository" in (tokenizer / "README.md").read_text()
    again = push(tokenizer, "org/ecg-byte")
    assert (again.commit, again.new) == (done.commit, False)


def test_a_card_that_is_replaced_is_said_so_and_stays_in_the_history(hub, tokenizer):
    first = push(tokenizer, "org/ecg-byte")
    assert (first.replaced_card, len(str(first).splitlines())) == (None, 1)
    hub.store.put("model", "org/ecg-byte", "README.md", b"# My own words")
    commit = hub.store.repositories["model", "org/ecg-byte"].find("main").oid
    done = push(tokenizer, "org/ecg-byte")
    assert done.replaced_card == f"{hub.endpoint}/org/ecg-byte/blob/{commit}/README.md"
    assert str(done).splitlines()[1].endswith(done.replaced_card)
    assert hub.store.files("model", "org/ecg-byte", commit)["README.md"] == b"# My own words"
    again = push(tokenizer, "org/ecg-byte")
    assert (again.new, again.replaced_card) == (False, None)


def test_a_corpus_goes_to_a_dataset_repository_and_old_shards_go(hub, corpus, tmp_path):
    push(corpus, "org/ecgs")
    sent(hub, corpus, "org/ecgs", "dataset")
    hub.store.put("dataset", "org/ecgs", "data/train-00000-of-00007.parquet", b"PAR1")
    hub.store.put("dataset", "org/ecgs", "LICENSE", b"mine")
    push(corpus, "org/ecgs")
    files = hub.store.files("dataset", "org/ecgs")
    assert "data/train-00000-of-00007.parquet" not in files
    assert files["LICENSE"] == b"mine"


def test_a_branch_is_made_and_main_stays(hub, tokenizer):
    push(tokenizer, "org/ecg-byte", revision="try/it")
    assert "tokenizer.json" in hub.store.files("model", "org/ecg-byte", "try/it")
    assert list(hub.store.files("model", "org/ecg-byte")) == [".gitattributes"]


@pytest.mark.parametrize(
    "branch", ["", "a b", "../main", "refs/pr/1", "a/", "v..1", "-d", "a.", "a.lock"]
)
def test_a_bad_branch_is_refused_before_anything(hub, tokenizer, branch):
    with pytest.raises(EcgByteError, match="no name of a branch"):
        push(tokenizer, "org/ecg-byte", revision=branch)
    with pytest.raises(EcgByteError, match="no name of a branch"):
        plan_push(tokenizer, "org/ecg-byte", revision=branch)
    assert hub.faults.requests == []


def test_private_is_private(hub, tokenizer):
    push(tokenizer, "org/secret", private=True)
    assert hub.store.repositories["model", "org/secret"].private
    push(tokenizer, "org/secret")
    assert hub.store.repositories["model", "org/secret"].private
    push(tokenizer, "org/open")
    with pytest.raises(EcgByteError, match="org/open: is there already and public"):
        push(tokenizer, "org/open", private=True)


def test_an_upload_that_breaks_off_is_continued(hub, corpus, impatient):
    push(corpus, "org/unbroken")
    wanted = hub.store.files("dataset", "org/unbroken")
    hub.store.large_files.clear()
    unlucky = next(corpus.glob("data/train-*.parquet"))
    sha256 = hashlib.sha256(unlucky.read_bytes()).hexdigest()
    hub.faults.drop_upload(f"/large-files/{sha256}", times=20)
    with pytest.raises(EcgByteError, match=r"^org/broken: no connection.*run the same command"):
        push(corpus, "org/broken")
    assert list(hub.store.files("dataset", "org/broken")) == [".gitattributes"]
    arrived = set(hub.store.large_files)
    hub.faults.clear()
    push(corpus, "org/broken")
    found = hub.store.files("dataset", "org/broken")
    assert {path: data for path, data in found.items() if path != "README.md"} == {
        path: data for path, data in wanted.items() if path != "README.md"
    }
    assert found["README.md"] == wanted["README.md"].replace(b"org/unbroken", b"org/broken")
    put = [path.rsplit("/", 1)[1] for method, path in hub.faults.requests if method == "PUT"]
    assert sha256 in put
    assert not set(put) & arrived


def test_a_commit_whose_answer_was_lost_is_found_done(hub, tokenizer):
    hub.faults.truncate("/commit/", method="POST")
    with pytest.raises(EcgByteError, match="run the same command again"):
        push(tokenizer, "org/ecg-byte")
    commit = hub.store.repositories["model", "org/ecg-byte"].find("main").oid
    done = push(tokenizer, "org/ecg-byte")
    assert (done.commit, done.new) == (commit, False)
    sent(hub, tokenizer, "org/ecg-byte")


def test_a_hub_that_is_busy_for_a_moment_is_waited_for(hub, corpus, impatient):
    hub.faults.unavailable("POST", "/preupload/", times=2)
    hub.faults.unavailable("POST", "/objects/batch")
    push(corpus, "org/ecgs")
    sent(hub, corpus, "org/ecgs", "dataset")


def test_a_hub_that_fails_is_said_so(hub, tokenizer, impatient):
    hub.faults.unavailable("POST", "/preupload/", times=20)
    with pytest.raises(EcgByteError, match=r"the Hub fails \(503\)"):
        push(tokenizer, "org/ecg-byte")


@pytest.mark.parametrize("name", ["ecg-byte", "a/b/c", "org/a--b", "org/a b", "org/", "org/.x"])
def test_a_bad_name_is_refused_before_anything(hub, tokenizer, name):
    with pytest.raises(EcgByteError, match="no name of a repository"):
        push(tokenizer, name)
    assert hub.faults.requests == []


def test_a_name_that_is_taken_is_left_alone(hub, tokenizer, corpus):
    hub.store.create("model", "org/taken")
    hub.store.put("model", "org/taken", "pytorch_model.bin", b"theirs")
    before = hub.store.files("model", "org/taken")
    with pytest.raises(EcgByteError, match=r"org/taken: is taken, it holds other files \(pyt"):
        push(tokenizer, "org/taken")
    reading = b'{"sees_ecg": true}'
    hub.store.put("model", "org/taken", "reading.json", reading)
    with pytest.raises(EcgByteError, match="it holds a model"):
        push(tokenizer, "org/taken")
    assert hub.store.files("model", "org/taken") == before | {"reading.json": reading}
    # Repositories of another type have names of their own.
    push(corpus, "org/taken")


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (OTHER_TOKEN, "this token may not write there"),
        (READ_TOKEN, "this token may not write there"),
        ("hf_nobodys", "the Hub does not know this token"),
        ("", "no token for the Hub: set HF_TOKEN"),
    ],
)
def test_without_rights_nothing_is_pushed(hub, tokenizer, token, message, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    for name in ("org/new", "org/there"):
        if name == "org/there":
            hub.store.create("model", name)
        with pytest.raises(EcgByteError, match=message):
            push(tokenizer, name)
    assert ("model", "org/new") not in hub.store.repositories


def test_without_a_network_it_is_said_so(hub, tokenizer, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(EcgByteError, match=r"no connection to http://127\.0\.0\.1:9"):
        push(tokenizer, "org/ecg-byte")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EcgByteError, match="HF_HUB_OFFLINE"):
        push(tokenizer, "org/ecg-byte")


def one_token_less(folder):
    edit(folder / "tokenizer.json", lambda c: c["model"]["vocab"].popitem())


def another_marker(folder):
    text = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(text.replace("<|r1|>", "<|q1|>"))


def another_step(folder):
    edit(folder / "preprocessor_config.json", lambda c: c["codec"].update(step=0.1))


def another_step_in_both(folder):
    another_step(folder)
    edit(
        folder / "processor_config.json",
        lambda c: c["feature_extractor"]["codec"].update(step=0.1),
    )


def a_module_less(folder):
    (folder / "spans.py").unlink()


def no_auto_map(folder):
    edit(folder / "processor_config.json", lambda c: c.pop("auto_map"))


def another_card(folder):
    text = (folder / "README.md").read_text()
    (folder / "README.md").write_text(text.replace("tokenizer_sha256: ", "tokenizer_sha256: a", 1))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (one_token_less, "tokenizer"),
        (another_marker, "tokenizer"),
        (another_step, "are of two tokenizers"),
        (another_step_in_both, "card of another tokenizer"),
        (a_module_less, r"spans.py is missing"),
        (no_auto_map, "no auto_map for AutoProcessor"),
        (another_card, "card of another tokenizer"),
    ],
)
def test_a_tokenizer_whose_files_disagree_is_not_pushed(hub, tokenizer, break_it, message):
    break_it(tokenizer)
    with pytest.raises(EcgByteError, match=message):
        push(tokenizer, "org/ecg-byte")
    assert hub.faults.requests == []


def test_a_corpus_that_may_not_be_shared_stays(hub, corpus):
    edit(corpus / "corpus.json", lambda c: c.update(licence=HIDDEN))
    for private in (False, True):
        with pytest.raises(EcgByteError, match="forbids sharing"):
            push(corpus, "org/mimic", private=private)
    edit(corpus / "corpus.json", lambda c: c.update(licence="unknown"))
    with pytest.raises(EcgByteError, match="licence of its recordings is unknown"):
        push(corpus, "org/mimic")
    assert hub.faults.requests == []
    push(corpus, "org/mimic", private=True)


def test_what_was_made_from_it_stays_too(hub, tokenizer):
    edit(
        tokenizer / "tokenizer_config.json",
        lambda c: c["training"]["corpus"].update(licence=HIDDEN),
    )
    with pytest.raises(EcgByteError, match="forbids sharing"):
        push(tokenizer, "org/mimic")


def test_a_corpus_that_is_not_whole_stays(hub, corpus):
    next((corpus / "data").glob("train-*")).unlink()
    with pytest.raises(EcgByteError, match="files of split train are missing"):
        push(corpus, "org/ecgs")


@pytest.mark.parametrize("made", ["nothing", "notes", "file"])
def test_other_folders_are_no_business_of_ours(tmp_path, made):
    folder = tmp_path / "folder"
    if made == "file":
        folder.write_text("x")
    elif made == "notes":
        folder.mkdir()
        (folder / "thesis.tex").write_text("precious")
    with pytest.raises(EcgByteError, match=r"no such folder|neither a tokenizer"):
        plan_push(folder, "org/x")


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["ecg-byte", *map(str, arguments)])
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    out, err = capsys.readouterr()
    return code, out, err


def test_a_dry_run_lists_files_and_sizes_and_asks_nobody(hub, tokenizer, monkeypatch, capsys):
    monkeypatch.delenv("HF_TOKEN")
    code, out, _ = run(monkeypatch, capsys, "push", tokenizer, "org/x", "--dry-run")
    assert code == 0
    size = (tokenizer / "tokenizer.json").stat().st_size
    assert f"{size:,}  tokenizer.json" in out
    total = sum(path.stat().st_size for path in tokenizer.iterdir())
    assert f"{len(list(tokenizer.iterdir()))} files, {total:,} bytes" in out
    assert hub.faults.requests == []


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_that_does_not_go_stays_as_it_was(hub, tokenizer, monkeypatch, capsys, tmp_path):
    for name in ("README.md", "fidelity.json", "ecg.png", "tokens.png"):
        (tokenizer / name).rename(tmp_path / name)
    before = contents(tokenizer)
    report = ("--report", tmp_path / "fidelity.json")
    code, out, _ = run(monkeypatch, capsys, "push", tokenizer, "org/x", "--dry-run", *report)
    assert code == 0
    for name in ("README.md", "fidelity.json", "tokens.png"):
        assert f"  {name}\n" in out
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    assert "no token" in run(monkeypatch, capsys, "push", tokenizer, "org/x", *report)[2]
    assert contents(tokenizer) == before
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert run(monkeypatch, capsys, "push", tokenizer, "org/x", *report)[0] == 0
    assert set(contents(tokenizer)) == set(hub.store.files("model", "org/x")) - {".gitattributes"}
    card = (tokenizer / "README.md").read_text()
    assert "## Fidelity" in card
    assert "![tokens.png](tokens.png)" in card


def test_the_bundled_tokenizer_is_pushed_by_its_name(hub, monkeypatch, capsys):
    code, _, err = run(monkeypatch, capsys, "push", "bundled:ptb-xl", "org/ecg-byte", "-q")
    assert code == 0, err
    files = hub.store.files("model", "org/ecg-byte")
    card = files["README.md"].decode()
    assert "model-index" in card
    assert "Wagner" in card
    assert {"processing_ecg_byte.py", "fidelity.json", "tokens.png"} <= set(files)
    code, _, err = run(monkeypatch, capsys, "push", "bundled:mimic", "org/ecg-byte")
    assert code == 1
    assert "there are: ptb-xl" in err


def test_no_token_is_ever_printed_or_logged(
    hub, tokenizer, corpus, monkeypatch, capsys, caplog, impatient
):
    caplog.set_level("DEBUG")
    hub.store.create("model", "org/taken").gated = True
    hub.store.put("model", "org/taken", "reading.json", b"{}")
    printed = []
    for token in (*TOKENS, "hf_nobodysSecret"):
        monkeypatch.setenv("HF_TOKEN", token)
        for arguments in (
            ("push", tokenizer, "org/x"),
            ("push", tokenizer, "org/taken"),
            ("push", corpus, "org/x", "--revision", "b", "--private"),
        ):
            code, out, err = run(monkeypatch, capsys, *arguments)
            assert (code, len(err.splitlines())) in ((0, 0), (1, 1)), err
            printed += [out, err]
    hub.faults.drop("POST", "/api/", times=20)
    printed += run(monkeypatch, capsys, "push", tokenizer, "org/x")[1:]
    everything = "\n".join([*printed, caplog.text])
    assert "org/x" in everything
    assert not [token for token in (*TOKENS, "hf_nobodysSecret") if token in everything]


def test_a_process_finds_hub_and_token_in_its_environment(hub, tokenizer, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "ecg_byte_hf.cli", "push", tokenizer, "org/ecg-byte"],
        env=hub.environment(tmp_path / "home", TOKEN),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{hub.endpoint}/org/ecg-byte at ")
    assert TOKEN not in done.stdout
    sent(hub, tokenizer, "org/ecg-byte")


def test_train_and_prepare_push_what_they_made(hub, corpus, monkeypatch, capsys, tmp_path):
    out = tmp_path / "new"
    train = ("train-tokenizer", corpus, "--vocab-size", 400, "--preset", "compact", "-q")
    code, said, err = run(monkeypatch, capsys, *train, "--out", out, "--push", "org/t")
    assert code == 0, err
    assert f"{hub.endpoint}/org/t at " in said
    sent(hub, out, "org/t")
    made = ("prepare", "simulation", "--records", 24, "--out", tmp_path / "c", "-q")
    code, said, err = run(monkeypatch, capsys, *made, "--push", "org/c", "--private")
    assert code == 0, err
    assert hub.store.repositories["dataset", "org/c"].private
    assert "data/train-00000-of-00001.parquet" in hub.store.files("dataset", "org/c")


def test_what_forbids_a_push_is_found_before_the_work(hub, monkeypatch, capsys, tmp_path):
    wfdb = tmp_path / "wfdb"
    wfdb.mkdir()
    (wfdb / "a.hea").write_text("a 12 500 5000\n")
    out = tmp_path / "out"
    prepare = ("prepare", "wfdb", wfdb, "--out", out, "--push", "org/x")
    for more, message in (
        (("--license", HIDDEN), "forbids sharing"),
        ((), "is unknown"),
    ):
        code, _, err = run(monkeypatch, capsys, *prepare, *more)
        assert code == 1
        assert message in err
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    train = ("train-tokenizer", wfdb, "--out", out, "--push", "org/x")
    assert "no token" in run(monkeypatch, capsys, *train)[2]
    assert not out.exists()


def test_a_metric_goes_to_a_space_of_its_name(hub, tmp_path):
    from ecg_byte_hf.metrics import ECG_QA_FOLDER

    folder = shutil.copytree(ECG_QA_FOLDER, tmp_path / "ecg_qa")
    with pytest.raises(EcgByteError, match="org/ecg_qa"):
        push(folder, "org/another")
    push(folder, "org/ecg_qa")
    files = hub.store.files("space", "org/ecg_qa")
    assert "ecg_qa.py" in files
    assert b'evaluate.load("org/ecg_qa")' in files["README.md"]
    assert b"sdk: static" in files["README.md"]
    assert not (folder / "README.md").exists()
    assert hub.store.repositories["space", "org/ecg_qa"].sdk == "static"

"""The commands as a user meets them: exit codes, one line for an error, an example in each help."""

import json
import signal
import subprocess
import sys
import time

import pytest
import typer
from typer.testing import CliRunner

from ecg_byte_hf.cli import app, main
from tests.interrupts import heed_interrupts
from tests.small_tokenizer import small_processor

COMMAND = [sys.executable, "-m", "ecg_byte_hf.cli"]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "corpus"
    done = run("prepare", "simulation", "--records", 30, "--out", folder, "--quiet")
    assert done.returncode == 0, done.stderr
    return folder


def each_command(group: typer.core.TyperGroup, path: tuple[str, ...] = ()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from each_command(command, (*path, name))
        else:
            yield (*path, name)


COMMANDS = sorted(each_command(typer.main.get_command(app)))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_shows_an_example(command):
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"ecg-byte {' '.join(command)}" in " ".join(result.output.split())


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_unknown_option_is_a_usage_error(command):
    assert CliRunner().invoke(app, [*command, "--no-such-option"]).exit_code == 2


def test_from_corpus_to_report_and_picture(corpus, tmp_path):
    tokenizer = tmp_path / "tokenizer"
    trained = run("train-tokenizer", corpus, "--vocab-size", 800, "--out", tokenizer)
    assert trained.returncode == 0, trained.stderr
    assert "800 tokens" in trained.stdout
    again = run("train-tokenizer", corpus, "--vocab-size", 800, "--out", tokenizer)
    assert again.returncode == 1
    assert "--overwrite" in again.stderr
    reported = run("report", tokenizer, corpus, "--json", tmp_path / "report.json")
    assert reported.returncode == 0, reported.stderr
    assert (tmp_path / "report.json").is_file()
    row = [corpus, "--record-id", "sim0-000003"]
    for arguments in (
        ["ecg", *row],
        ["ecg", *row, "--tokenizer", tokenizer],
        ["tokens", *row, "--tokenizer", tokenizer],
        ["merges", tokenizer, *row, "--at", 3],
        ["usage", tokenizer, corpus, "--max-records", 5],
        ["vocabulary", tokenizer, corpus, "--max-records", 5, "--quiet"],
    ):
        picture = tmp_path / "pictures" / f"{arguments[0]}.svg"
        drawn = CliRunner().invoke(app, ["plot", *map(str, arguments), "--out", str(picture)])
        assert drawn.exit_code == 0, drawn.output
        assert drawn.stdout.strip().endswith(picture.name)
        assert picture.read_text().startswith("<?xml")
        picture.unlink()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train-tokenizer", "{corpus}", "--out", "{file}"], "no folder can be made"),
        (["train-tokenizer", "{corpus}", "--out", "{file}/x"], "no folder can be made"),
        (["train-tokenizer", "{corpus}", "--out", "{full}"], "holds other files"),
        (["train-tokenizer", "{corpus}", "--out", "{model}", "--overwrite"], "fine-tuned model"),
        (["train-tokenizer", "{full}", "--out", "{new}"], "no corpus"),
        (["train-tokenizer", "{corpus}", "--out", "{new}", "--vocab-size", "9"], "too small"),
        (["report", "{full}", "{corpus}"], "no ECG"),
        (["report", "{corpus}", "{corpus}"], "no ECG processor here (it is a corpus); give"),
        (["report", "{tokenizer}", "{corpus}", "--json", "{file}/x"], "{file} is a file"),
        (["report", "{tokenizer}", "{corpus}", "--json", "{full}"], "it is a folder"),
        (["sweep", "{corpus}", "--json", "{file}/x"], "{file} is a file"),
        (["plot", "usage", "{tokenizer}", "{corpus}", "--out", "{file}/x.png"], "{file} is a file"),
        (["push", "{tokenizer}", "o/x", "--revision", "bad name", "--dry-run"], "--revision 'bad"),
        (["push", "{tokenizer}", "o/x", "--revision", "a.lock", "--dry-run"], "--revision 'a.lock"),
        (["ask", "ecg.npy", "Is it?", "--model", "{blind}"], "control that was trained without"),
        (["merge", "{blind}", "--out", "{new}"], "control that was trained without"),
        (["push", "{blind}", "o/x", "--dry-run"], "control that was trained without"),
        (["ask", "ecg.npy", "Is it?", "--model", "{joined}"], "is a two-stage model"),
        (["merge", "{joined}", "--out", "{new}"], "is a two-stage model"),
        (["push", "{joined}", "o/x", "--dry-run"], "is a two-stage model"),
        (["report", "{joined}", "{corpus}"], "it is a two-stage model"),
        (["report", "{tokenizer}", "{corpus}", "--split", "x"], "split 'x'"),
        (
            ["plot", "ecg", "{full}/a", "--tokenizer", "{tokenizer}", "--out", "{new}.png"],
            "{full}/a",
        ),
        (["plot", "ecg", "{full}/a", "--out", "{new}.gif"], "no picture format"),
        (["plot", "ecg", "{corpus}", "--record-id", "x", "--out", "{new}.png"], "no row with"),
        (["plot", "usage", "{tokenizer}", "{corpus}", "--split", "x", "--out", "{new}.png"], "'x'"),
        (["plot", "frontier", "{file}", "--out", "{new}.png"], "no JSON file of a sweep"),
    ],
)
def test_a_users_error_is_one_line_and_exit_code_1(
    corpus, tmp_path, arguments, message, monkeypatch, capfd
):
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("precious")
    small_processor().save_pretrained(tmp_path / "tokenizer")
    small_processor().save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "adapter_config.json").write_text("{}")
    for name, sees_ecg in (("blind", False), ("joined", True)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "reading.json").write_text(json.dumps({"sees_ecg": sees_ecg}))
    (tmp_path / "joined" / "encoder").mkdir()
    (tmp_path / "joined" / "encoder" / "projector.safetensors").write_text("")
    names = ("blind", "file", "full", "joined", "model", "new", "tokenizer")
    places = {name: tmp_path / name for name in names}
    places["corpus"] = corpus
    monkeypatch.setattr("sys.argv", ["ecg-byte", *(one.format(**places) for one in arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert_one_line(capfd.readouterr().err, message.format(**places))
    assert (tmp_path / "full" / "thesis.tex").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train-tokenizer", "c", "--out", "new", "--preset", "x"], "not 'x'"),
        (["train-tokenizer", "c", "--out", "new", "--step", "-1"], "step -1"),
        (["train-tokenizer", "c", "--out", "new", "--cleaning", "x"], "not 'x'"),
        (["train-tokenizer", "c", "--out", "new", "--dead-zone", "5"], "--dead-zone"),
        (["train-tokenizer", "c", "--out", "new", "--one-word"], "--one-word is for"),
        (["train-tokenizer", "c", "--out", ""], "it is empty"),
        (["prepare", "simulation", "--records", "0", "--out", "new"], "--records"),
        (["prepare", "simulation", "--seed", "-1", "--out", "new"], "--seed"),
        (["prepare", "wfdb", ".", "--window", "1", "--out", "new"], "--window"),
        (["prepare", "wfdb", ".", "--test-share", "2", "--out", "new"], "--test-share"),
        (["prepare", "wfdb", ".", "--test-share", "1", "--out", "new"], "more than 1 together"),
        (["prepare", "wfdb", ".", "--patient-pattern", "(", "--out", "new"], "regular expression"),
        (["prepare", "wfdb", ".", "--patient-pattern", "x", "--out", "new"], "one group"),
        (["prepare", "ptb-xl", ".", "--rate", "3", "--out", "new"], "not 3"),
        (["quickstart", "--out", "new", "--records", "3"], "--records"),
        (["quickstart", "--out", "new", "--seed", "-1"], "--seed"),
        (["import-pickle", "file", "--out", "new", "--low", "1"], "--high"),
        (["merge", "m", "--out", "new", "--dtype", "x"], "not 'x'"),
        (["report", "", "c"], "it is empty"),
        (["plot", "ecg", "x", "--tokenizer", "", "--out", "new.png"], "it is empty"),
        (["ask", "{record}", "{record}", "--model", "m"], "record and no question"),
        (["ask", "{record}", "", "--model", "m"], "it is empty"),
    ],
)
def test_what_the_command_line_alone_has_wrong_is_usage(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = tmp_path / "ecg.npy"
    record.write_text("")
    done = CliRunner().invoke(app, [one.format(record=record) for one in arguments])
    assert done.exit_code == 2, done.output
    assert message in " ".join(done.output.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == [record]


def test_an_error_of_a_process_of_its_own_is_one_line_too(corpus, tmp_path):
    done = run("report", tmp_path, corpus)
    assert done.returncode == 1
    assert_one_line(done.stderr, "no ECG")


def assert_one_line(stderr: str, message: str) -> None:
    lines = stderr.strip().splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("ecg-byte: ")
    assert message in lines[0]


def test_ctrl_c_ends_with_one_line(tmp_path):
    command = [*COMMAND, "prepare", "simulation", "--records", "5000", "--out", str(tmp_path / "c")]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("c/data/*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.strip().splitlines()[-1].startswith("ecg-byte: interrupted")
    assert "Traceback" not in stderr

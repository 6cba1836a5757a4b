"""`training/finetune.py` and `training/evaluate.py`, as a user starts them."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.reading.arguments import (
    parse_evaluate,
    parse_finetune,
    read_config,
    run_script,
)
from ecg_byte_hf.reading.training import finetune
from ecg_byte_hf.reading.usage import UsageError

from .reading import tiny

REPOSITORY = Path(__file__).resolve().parents[1]
CONFIGS = REPOSITORY / "training" / "configs"


def run(*arguments):
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(REPOSITORY / "src"),
    }
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def started(monkeypatch, capsys, tmp_path):
    """Start a script in this process, beside a file and a config that is not UTF-8.

    Its exit code, stdout and stderr.
    """
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("latin.yaml").write_bytes(b"seed: \xff")

    def start(name, *argv):
        script = str(REPOSITORY / "training" / name)
        monkeypatch.setattr(sys, "argv", [script, *argv])
        monkeypatch.setattr(sys, "path", list(sys.path))
        with pytest.raises(SystemExit) as left:
            runpy.run_path(script, run_name="__main__")
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return start


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_configs_parse_and_the_command_line_overrides_them(config, tmp_path):
    line = f"--corpus c --tokenizer t --seed 5 --learning-rate 0.25 --output-dir {tmp_path}"
    arguments, training = parse_finetune(["--config", str(config), *line.split()])
    arguments.check()
    assert arguments.corpus == "c"
    assert training.seed == 5
    assert training.learning_rate == 0.25
    assert training.lr_scheduler_type == "cosine"
    assert bool(arguments.small_llama) == (config.stem in ("small", "ptb-xl-normalised"))
    # Without it the schedule is run to its end.
    assert bool(arguments.early_stopping_patience) == training.load_best_model_at_end
    if training.load_best_model_at_end:
        assert training.metric_for_best_model == "loss"


@pytest.mark.parametrize("there", [False, True])
def test_half_precision_that_is_not_there_is_said_unless_it_is_auto(
    there, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    # AVX512-BF16 alone is slower than float32.
    can = {"avx512_bf16": True, "amx_bf16": there}
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: can, raising=False)
    config = tmp_path / "config.yaml"
    for value, lines in [("auto", 0), ("true", 1)]:
        config.write_text(f"bf16: {value}\n")
        training = parse_finetune(["--config", str(config), "--output-dir", str(tmp_path)])[1]
        assert training.bf16 == there
        assert training.use_cpu
        assert capsys.readouterr().err.count("\n") == lines * (not there)
    line = ["--output-dir", str(tmp_path), "--bf16"]
    assert parse_finetune([*line, "auto"])[1].bf16 == there
    assert parse_finetune([*line, "true"])[1].bf16 == there
    assert capsys.readouterr().err.count("\n") == (not there)
    assert not parse_finetune([*line[:-1], "--fp16", "true"])[1].fp16
    assert "fp16 is not available here" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        parse_finetune([*line, "perhaps"])
    config.write_text("bf16: perhaps\n")
    with pytest.raises(EcgByteError, match=r"config\.yaml: bf16 and fp16 must be auto, true or"):
        parse_finetune(["--config", str(config), *line[:-1]])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--learning-rate -1", "--learning-rate -1.0 must be greater than 0"),
        ("--learning-rate nan", "--learning-rate nan must be greater than 0"),
        ("--base-learning-rate 0", "--base-learning-rate 0.0 must be greater than 0"),
        ("--num-train-epochs inf", "--num-train-epochs inf must be"),
        ("--max-steps -5", "--max-steps -5 must be -1 or more"),
        ("--warmup-steps -3", "warmup.steps"),
        ("--lora-r 0", "--lora-r 0 must be 1 or more"),
        ("--lora-alpha -2", "--lora-alpha -2 must be greater than 0"),
        ("--lora-dropout 1", "--lora-dropout 1.0 must be from 0 to below 1"),
        ("--per-device-train-batch-size 0", "--per-device-train-batch-size 0 must be 1"),
        ("--per-device-eval-batch-size -1", "--per-device-eval-batch-size -1 must be 1"),
        ("--gradient-accumulation-steps 0", "gradient.accumulation.steps"),
        ("--context 0", "--context 0 must be 1 or more"),
        ("--text-vocab-size 10", "--text-vocab-size 10 must be 260 or more"),
        ("--max-train-records 0", "--max-train-records 0 must be 1 or more"),
        ("--early-stopping-patience 0", "--early-stopping-patience 0 must be 1"),
        ("--ecg-loss-weight -1", "--ecg-loss-weight -1.0 must be 0 or more"),
        ("--ecg-pretraining-epochs -1", "--ecg-pretraining-epochs -1.0 must be 0 or more"),
        ("--ecg-pretraining-epochs nan", "--ecg-pretraining-epochs nan must be 0 or more"),
        ("--ecg-pretraining-learning-rate 0", "--ecg-pretraining-learning-rate 0.0 must be gre"),
        ("--questions-per-sequence 0", "--questions-per-sequence 0 must be 1 or more"),
        ("--augmentation [1]", r"--augmentation \[1\] must be a mapping"),
        ('--augment true --augmentation {"gain":-1}', "augmentation gain -1 must be 0 to 1"),
        ("--seed -1", "--seed -1 must be 0 or more"),
        ("--adam-beta2 1", "--adam-beta2 1.0 must be from 0 to below 1"),
    ],
)
def test_numbers_that_nothing_can_be_trained_with_are_refused_at_once(tmp_path, line, message):
    options = f"--corpus c --tokenizer t --report-to none --output-dir {tmp_path / 'out'} {line}"
    with pytest.raises(UsageError, match=message) as caught:
        finetune(*parse_finetune(options.split()))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_mapping_is_json_on_the_command_line(tmp_path, capsys):
    line = f"--corpus c --tokenizer t --report-to none --output-dir {tmp_path} --augment true"
    arguments, _ = parse_finetune([*line.split(), "--augmentation", '{"gain": 0.3, "turn": 1}'])
    arguments.check()
    assert arguments.augmentation == {"gain": 0.3, "turn": 1}
    with pytest.raises(SystemExit):
        parse_finetune([*line.split(), "--augmentation", "{gain"])
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("script", "line", "code", "message"),
    [
        ("evaluate", "", 2, "--model is missing"),
        ("evaluate", "--dtype nosuch", 2, "invalid choice: 'nosuch'"),
        ("evaluate", "--compare a --model b --max-records 3", 2, "out --model, --max-records"),
        ("evaluate", "--compare a --json file/x", 1, "file/x: cannot be written"),
        ("evaluate", "--model m --corpus c --json file/x", 1, "file/x: cannot be written"),
        ("evaluate", "--model m --corpus c --json .", 1, "it is a folder"),
        ("evaluate", "--model m --corpus c --json x --answers file/x", 1, "file/x: cannot be"),
        ("evaluate", "--model m --corpus c --json x --encoder nosuch", 1, "no config.json there"),
        ("finetune", "", 2, "--corpus is missing"),
        ("finetune", "--corpus c --tokenizer t", 2, "--output-dir is missing"),
        ("finetune", "--corpus c --tokenizer t --output-dir o", 2, "neither --base nor --small"),
        ("finetune", "--nosuch 1", 2, "unrecognized arguments: --nosuch 1"),
        ("finetune", "--config", 2, "argument --config: expected one argument"),
        ("finetune", "--config latin.yaml", 1, "cannot read the config latin.yaml"),
        ("finetune", "--corpus c --tokenizer t --ecg-rows-start no", 2, "must be one of random"),
        ("finetune", "--resume-from-checkpoint no-such", 2, "must be true or false"),
        ("finetune", "--deepspeed nosuch.json", 1, "training arguments:"),
        ("finetune", "--load-best-model-at-end true --eval-strategy no", 2, "to match"),
        ("two_stage", "--corpus c --encoder e", 2, "--output-dir is missing"),
        ("curves", "--nosuch 1", 2, "unrecognized arguments"),
        ("curves", "c.json --levels 2", 2, "2 must be from 0 to 1"),
        ("fetch_smollm2", "", 2, "arguments are required: folder"),
    ],
)
def test_a_mistake_is_one_line_and_usage_is_told_by_the_exit_code(
    started, script, line, code, message
):
    ended, _, error = started(f"{script}.py", *line.split())
    assert (ended, error.count("\n")) == (code, 1), error
    assert message in error


@pytest.mark.parametrize(
    "script", ["curves", "evaluate", "fetch_smollm2", "finetune", "resnet", "two_stage"]
)
def test_help_begins_with_what_a_script_does_and_a_command_to_copy(started, script):
    ended, said, _ = started(f"{script}.py", "--help")
    assert ended == 0
    usage, _, rest = said.partition("\n\n")
    assert usage.count("\n") == 0
    assert f"training/{script}.py" in rest.partition("options:")[0]


@pytest.mark.parametrize("parse", [parse_finetune, parse_evaluate])
def test_usage_errors_are_one_line(parse, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(["--seed", "x", "--model", "m", "--corpus", "c"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "invalid int value: 'x'" in error
    assert error.count("\n") == 1


def test_unknown_and_broken_configs_are_refused(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("learning_rat: 1\n")
    with pytest.raises(EcgByteError, match="unknown field 'learning_rat'"):
        parse_finetune(["--config", str(config)])
    for text in ("- a\n", "a: [\n"):
        config.write_text(text)
        with pytest.raises(EcgByteError, match=r"config\.yaml"):
            read_config(config, {"a"})
    with pytest.raises(EcgByteError, match="cannot read the config"):
        read_config(tmp_path / "absent.yaml", set())


def test_finetune_and_evaluate_from_the_shell(tmp_path):
    corpus = tiny.make_corpus(tmp_path / "corpus")
    tokenizer = tiny.make_tokenizer(corpus, tmp_path / "tokenizer")
    out = tmp_path / "out"
    finetune = run(
        *("-m", "accelerate.commands.launch", "--num_cpu_threads_per_process", 1),
        *("training/finetune.py", "--config", CONFIGS / "small.yaml"),
        *("--corpus", corpus, "--tokenizer", tokenizer, "--output-dir", out),
        *("--max-steps", 2, "--max-train-records", 8, "--evaluate", "true"),
    )
    assert finetune.returncode == 0, finetune.stderr
    assert "losses" in finetune.stdout
    at_the_end = json.loads((out / "evaluation-validation.json").read_text())
    assert at_the_end["blind"]["n"] == at_the_end["accuracy"]["n"] > 0
    assert "control blind" in (out / "README.md").read_text(encoding="utf-8")
    target = tmp_path / "evaluation.json"
    evaluate = run("training/evaluate.py", "--model", out, "--corpus", corpus, "--json", target)
    assert evaluate.returncode == 0, evaluate.stderr
    assert json.loads(target.read_text()) == at_the_end
    for model, message in [(corpus, "no fine-tuned model"), ("org/model", "say with --json")]:
        refused = run("training/evaluate.py", "--model", model, "--corpus", corpus)
        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
        assert message in refused.stderr


def test_ctrl_c_is_one_line_and_130(capsys):
    def interrupted():
        raise KeyboardInterrupt

    assert run_script(interrupted, "go on") == 130
    assert capsys.readouterr().err.count("\n") == 1


def test_missing_torch_is_one_line(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert run_script(lambda: None, "go on") == 1
    assert "needs torch: pip install 'ecg-byte-hf[train]'" in capsys.readouterr().err

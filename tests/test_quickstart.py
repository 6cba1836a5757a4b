"""`ecg-byte quickstart`: a small one by default, the real one as a slow test."""

import json
import shlex

import pytest
import yaml

from ecg_byte_hf import EcgByteError
from ecg_byte_hf import quickstart as module
from ecg_byte_hf.hub.push import plan_push
from ecg_byte_hf.reading import training
from ecg_byte_hf.reading.tables import accuracy_of, with_interval

from .reading import tiny

CONFIG = {
    "small_llama": tiny.SMALL_LLAMA,
    "context": 2048,
    "max_train_records": 8,
    "max_validation_records": 2,
    "max_steps": 2,
    "save_strategy": "steps",
    "save_steps": 1,
    "report_to": "none",
    "use_cpu": True,
}
LEFT = (
    "corpus/corpus.json",
    "tokenizer/tokenizer.json",
    "model/reading.json",
    "model/model.safetensors",
    "model/blind/model.safetensors",
    "model/evaluation-test.json",
    "report.json",
    "ecg.png",
    "tokens.png",
    "record.csv",
)


@pytest.fixture(autouse=True)
def stages(monkeypatch, tmp_path):
    """A config of two steps, and the titles of the stages that were trained."""
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(CONFIG))
    titles = []
    run_stage = training.run_stage

    def named(*args, title, **kwargs):
        titles.append(title)
        return run_stage(*args, title=title, **kwargs)

    monkeypatch.setattr(training, "run_stage", named)
    monkeypatch.setattr(module, "shipped_file", lambda name: config)
    return titles


def run(out, **more):
    more.setdefault("say", lambda line: None)
    return module.quickstart(out, records=100, quiet=True, **more)


def test_small_quickstart_leaves_everything_goes_on_and_leaves_other_files(
    tmp_path, stages, monkeypatch
):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:

        def interrupted(*args, **kwargs):
            raise KeyboardInterrupt

        patch.setattr(training, "_save_base", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(out)
    assert stages == ["small Llama"]
    stages.clear()
    report = run(out)
    for name in LEFT:
        assert (out / name).stat().st_size > 0, name
    assert json.loads((out / "report.json").read_text()) == report
    assert report["reading"]["blind"]["n"] == report["reading"]["accuracy"]["n"] > 0
    assert set(report["asked"]) == {"record_id", "question", "answer", "truth"}
    assert stages[-2:] == ["blind base", "blind adapter"]

    stages.clear()
    said = []
    again = run(out, say=said.append)
    assert stages == []
    # The last two lines push what is there, each as it stands.
    for line, kind in zip(said[-2:], ("tokenizer", "model"), strict=True):
        command, push, folder, name = shlex.split(line)
        assert (command, push) == ("ecg-byte", "push")
        plan = plan_push(folder, name)
        assert plan.kind.name == kind
        assert plan.files["README.md"] > 0
        # The card speaks of it.
        assert ("questions.txt" in plan.files) is (kind == "model")
    card = (out / "tokenizer" / "README.md").read_text()
    assert "![ecg.png](ecg.png)" in card
    assert f"| {report['fidelity']['overall']['tokens_mean']:,.0f} |" in card
    blind = with_interval(*accuracy_of(report["reading"]["blind"]))
    assert f"| blind | {blind} |" in (out / "model" / "README.md").read_text()
    assert again["reading"] == report["reading"]
    with pytest.raises(EcgByteError, match="other arguments"):
        run(out, seed=1)

    foreign = [out / "thesis.tex", out / "model" / "thesis.tex", out / "tokenizer" / "thesis.tex"]
    for path in foreign:
        path.write_text("mine")
    replaced = run(out, seed=1, overwrite=True)
    assert len(stages) == 4
    assert replaced["settings"]["seed"] == 1
    assert [path.read_text() for path in foreign] == ["mine"] * 3


@pytest.mark.parametrize("name", ["thesis.tex", "quickstart.json"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_refused(tmp_path, name, overwrite):
    path = tmp_path / "out" / name
    path.parent.mkdir()
    path.write_text("[]")
    with pytest.raises(EcgByteError, match="not a quickstart's"):
        run(path.parent, overwrite=overwrite)
    assert path.read_text() == "[]"
    with pytest.raises(EcgByteError, match="no folder can be made"):
        run(path)


@pytest.mark.parametrize(("missing", "extra"), [("torch", "train"), ("matplotlib", "plot")])
def test_what_is_not_installed_is_said_before_any_work(tmp_path, monkeypatch, missing, extra):
    import sys

    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(EcgByteError, match=rf"needs {missing}: pip install .*\[{extra}\]"):
        run(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_quickstart_learns_to_read(tmp_path, monkeypatch):
    monkeypatch.undo()
    module.quickstart(tmp_path / "out", quiet=True)
    reading = json.loads((tmp_path / "out" / "report.json").read_text())["reading"]
    accuracy, blind, shuffled = (
        100 * reading[name]["overall"] for name in ("accuracy", "blind", "shuffled")
    )
    assert accuracy - blind >= 20
    assert abs(shuffled - blind) <= 3

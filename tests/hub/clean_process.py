"""Python programs in a process that knows a Hub and not this package."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from tests.hub_server.server import HubServer

# Without `site`, the link of an editable installation is not followed; a real installation would
# lie among the site-packages, and is blocked.
_HIDE = """
import json, sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "ecg_byte_hf":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
try:
    import ecg_byte_hf
    raise SystemExit("ecg_byte_hf is there")
except ModuleNotFoundError:
    pass
"""


def run_json(
    hub: HubServer,
    program: str,
    *arguments: object,
    folder: Path,
    with_package: bool = False,
    token: str | None = None,
) -> Any:
    """Run `program` with empty caches in `folder`; what it printed last, as JSON.

    Without `with_package`, importing `ecg_byte_hf` fails in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = hub.environment(folder / "home", token)
    environment["OMP_NUM_THREADS"] = "1"
    options = []
    if not with_package:
        options = ["-S"]
        environment["PYTHONPATH"] = sysconfig.get_paths()["purelib"]
        program = _HIDE + program
    done = subprocess.run(
        [sys.executable, *options, "-c", program, *map(str, arguments)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])

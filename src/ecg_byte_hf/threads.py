"""How torch's threads wait for one another."""

from __future__ import annotations

import os


def wait_without_spinning() -> None:
    """Let OpenMP's threads sleep while they wait; call it before torch is imported.

    By default they spin, and on a machine that does something else as well a small Llama then
    trains at a third of its speed: nearly all the time goes into waiting for a thread that has no
    core. A setting of the user's own is left alone.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

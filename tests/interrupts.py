"""Ctrl-C for the commands that tests start."""

import signal


def heed_interrupts() -> None:
    """Let a child process be interrupted (`preexec_fn`): started from a job in the background,
    it would inherit that SIGINT is ignored.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)

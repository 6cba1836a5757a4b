"""A Hub of one's own on 127.0.0.1, in a thread."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import uvicorn

from .app import make_app
from .faults import Faults
from .store import Store

# A name with rights in `org`, one without, one that may only read.
TOKEN = "hf_TestsWriteToken0000000000000000000"
OTHER_TOKEN = "hf_TestsOtherToken0000000000000000000"
READ_TOKEN = "hf_TestsReadToken00000000000000000000"
TOKENS = (TOKEN, OTHER_TOKEN, READ_TOKEN)


class HubServer:
    """A running Hub: `endpoint`, its `store`, its `faults`. A context manager."""

    def __init__(self) -> None:
        self.store = Store()
        self.store.add_user(TOKEN, "somebody", "write", "org")
        self.store.add_user(OTHER_TOKEN, "stranger", "write")
        self.store.add_user(READ_TOKEN, "somebody", "read", "org")
        self.faults = Faults(make_app(self.store))
        config = uvicorn.Config(
            self.faults,
            host="127.0.0.1",
            port=0,
            log_level="critical",
            lifespan="off",
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self.endpoint = ""

    def __enter__(self) -> HubServer:
        self._thread.start()
        deadline = time.monotonic() + 30
        while not self._server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the Hub of the tests did not start")
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)

    def environment(self, home: Path, token: str | None = None) -> dict[str, str]:
        """The environment of a process that knows this Hub alone and keeps its caches in `home`."""
        outside = ("HF_", "HUGGING", "TRANSFORMERS_", "PYTHONPATH")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(outside)}
        ours = {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1,localhost",
        }
        return kept | ours | ({"HF_TOKEN": token} if token else {})

"""What can go wrong between a client and the Hub, to be injected before the Hub is asked."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


@dataclass
class Fault:
    """`times` requests of `method` whose path matches `pattern` go wrong as `kind` says."""

    kind: str
    method: str
    pattern: str
    times: int
    action: Callable[[], None] | None = None


class Faults:
    """ASGI middleware: passes requests on, except those for which a fault waits.

    `requests` has the method and the path of every request, in order.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self.waiting: list[Fault] = []
        self.requests: list[tuple[str, str]] = []

    def drop_upload(self, pattern: str, times: int = 1) -> None:
        """The connection ends after the first bytes of what a client uploads (PUT)."""
        self.waiting.append(Fault("drop", "PUT", pattern, times))

    def drop(self, method: str, pattern: str, times: int = 1) -> None:
        """The connection ends without an answer."""
        self.waiting.append(Fault("drop", method, pattern, times))

    def unavailable(self, method: str, pattern: str, times: int = 1) -> None:
        """503, then as ever."""
        self.waiting.append(Fault("503", method, pattern, times))

    def truncate(self, pattern: str, times: int = 1, method: str = "GET") -> None:
        """The connection ends after half of an answer: a download, or what a commit came to."""
        self.waiting.append(Fault("truncate", method, pattern, times))

    def before(self, method: str, pattern: str, action: Callable[[], None]) -> None:
        """`action` happens between two requests: right before the one that matches."""
        self.waiting.append(Fault("before", method, pattern, 1, action))

    def clear(self) -> None:
        self.waiting.clear()
        self.requests.clear()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        # Quoted: a branch may have a slash in its name, which must not divide the path.
        scope["path"] = scope["raw_path"].decode()
        self.requests.append((scope["method"], scope["path"]))
        fault = self._next(scope["method"], scope["path"])
        if fault == "drop":
            await receive()
            hang_up(receive)
        elif fault == "503":
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b"Service Unavailable"})
        elif fault == "truncate":
            await self.application(scope, receive, half(send, receive))
        else:
            await self.application(scope, receive, send)

    def _next(self, method: str, path: str) -> str | None:
        for fault in self.waiting:
            if fault.times and fault.method == method and re.search(fault.pattern, path):
                fault.times -= 1
                if fault.action is not None:
                    fault.action()
                return fault.kind
        return None


def hang_up(receive: Any) -> None:
    """End the connection at once, which ASGI has no word for: uvicorn's transport does it."""
    receive.__self__.transport.abort()


def half(send: Any, receive: Any) -> Any:
    """A `send` that hangs up after half of the first part of a body."""

    async def send_half(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            await send(message | {"body": body[: len(body) // 2], "more_body": True})
            receive.__self__.transport.close()
        else:
            await send(message)

    return send_half

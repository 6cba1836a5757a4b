"""The token, and what goes wrong between here and the Hub, in one line each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..hub_code.errors import EcgByteError, one_line


def require_token() -> str:
    """The user's token, from `HF_TOKEN` or `hf auth login`; `EcgByteError` where there is none."""
    from huggingface_hub import get_token

    token = get_token()
    if not token:
        raise EcgByteError(
            "no token for the Hub: set HF_TOKEN to one that may write, or run `hf auth login`"
        )
    return token


@contextmanager
def hub_errors(repo_id: str, token: str) -> Iterator[None]:
    """Within it, what the client raises becomes an `EcgByteError` without the token in it."""
    try:
        yield
    except EcgByteError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        raise EcgByteError(f"{repo_id}: {_reason(error)}".replace(token, "(token)")) from None
    except Exception as error:
        # The HTTP library's own: it changed between versions of the client.
        if not _no_network(error):
            raise
        raise EcgByteError(f"{repo_id}: {_reason(error)}".replace(token, "(token)")) from None


def _chain(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _no_network(error: BaseException) -> bool:
    from huggingface_hub.errors import OfflineModeIsEnabled

    kinds = {kind.__name__ for one in _chain(error) for kind in type(one).__mro__}
    return isinstance(error, OfflineModeIsEnabled) or "TransportError" in kinds


def _reason(error: BaseException) -> str:
    from huggingface_hub import constants
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return "the Hub is switched off by HF_HUB_OFFLINE; unset it to push"
    if _no_network(error):
        return (
            f"no connection to {constants.ENDPOINT}, or it broke off; run the same command again "
            f"when it is back: what has arrived is not sent twice"
        )
    status = next(
        (one.response.status_code for one in _chain(error) if hasattr(one, "response")), None
    )
    said = one_line(error, 200)
    known = {
        401: "the Hub does not know this token; renew HF_TOKEN or run `hf auth login`",
        403: "this token may not write there; take one of its owner with the role write",
        404: "the Hub has no such repository or branch, or hides it from this token",
        412: "somebody else changed the repository meanwhile; run the same command again",
        429: "the Hub asks for a pause (too many requests); run the same command again later",
    }
    if status in known:
        return known[status]
    if status is not None and status >= 500:
        return f"the Hub fails ({status}); run the same command again later"
    return f"the Hub refuses ({said})"

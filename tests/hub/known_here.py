"""The tests' Hub and the client of this process, for the `hub` fixtures of several folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from huggingface_hub import constants

from tests.hub_server.server import TOKEN, HubServer


@contextmanager
def known_here(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`HF_ENDPOINT` as if set before the start, and a token; at the end the Hub is empty again.

    The client reads its environment when it is imported, and the tests' own is offline.
    """
    template = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    # transformers keeps the client that an earlier test made.
    monkeypatch.setattr("transformers.utils.hub._hf_api", None, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield
    hub.faults.clear()
    hub.store.clear()

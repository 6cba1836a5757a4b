"""A Hub on 127.0.0.1 for the tests of this folder, and the real client pointed at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from huggingface_hub import constants

from tests.hub_server.server import TOKEN, HubServer


@pytest.fixture(scope="session")
def hub_process() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def hub(hub_process: HubServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """The Hub, known to this process by `HF_ENDPOINT` as if set before the start, with a token.

    The client reads its environment when it is imported, and the tests' own is offline.
    """
    template = hub_process.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", hub_process.endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_ENDPOINT", hub_process.endpoint)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield hub_process
    hub_process.faults.clear()
    hub_process.store.clear()

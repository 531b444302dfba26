"""Shared fixtures and the profiles of hypothesis.

`ci` draws the same examples every time, so that a test passes or fails for a reason in the code; `long` explores, by
`pytest --hypothesis-profile=long`.
"""

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.documents import make_document
from tests.ledgers import memory_ledger
from tests.newsroom import Newsroom
from tests.signals import ctrl_c_minded

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)

# Prefect's own servers give up 20 s after they were started, which eight processes side by side can take. Set before
# Prefect reads it, at import; inherited by what tests start.
PATIENCE_SECONDS = 240
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", str(PATIENCE_SECONDS))

CI_EXAMPLES = 25
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=CI_EXAMPLES, suppress_health_check=SLOW)
settings.register_profile("long", deadline=timedelta(minutes=5), max_examples=2_000, suppress_health_check=SLOW)
settings.load_profile("ci")


def phases() -> tuple[Phase, ...]:
    """Where each example takes seconds: the chosen ones (`@example`) alone, and any in a long exploration."""
    return (Phase.explicit,) if settings().max_examples <= CI_EXAMPLES else tuple(Phase)


def pytest_collection_finish() -> None:
    """Leave what importing all tests has made out of later collections, of which each would take a third of a second.

    A command that fails makes one.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _short_collections() -> Iterator[None]:
    """Leave out what a module's tests have imported, too: Prefect's server alone makes each collection 60 ms longer."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c() -> Iterator[None]:
    """Let tests send SIGINT also where pytest was started with it ignored, in the background of a script."""
    with ctrl_c_minded():
        yield


@pytest.fixture
def newsroom(tmp_path: Path) -> Newsroom:
    """Give a source folder and a warehouse that are both empty."""
    return Newsroom.below(tmp_path)


@pytest.fixture(scope="session")
def _one_release(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A newsroom of one document, `a.md`, and the release of it; only to be copied."""
    room = Newsroom.below(tmp_path_factory.mktemp("one"))
    room.write("a.md", make_document())
    room.run()
    return room


@pytest.fixture
def published(_one_release: Newsroom, tmp_path: Path) -> Newsroom:
    """Give a newsroom of one document, `a.md`, which is published."""
    return _one_release.copy(tmp_path)


Command = Callable[..., CompletedProcess[str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Give what calls newsmart in this process, and returns how it ended and what it wrote."""

    def call(*arguments: object, environment: Mapping[str, str] | None = None) -> CompletedProcess[str]:
        # Not at the top: the settings of Prefect's harness come before.
        from flows.cli import main

        capsys.readouterr()
        with monkeypatch.context() as patch:
            for name, value in (environment or {}).items():
                patch.setenv(name, value)
            status = main([*map(str, arguments)])
        return CompletedProcess([*map(str, arguments)], status, *capsys.readouterr())

    return call


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give an in-memory ledger with the catalogs `work` and `news`, all scratch tables there and empty."""
    with memory_ledger() as made:
        yield made

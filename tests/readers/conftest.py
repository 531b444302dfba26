"""The release that every reader of this folder opens: the seeds a day later, with all that changed."""

from pathlib import Path

import pytest

from tests.warehouse.seed_releases import make_release


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release("a_day_later", tmp_path_factory.mktemp("readers"))

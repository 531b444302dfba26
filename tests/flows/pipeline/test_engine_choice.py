"""Which engine reads: what implies what, and what is refused before anything runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from flows.cli import build_parser, main
from flows.commands.run import run_request
from flows.pipeline import request as request_module
from flows.pipeline.request import dask_address_of, parameters_of
from flows.scheduling.batches import can_reach
from flows.settings import Settings, overridden
from schemas.errors import UsageError
from tests.documents import make_document
from tests.newsroom import Newsroom

ADDRESS = "tcp://10.0.0.7:8786"


@pytest.mark.parametrize(
    ("engine", "address", "read_by"),
    [
        ("", "", None),
        ("local", "", None),
        ("local", ADDRESS, None),
        ("dask", "", ""),
        ("", ADDRESS, ADDRESS),
        ("dask", "tls://[fe80::1]:8786", "tls://[fe80::1]:8786"),
    ],
)
def test_an_address_alone_means_dask(engine: str, address: str, read_by: str | None) -> None:
    assert dask_address_of(engine, address) == read_by


@pytest.mark.parametrize(
    "address",
    ["10.0.0.7:8786", "http://h:1", "inproc://h:1", "ucx://h:1", "tcp://h", "tcp://u:secret@h:1", "tcp://h:1/secret"],
)
def test_an_address_that_is_none_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(UsageError, match="not the address of a Dask scheduler") as caught:
        dask_address_of("dask", address)
    assert "secret" not in str(caught.value)


def test_another_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="must be local or dask: 'spark'"):
        overridden(Settings(), {"engine": "spark"})


@pytest.mark.parametrize("command", ["run --direct", "run", "serve"])
def test_without_the_extra_it_is_exit_2_and_its_name(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    newsroom.write("a.md", make_document())
    monkeypatch.setattr(request_module, "DASK_PACKAGES", ("distributed_that_is_not_there",))
    given = [*command.split(), "--source", str(newsroom.folder), "--warehouse", str(newsroom.warehouse)]
    assert main([*given, "--engine", "dask"]) == 2
    told = capsys.readouterr().err
    assert "newsmart[dask]" in told
    assert told.count("\n") == 1


def test_options_settings_and_flow_parameters_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSMART_DASK_ADDRESS", ADDRESS)
    monkeypatch.setenv("NEWSMART_WAREHOUSE", str(tmp_path / "news.duckdb"))
    options = build_parser().parse_args(["run", "--source", str(tmp_path)])
    request = run_request(options)
    assert request.dask_address == ADDRESS
    told = parameters_of(request)
    assert dask_address_of(str(told["engine"]), str(told["dask_address"])) == ADDRESS
    local = build_parser().parse_args(["run", "--source", str(tmp_path), "--engine", "local"])
    assert run_request(local).dask_address is None
    assert parameters_of(replace(request, dask_address=None))["engine"] == "local"


@pytest.mark.parametrize(
    ("address", "api_url", "reaches"),
    [
        ("", "http://127.0.0.1:4200/api", True),
        ("tcp://127.0.0.1:8786", "http://localhost:4200/api", True),
        (ADDRESS, "http://127.0.0.1:4200/api", False),
        (ADDRESS, "http://[::1]:4200/api", False),
        (ADDRESS, "https://prefect.example/api", True),
        ("", None, False),
    ],
)
def test_batches_are_tasks_only_where_workers_reach_prefect(address: str, api_url: str | None, reaches: bool) -> None:
    assert can_reach(address, api_url) == reaches

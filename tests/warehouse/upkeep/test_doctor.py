"""The doctor tells what is wrong, and needs nothing that could be wrong."""

import os
import sys
from pathlib import Path

import pytest

from schemas.errors import LockedError
from tests.warehouse.making import end, make_home, publish_release, start_python, wait_ready, write_ledger
from warehouse.home import Home
from warehouse.lock import hold
from warehouse.release import publish
from warehouse.upkeep import doctor, rights
from warehouse.upkeep.doctor import Finding, clean, examine
from warehouse.upkeep.rights import readers

READ = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
connection.execute("select 1 from article").fetchone()
print("open", flush=True)
sys.stdin.readline()
"""


def found(findings: list[Finding], name: str) -> Finding:
    return next(finding for finding in findings if finding.name == name)


def healthy(folder: Path) -> Home:
    home = make_home(folder)
    write_ledger(home)
    publish_release(home, "r1")
    return home


def test_a_healthy_warehouse_has_nothing_bad(tmp_path: Path) -> None:
    home = healthy(tmp_path)
    recorded = {"r1": publish.fingerprint_file(home.release_file("r1"))}
    findings = examine(home, recorded)
    assert [finding for finding in findings if finding.status == "bad"] == []
    assert found(findings, "file").text.endswith("shows release r1")
    assert found(findings, "lock").text == "no run is going"
    assert found(findings, "releases") == Finding("releases", "ok", "1 kept, all as published")
    assert found(findings, "leftovers").status == "ok"


def test_nothing_there_is_no_failure_and_makes_nothing(tmp_path: Path) -> None:
    home = Home.of(tmp_path / "deep" / "news.duckdb")
    findings = examine(home)
    assert found(findings, "file").status == "warn"
    assert [finding for finding in findings if finding.status == "bad"] == []
    assert clean(home) == []
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_file_a_stray_log_and_a_dangling_link_are_bad(tmp_path: Path) -> None:
    home = healthy(tmp_path)
    home.stray_wal.write_bytes(b"")
    assert found(examine(home), "log").status == "bad"
    home.release_file("r1").unlink()
    assert "whose file is gone" in found(examine(home), "file").text
    home.file.unlink()
    home.file.write_bytes(b"mine")
    assert found(examine(home), "file").status == "bad"


def test_the_holder_of_the_lock_is_named(tmp_path: Path) -> None:
    home = healthy(tmp_path)
    with hold(home):
        text = found(examine(home), "lock").text
        assert f"pid {os.getpid()}, since 20" in text
        with pytest.raises(LockedError):
            clean(home)


def test_a_tampered_and_an_unknown_release_are_told(tmp_path: Path) -> None:
    home = healthy(tmp_path)
    recorded = {"r1": publish.fingerprint_file(home.release_file("r1"))}
    publish_release(home, "r2", 2)
    home.release_file("r1").chmod(0o644)
    with home.release_file("r1").open("r+b") as file:
        file.seek(5000)
        file.write(b"x")
    texts = [(finding.status, finding.text[:2]) for finding in examine(home, recorded) if finding.name == "releases"]
    assert texts == [("bad", "r1"), ("warn", "r2")]


def test_a_ledger_that_is_missing_or_open_to_others_is_told(tmp_path: Path) -> None:
    home = healthy(tmp_path)
    home.ledger.chmod(0o644)
    assert found(examine(home), "ledger").status == "warn"
    home.ledger.unlink()
    assert found(examine(home), "ledger").status == "bad"


@pytest.mark.skipif(sys.platform != "linux", reason="who reads which file is known from /proc only")
def test_readers_of_old_releases_are_named_even_when_these_are_pruned(tmp_path: Path) -> None:
    home = healthy(tmp_path)
    old = start_python(READ, home.file)
    assert wait_ready(old) == "open"
    publish_release(home, "r2", 2)
    new = start_python(READ, home.file)
    assert wait_ready(new) == "open"
    try:
        assert [(reader.pid, reader.release) for reader in readers(home)] == [(old.pid, "r1"), (new.pid, "r2")]
        texts = {(finding.status, finding.text.split(":")[0]) for finding in examine(home) if finding.name == "readers"}
        assert texts == {("warn", "r1, old"), ("ok", "r2")}
        publish.prune(home, [])
        assert [(reader.pid, reader.release) for reader in readers(home)] == [(old.pid, "r1"), (new.pid, "r2")]
    finally:
        end(old)
        end(new)
    assert readers(home) == []


def test_without_proc_nothing_is_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "PROC", tmp_path / "none")
    assert "not known here" in found(examine(healthy(tmp_path)), "readers").text


def test_leftovers_are_told_and_cleaned(tmp_path: Path) -> None:
    home = healthy(tmp_path)
    (publish.stage(home, "r2")).write_bytes(b"x" * 12345)
    finding = found(examine(home), "leftovers")
    assert finding.status == "warn"
    assert "12,345 bytes" in finding.text
    with hold(home):
        assert [finding for finding in examine(home) if finding.name == "leftovers"] == []
    assert clean(home) == [home.staging_folder("r2")]
    assert found(examine(home), "leftovers").status == "ok"
    assert publish.current(home) == "r1"


@pytest.mark.parametrize(("free", "status"), [(10, "bad"), (100_000_000, "warn"), (10**12, "ok")])
def test_room_for_the_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, status: str) -> None:
    home = healthy(tmp_path)
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr("warehouse.upkeep.doctor.shutil.disk_usage", lambda _: usage)
    assert found(examine(home), "space").status == status


def test_the_versions_at_hand_are_those_known_to_work() -> None:
    assert [text for status, text in doctor.check_tools() if status != "ok"] == []


def test_versions_that_were_never_tried_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["duckdb<0.2,>=0.1", "no-such-tool", "pyarrow>=20.0.1rc1", "another-tool; extra == 'dask'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda _: wanted)
    texts = [text for _, text in doctor.check_tools()]
    assert "was never tried; <0.2,>=0.1 is known to work" in texts[0]
    assert texts[1:] == ["no-such-tool is not installed"]


@pytest.mark.parametrize(
    ("mode", "said"), [(0o777, "its group and everybody"), (0o775, "its group"), (0o757, "everybody"), (0o1777, None)]
)
@pytest.mark.parametrize("name", [".", "news.duckdb.d", "news.duckdb.d/releases"])
def test_a_folder_that_others_can_write_is_warned_of(tmp_path: Path, name: str, mode: int, said: str | None) -> None:
    home = make_home(tmp_path)
    for folder in (tmp_path, home.folder, home.releases, home.temp):
        folder.chmod(0o755)
    assert list(rights.check_folders(home)) == []
    (tmp_path / name).chmod(mode)
    found = list(rights.check_folders(home))
    assert [status for status, _ in found] == ([] if said is None else ["warn"])
    assert said is None or f"{tmp_path / name}: {said} can replace" in found[0][1]


def test_a_folder_that_goes_while_it_is_looked_at_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = healthy(tmp_path)
    home.prefect.mkdir()
    real = Path.stat

    def stat_after_it_went(path: Path, **more: bool) -> os.stat_result:
        if path == home.prefect and not more and os.path.isdir(path):
            path.rmdir()
        return real(path, **more)

    monkeypatch.setattr(Path, "stat", stat_after_it_went)
    assert [finding for finding in examine(home) if finding.status == "bad"] == []
    assert not os.path.lexists(home.prefect)


def test_a_folder_of_another_user_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_home(tmp_path)
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    expected = [] if owner == 0 else [f"{home.folder}: it belongs to user {owner}, who can replace what lies in it"]
    assert [text for _, text in rights.check_folders(home) if text.startswith(f"{home.folder}:")] == expected

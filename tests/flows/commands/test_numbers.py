"""Numbers that no clock, counter or memory can hold: each is one clear line and exit status 2."""

from pathlib import Path

import pytest

from flows.cli import main
from flows.settings import load_settings
from schemas.errors import UsageError

HUGE = "9" * 5_000
# Too long for int(), for 64 bits, for a float; no number to count with; below zero.
ABSURD = (HUGE, "9" * 23, "1e999", "inf", "nan", "-5")
NUMBERS = {
    "workers": ("run", "--direct"),
    "max_quarantine": ("run", "--direct"),
    "keep_releases": ("run", "--direct"),
    "keep_runs": ("maintain",),
    "keep_quarantine_days": ("maintain",),
    "keep_raw_days": ("maintain",),
    "build_memory": ("run", "--direct"),
    "query_memory": ("query", "select 1"),
    "query_seconds": ("query", "select 1"),
    "max_age": ("status",),
}
# One of each kind meets every value; the others those that only their own bounds refuse.
OF_EACH_KIND = ("workers", "max_quarantine", "build_memory", "query_seconds", "max_age")
SETTINGS = [
    pytest.param(
        name,
        value,
        id=f"{name}-{value[:4]}",
        marks=() if name in OF_EACH_KIND or value in (ABSURD[1], "-5") else pytest.mark.slow,
    )
    for name in NUMBERS
    for value in ABSURD
]


def check_wrong_usage(status: int, captured: tuple[str, str]) -> None:
    """Hold that it was told as wrong usage, in one line that a screen can hold."""
    out, err = captured
    assert (status, out) == (2, "")
    assert err.startswith("newsmart: ")
    assert err.count("\n") == 1
    assert len(err) < 400
    assert "unexpected" not in err


@pytest.mark.parametrize(("name", "value"), SETTINGS)
def test_a_setting_beyond_all_sense_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"NEWSMART_{name.upper()}", value)
    status = main(NUMBERS[name])
    captured = capsys.readouterr()
    check_wrong_usage(status, captured)
    assert name.replace("_", "-") in captured.err.replace("_", "-")


@pytest.mark.parametrize("value", ABSURD, ids=lambda value: value[:4])
@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--direct", "--workers"),
        ("backfill", "manifest.json", "--workers"),
        ("run", "--direct", "--max-quarantine"),
        ("run", "--direct", "--as-of"),
        ("serve", "--every"),
        ("serve", "--port"),
        ("backup", "--to", "copy", "--wait"),
        ("status", "--max-age"),
        ("status", "--max-run-age"),
    ],
    ids=lambda arguments: arguments[-1],
)
def test_an_option_beyond_all_sense_is_wrong_usage(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    value: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seeds").mkdir()
    status = main([*arguments[:-1], f"{arguments[-1]}={value}"])
    check_wrong_usage(status, capsys.readouterr())


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--direct", "--as-of", "0001-01-01T00:00:00+14:00"),
        ("run", "--direct", "--warehouse", HUGE),
        ("run", "--direct", "--warehouse", "/"),
        ("doctor", "--warehouse", HUGE),
    ],
)
def test_a_time_or_a_path_that_cannot_be_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seeds").mkdir()
    status = main(arguments)
    check_wrong_usage(status, capsys.readouterr())


@pytest.mark.parametrize(
    "text",
    [
        "workers = inf",
        "workers = true",
        "workers = 1.5",
        "query_seconds = nan",
        "warehouse = [1]",
        'warehouse = "a\\u0000b"',
        "source = true",
        "log_format = 'xml'",
        f"workers = {'[' * 3_000}",
        f"workers = {HUGE}",
    ],
    ids=lambda text: text[:24],
)
def test_a_value_of_the_file_that_does_not_fit_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "newsmart.toml").write_text(text)
    with pytest.raises(UsageError):
        load_settings({})


def test_bounds_are_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = {
        "WORKERS": "1024",
        "MAX_QUARANTINE": "1",
        "KEEP_RELEASES": "1",
        "KEEP_RAW_DAYS": "0",
        "BUILD_MEMORY": "50%",
        "QUERY_MEMORY": "1000TB",
        "QUERY_SECONDS": "0.001",
    }
    made = load_settings({f"NEWSMART_{name}": value for name, value in told.items()})
    assert (made.workers, made.max_quarantine, made.keep_releases, made.keep_raw_days) == (1024, 1.0, 1, 0)
    assert (made.build_memory, made.query_memory, made.query_seconds) == ("50%", "1000TB", 0.001)

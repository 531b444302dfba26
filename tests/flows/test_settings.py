"""Where a setting comes from, and what is refused."""

from pathlib import Path

import pytest

from flows.settings import Settings, load_settings
from flows.sources.named import parse_source, parse_sources
from schemas.errors import UsageError


def test_defaults_hold_where_nothing_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings({}) == Settings()


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "newsmart.toml").write_text('keep_releases = 5\nwarehouse = "file.duckdb"\n')
    made = load_settings({"NEWSMART_WAREHOUSE": "environment.duckdb", "NEWSMART_QUERY_SECONDS": "1.5"})
    assert (made.keep_releases, made.warehouse, made.query_seconds) == (5, "environment.duckdb", 1.5)


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        ("unknown = 1", {}),
        ("not toml", {}),
        ("", {"NEWSMART_WORKERS": "many"}),
        ("", {"NEWSMART_SETTINGS": "nowhere.toml"}),
    ],
)
def test_what_does_not_fit_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, environment: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "newsmart.toml").write_text(text)
    with pytest.raises(UsageError):
        load_settings(environment)


@pytest.mark.parametrize(
    ("text", "name", "root"),
    [
        ("news=/data/x", "news", "/data/x"),
        ("/data/news", "news", "/data/news"),
        ("/data/news/", "news", "/data/news/"),
        ("/data/a=b", "a=b", "/data/a=b"),
        ("n=/data/a=b", "n", "/data/a=b"),
        ("a=b=/data/a=b", "a=b", "/data/a=b"),
        ("a=b=s3://bucket/c=d", "a=b", "s3://bucket/c=d"),
        ("n=a=b/c", "n", "a=b/c"),
    ],
)
def test_sources_are_named(text: str, name: str, root: str) -> None:
    source = parse_source(text)
    assert (source.name, source.root) == (name, root)


@pytest.mark.parametrize("text", ["", "news=", "news= ", "=", "=news", "/"])
def test_a_source_needs_name_and_folder(text: str) -> None:
    with pytest.raises(UsageError):
        parse_source(text)


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="same name"):
        parse_sources([f"a={tmp_path}", f"a={tmp_path}"])

"""What `--source` takes for a URL, and what it refuses, without a word of what may be secret."""

import json
import os
import sys
from pathlib import Path

import pytest

from flows.cli import main
from flows.pipeline.backfill import plan
from flows.pipeline.request import RunRequest, parameters_of
from flows.settings import Settings
from flows.sources.scan import absolute, parse_source, parse_sources
from schemas.errors import UsageError

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("text", "name", "root"),
    [
        ("s3://bucket", "bucket", "s3://bucket"),
        ("s3://bucket/", "bucket", "s3://bucket"),
        ("S3://bucket/deep/news/", "news", "s3://bucket/deep/news"),
        ("n=s3://bucket/a=b/c@d", "n", "s3://bucket/a=b/c@d"),
        ("zip:///data/export.zip", "export.zip", "zip:///data/export.zip"),
        ("zip://in/news::/data/export.zip", "news", "zip://in/news::/data/export.zip"),
        ("zip://news::file:///data/export.zip", "news", "zip://news::/data/export.zip"),
        ("n=tar://./::/data/../data/x.tar.gz", "n", None),
        ("n=tar:///data/x.tar.gz", "n", "tar:///data/x.tar.gz"),
        ("file:///data/news", "news", "/data/news"),
    ],
)
def test_urls_have_one_spelling(text: str, name: str, root: str | None) -> None:
    if root is None:
        with pytest.raises(UsageError, match=r"no empty, \. or \.\. components"):
            parse_source(text)
    else:
        source = parse_source(text)
        assert (source.name, source.root) == (name, root)
        assert parse_source(f"{name}={root}") == source
        assert absolute(root) == root


def test_an_archive_may_be_told_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_source("zip://data/x.zip").root == f"zip://{os.getcwd()}/data/x.zip"
    assert parse_source("zip://in::data/x.zip").root == f"zip://in::{os.getcwd()}/data/x.zip"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"s3://KEY:{SECRET}@bucket/news", "must not hold credentials"),
        (f"news=s3://KEY:{SECRET}@bucket", "must not hold credentials"),
        (f"s3://KEY:{SECRET}/with/slashes@bucket", "must not hold credentials"),
        (f"s3://{SECRET}@bucket", "must not hold credentials"),
        (f"file://KEY:{SECRET}@host/news", "must not hold credentials"),
        (f"https://KEY:{SECRET}@host/news", "must not hold credentials"),
        (f"zip://in::s3://KEY:{SECRET}@bucket/x.zip", "an archive must be a file on this machine"),
        (f"zip://https://KEY:{SECRET}@host/x.zip", "an archive must be a file on this machine"),
        (f"s3://{SECRET}!/news", "is no name of a bucket"),
        ("s3://b/p", "is no name of a bucket"),
        ("news=s3://b/p", "is no name of a bucket"),
        (f"https://host/{SECRET}", "a source cannot be read from there: https://"),
        ("memory://news", "a source cannot be read from there: memory://"),
        ("gs://bucket", "a source cannot be read from there: gs://"),
        ("file://news", "needs an absolute path"),
        *((text, "the source names no bucket") for text in ("s3://", "s3:///p", "news=s3:///p")),
        *((text, "name is empty") for text in ("=s2", " =s2", "=/data", f"=s3://{SECRET}/p", "==a")),
        ("s3://bucket/a/../b", r"no empty, \. or \.\. components"),
        ("zip://", "an archive must be a file"),
        ("zip:///nowhere/x.zip", "no such source archive: /nowhere/x.zip"),
    ],
)
def test_a_url_that_is_none_of_ours_is_refused_and_no_secret_is_repeated(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        parse_sources([text])
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("command", [("run", "--direct", "--debug"), ("serve",)])
def test_credentials_in_a_url_are_exit_2_and_stay_untold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    url = f"news=s3://KEY:{SECRET}@bucket/news"
    assert main([*command, "--source", url, "--warehouse", str(tmp_path / "news.duckdb")]) == 2
    out, err = capsys.readouterr()
    assert (out, SECRET in err) == ("", False)
    assert err.startswith("newsmart: a source's URL must not hold credentials: s3:// (")
    assert list(tmp_path.iterdir()) == []


def test_a_scheme_whose_extra_is_missing_is_exit_2_and_names_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert main(["run", "--direct", "--source", "s3://bucket/news"]) == 2
    words = "newsmart: s3:// needs the extra s3 (pip install 'newsmart[s3]')\n"
    assert capsys.readouterr().err == words


def test_a_manifest_may_name_urls(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps([{"as_of": "2024-01-01", "folder": "s3://bucket/2024-01-01/"}]))
    (request,), _ = plan(manifest, "news", tmp_path / "news.duckdb", Settings())
    assert [(source.name, source.root) for source in request.sources] == [("news", "s3://bucket/2024-01-01")]


def test_a_flow_gets_the_source_as_it_was_given(tmp_path: Path) -> None:
    sources = parse_sources(["s3://bucket/news"])
    assert parameters_of(RunRequest(sources, tmp_path))["source"] == ["news=s3://bucket/news"]

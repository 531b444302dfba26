"""Where a setting comes from, and what is refused."""

import os
from pathlib import Path

import pytest

from flows import settings as settings_module
from flows.cli import main
from flows.settings import FIELDS, Settings, load_settings, misspelt
from flows.sources.scan import parse_source, parse_sources
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


RISKY_LINES = [
    'on_failure = "touch ran"',
    'webhook = "http://127.0.0.1:9/"',
    'on_publish = "touch ran"',
    'publish_webhook = "http://127.0.0.1:9/"',
    'ducklake_python = "./evil"',
    'dask_address = "tcp://127.0.0.1:9"',
    'engine = "dask"',
    "keep_releases = 1",
    "keep_runs = 1",
    "keep_quarantine_days = 0",
    "keep_raw_days = 1",
    "max_quarantine = 1.0",
    'source = "news=/home/somebody/private"',
    'source = "s3://bucket/x"',
    'source = "zip:///data/x.zip"',
    'source = "../private"',
    'source = "~/private"',
    'warehouse = "/somewhere/else.duckdb"',
    'warehouse = "a/../../else.duckdb"',
]
OPEN = ["file to group", "file to all", "folder to group", "folder to all", "a sticky folder", "the folder of a link"]


def expose(folder: Path, way: str) -> None:
    """Let others write the settings file, one way or the other."""
    file, elsewhere = folder / "newsmart.toml", folder / "elsewhere"
    if way.startswith("file"):
        file.chmod(0o664 if way.endswith("group") else 0o646)
    elif way == "the folder of a link":
        elsewhere.mkdir()
        elsewhere.chmod(0o777)
        file.rename(elsewhere / "theirs.toml")
        file.symlink_to(elsewhere / "theirs.toml")
    else:
        folder.chmod({"folder to group": 0o775, "folder to all": 0o777, "a sticky folder": 0o1777}[way])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("way", OPEN)
@pytest.mark.parametrize("order", RISKY_LINES)
def test_a_found_settings_file_that_others_can_write_may_not_set_what_is_risky(
    folder: Path, order: str, way: str
) -> None:
    (folder / "newsmart.toml").write_text(order + "\n")
    expose(folder, way)
    with pytest.raises(UsageError) as caught:
        load_settings({})
    name = order.partition(" ")[0]
    assert f"may not set {name}: {folder}/newsmart.toml: " in str(caught.value)
    assert "NEWSMART_SETTINGS=newsmart.toml" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert getattr(load_settings({"NEWSMART_SETTINGS": "newsmart.toml"}), name) != getattr(Settings(), name)


@pytest.mark.parametrize("order", RISKY_LINES)
@pytest.mark.parametrize("mode", [0o755, 0o700, 0o750])
def test_a_found_settings_file_of_the_users_own_may_set_everything(folder: Path, order: str, mode: int) -> None:
    (folder / "newsmart.toml").write_text(order + "\n")
    (folder / "newsmart.toml").chmod(0o644)
    folder.chmod(mode)
    name = order.partition(" ")[0]
    assert getattr(load_settings({}), name) != getattr(Settings(), name)


@pytest.mark.parametrize(
    ("line", "link"),
    [
        ('source = "docs"', "docs"),
        ('source = "news=docs"', "docs"),
        ('source = "news=docs/more"', "docs"),
        ('warehouse = "docs/news.duckdb"', "docs"),
        ('warehouse = "news.duckdb"', "news.duckdb.d"),
    ],
)
def test_a_place_behind_a_link_out_of_a_shared_folder_is_refused(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, line: str, link: str
) -> None:
    (folder / link).symlink_to(tmp_path_factory.mktemp("private"))
    (folder / "newsmart.toml").write_text(line)
    assert load_settings({}) != Settings()
    folder.chmod(0o777)
    with pytest.raises(UsageError, match=f"may not set {line.split()[0]}: "):
        load_settings({})


def test_settings_that_run_dial_delete_or_lead_elsewhere_are_not_harmless() -> None:
    """RISKY_LINES names them all: a file that somebody else put there may not set them."""
    ordered = {order.split()[0] for order in RISKY_LINES}
    assert {name for name, field in FIELDS.items() if field.metadata["trust"] != settings_module.HARMLESS} == ordered


def test_harmless_settings_count_from_a_shared_folder(folder: Path) -> None:
    lines = ["query_seconds = 5", 'source = "news=docs/a=b"', 'warehouse = "out/..x.duckdb"', 'on_failure = ""']
    (folder / "newsmart.toml").write_text("\n".join(lines))
    folder.chmod(0o777)
    made = load_settings({})
    assert (made.query_seconds, made.source, made.warehouse) == (5, "news=docs/a=b", "out/..x.duckdb")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
@pytest.mark.parametrize("whose", ["newsmart.toml", "."])
def test_a_found_settings_file_or_folder_of_another_user_may_not_set_what_is_risky(folder: Path, whose: str) -> None:
    (folder / "newsmart.toml").write_text('on_failure = "touch ran"\n')
    os.chown(folder / whose, 61_234, -1)
    with pytest.raises(UsageError, match="belongs to another user"):
        load_settings({})


def test_a_command_of_a_shared_folder_does_not_run(folder: Path) -> None:
    (folder / "newsmart.toml").write_text('on_failure = "touch ran"\n')
    folder.chmod(0o777)
    for command in (["run", "--direct", "--source", "nowhere"], ["status"], ["query", "select 1"]):
        assert main([*command, "--warehouse", str(folder / "out.duckdb")]) == 2
    assert not (folder / "ran").exists()


def test_a_misspelt_variable_is_told_with_the_name_that_was_meant(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert misspelt({"NEWSMART_WAREHOUSE": "x", "NEWSMART_SETTINGS": "x", "HOME": "x"}) == []
    monkeypatch.setenv("NEWSMART_KEEP_RELASES", "5")
    assert main(["url", "https://example.com/a"]) == 0
    told = capsys.readouterr().err
    assert told == "newsmart: NEWSMART_KEEP_RELASES is no setting (NEWSMART_KEEP_RELEASES? see the README)\n"
    monkeypatch.delenv("NEWSMART_KEEP_RELASES")
    (folder / "newsmart.toml").write_text("keep_relases = 5\n")
    with pytest.raises(UsageError, match=r"keep_relases in newsmart.toml \(keep_releases\? one of"):
        load_settings({})

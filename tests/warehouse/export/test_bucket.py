"""Parquet in a bucket, over S3's protocol on loopback: as whole as in a folder, and safe without a lock."""

import hashlib
import json
import logging
import os
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from flows.cli import main
from schemas.errors import LockedError, TransientFailure, UsageError
from tests.warehouse.export.exports import TOPICS, by_duckdb, export, manifest_of, paths, small_warehouse
from warehouse.export import bucket
from warehouse.export.bucket import Bucket
from warehouse.export.place import Folder
from warehouse.home import Home

pytest.importorskip("boto3", reason="the extra s3 is not installed")
SECRETS = ("AKIDCANARYKEYID", "canary/secret+key")
names = count()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the warehouse's FILE."""
    return small_warehouse(tmp_path_factory.mktemp("export"))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Give the address of an S3 server of this process."""
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    made = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    made.start()
    host, port = made.get_host_and_port()
    yield f"http://{host}:{port}"
    made.stop()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what an S3 client looks for, and hide what this machine may have."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRETS[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS[1])
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)


@pytest.fixture
def url(server: str, credentials: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give an empty prefix of a new bucket."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    name = f"bucket-{next(names)}"
    client().create_bucket(Bucket=name)
    return f"s3://{name}/news/daily"


def client() -> Any:
    import boto3

    return boto3.session.Session().client("s3")


def put(url: str, path: str, content: bytes) -> None:
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    client().put_object(Bucket=bucket, Key=f"{prefix}/{path}", Body=content)


def objects(url: str) -> dict[str, bytes]:
    """Return everything that lies in the bucket, by its path below the prefix."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    s3 = client()
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
    return {key.removeprefix(f"{prefix}/"): s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def test_a_bucket_holds_the_very_rows_of_the_release_and_no_credentials(
    url: str, file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "--warehouse", str(file), "--to", url, "--json"]) == 0

    for path, content in objects(url).items():
        (tmp_path / "copy" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / path).write_bytes(content)
    assert by_duckdb(paths(tmp_path / "copy", manifest_of(tmp_path / "copy")["tables"][0])).fetchall() == TOPICS
    everything = b"".join(objects(url).values()) + "".join(capfd.readouterr()).encode()
    assert [secret for secret in SECRETS if secret.encode() in everything] == []
    assert list(Home.of(file).temp.iterdir()) == []


def test_the_same_release_again_uploads_nothing(url: str, file: Path, tmp_path: Path) -> None:
    first = export(file, Bucket(url, tmp_path))
    before = objects(url)

    again = export(file, Bucket(url + "/", tmp_path))

    assert (first.is_new, again.is_new) == (True, False)
    assert objects(url) == before


@pytest.mark.slow
def test_the_first_to_write_the_manifest_wins_and_the_other_is_told(url: str, file: Path, tmp_path: Path) -> None:
    slow = Bucket(url, tmp_path)
    assert slow.read() is None
    export(file, Bucket(url, tmp_path))
    before = objects(url)

    with pytest.raises(LockedError, match="another export was written meanwhile"):
        slow.switch(b"{}")
    late = Bucket(url, tmp_path)
    assert late.read() is not None
    put(url, "manifest.json", before["manifest.json"] + b"\n")
    with pytest.raises(LockedError, match="another export was written meanwhile"):
        late.switch(b"{}")

    assert objects(url) == {**before, "manifest.json": before["manifest.json"] + b"\n"}


def test_a_switch_whose_answer_was_lost_counts(url: str, file: Path, tmp_path: Path) -> None:
    place = Bucket(url, tmp_path)
    place.switch(b"{}")

    place.switch(b"{}")

    assert objects(url) == {"manifest.json": b"{}"}


@pytest.mark.slow
def test_an_upload_in_parts_that_fails_leaves_nothing(
    url: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = BaseClient._make_api_call

    def failing(self: Any, operation: str, given: Any) -> Any:
        if operation == "UploadPart" and given["PartNumber"] == 2:
            raise ConnectionResetError("the line broke; " + SECRETS[1])
        return call(self, operation, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", failing)
    big = tmp_path / "big.parquet"
    big.write_bytes(os.urandom(11 << 20))
    place = Bucket(url, tmp_path)

    with pytest.raises(TransientFailure) as told:
        place.keep("folder", big, "big.parquet")

    assert str(told.value) == f"the store does not answer as it should, ConnectionResetError: {url} (run again)"
    assert objects(url) == {}
    assert "Uploads" not in client().list_multipart_uploads(Bucket=url.split("/")[2])


def test_an_export_that_fails_leaves_no_manifest_and_no_file(
    url: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = Bucket.keep
    kept: list[str] = []

    def failing(self: Bucket, folder: str, made: Path, relative: str) -> None:
        if len(kept) == 1:
            raise TransientFailure("the line broke")
        kept.append(relative)
        keep(self, folder, made, relative)

    monkeypatch.setattr(Bucket, "keep", failing)

    with pytest.raises(TransientFailure, match="the line broke"):
        export(file, Bucket(url, tmp_path))

    assert (len(kept), objects(url)) == (1, {})


def test_a_store_that_goes_away_is_one_line_and_readers_keep_what_they_had(
    url: str, file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    share = ["export", "--warehouse", str(file), "--format", "duckdb", "--to", url]
    assert main(share) == 0
    tree = json.loads(objects(url)["manifest.json"])
    put(url, "manifest.json", json.dumps({**tree, "release_id": "an older one"}).encode())
    before = objects(url)
    assert hashlib.sha256(before[tree["database"]["path"]]).hexdigest() == tree["database"]["sha256"]
    capfd.readouterr()

    call = BaseClient._make_api_call

    def gone(self: Any, operation: str, given: Any) -> Any:
        if operation in ("PutObject", "UploadPart", "DeleteObject"):
            raise ConnectionRefusedError(111, f"Connection refused by {SECRETS[1]}")
        return call(self, operation, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", gone)
    assert main(share) == 1
    told = f"newsmart: the store does not answer as it should, ConnectionRefusedError: {url} (run again)\n"
    assert capfd.readouterr().err == told
    assert objects(url) == before


@pytest.mark.slow
def test_a_folder_of_nobody_is_removed_when_it_is_a_day_old(
    url: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = "20240101T000000.000000Z-abcdef-x01234567"
    put(url, f"{dead}/dim_topic/part-0.parquet", b"half")

    assert export(file, Bucket(url, tmp_path)).removed == ()
    monkeypatch.setattr(bucket, "LEFTOVER_AGE", timedelta(days=-1))
    assert export(file, Bucket(url, tmp_path)).removed == (dead,)

    assert not any(path.startswith(dead) for path in objects(url))


def test_what_is_not_ours_is_not_touched(url: str, file: Path, tmp_path: Path) -> None:
    put(url, "holiday.jpg", b"sun")

    with pytest.raises(UsageError, match="holds other things"):
        export(file, Bucket(url, tmp_path))

    assert objects(url) == {"holiday.jpg": b"sun"}


def command(file: Path, to: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return exit status and what stands on stderr."""
    status = main(["export", "--warehouse", str(file), "--to", to])
    return status, capfd.readouterr().err


def test_missing_rights_are_one_line_and_exit_1(
    file: Path, credentials: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = []

    class Denying(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            text = f"<Error><Code>AccessDenied</Code><Message>{SECRETS[0]} may not</Message></Error>".encode()
            self.send_response(403)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Denying) as denying:
        threading.Thread(target=denying.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{denying.server_port}")
        told = command(file, "s3://bucket/news", capfd)
        denying.shutdown()

    todo = "look at the credentials and what they may do"
    assert told == (1, f"newsmart: not allowed: s3://bucket/news: AccessDenied ({todo})\n")
    assert len(asked) == 1


def test_a_bucket_that_is_not_there_is_exit_2(url: str, file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert command(file, "s3://no-such-bucket/x", capfd) == (
        2,
        "newsmart: there is no such bucket: s3://no-such-bucket/x\n",
    )


def test_a_missing_extra_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)

    status, text = command(file, "s3://bucket/news", capfd)

    assert (status, text) == (2, "newsmart: s3:// needs the extra s3 (pip install 'newsmart[s3]')\n")


@pytest.mark.parametrize(
    "to", ["s3://me:geheim@bucket/x", "s3://bucket/x?token=geheim", "gs://me:geheim@bucket", "s3:geheim"]
)
def test_an_address_with_a_password_is_refused_and_not_repeated(
    to: str, file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status, text = command(file, to, capfd)

    assert status == 2 and "geheim" not in text


def test_folders_and_buckets_show_their_names(url: str, tmp_path: Path) -> None:
    assert (Bucket(url, tmp_path).shown, Folder(tmp_path).shown) == (url, str(tmp_path))


@pytest.mark.parametrize("prefix", ["../x", "..", "a/./b", "a/.."])
def test_a_prefix_that_leads_up_is_refused(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(UsageError, match=r"without \. or \.\."):
        Bucket(f"s3://bucket/{prefix}", tmp_path)


def test_a_prefix_may_begin_with_dots(credentials: None, tmp_path: Path) -> None:
    assert Bucket("s3://bucket/..x/.y", tmp_path).shown == "s3://bucket/..x/.y"

"""Documents in S3, against a real server of its protocol on loopback, with a gate before it that misbehaves."""

import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from time import time_ns
from typing import NamedTuple
from unittest.mock import Mock

import pytest

from flows.cli import main
from flows.pipeline.direct import dry_run
from flows.pipeline.request import RunRequest, RunResult
from flows.readers.local import LocalReaders
from flows.sources.files import MAX_BYTES, read_files
from flows.sources.scan import FileRef, Source, scan
from flows.sources.stores import s3
from flows.sources.walk import Skipped
from schemas.errors import SourceUnreadable, TransientFailure, UsageError
from tests.documents import make_document
from tests.flows.reading.samples import refs_of
from tests.newsroom import FIRST_AS_OF, Newsroom
from tests.s3_server import KEY, MANY, SECRET, Call, Fault, Gate, Judge, s3_gate
from warehouse.s3 import TRIES

SLOW_DOWN = Fault(503, "SlowDown")
CUT = Fault()
_numbers = count()


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    """One server for the module."""
    with s3_gate() as made:
        yield made


class Shelf(NamedTuple):
    """A bucket with a folder `in`, and a newsroom whose source it is."""

    gate: Gate
    name: str
    room: Newsroom

    @property
    def sources(self) -> list[Source]:
        return [Source("news", f"s3://{self.name}/in")]

    def put(self, path: str, data: bytes | str = "x") -> None:
        self.gate.put(self.name, f"in/{path}", data)

    def put_story(self, name: str, title: str = "") -> None:
        self.put(f"{name}.md", make_document(title or name, f"https://example.com/{name}"))

    def run(self, judge: Judge = lambda call: None) -> RunResult:
        self.gate.reset()
        self.gate.judge = judge
        return self.room.run(sources=self.sources)

    def refs(self) -> list[FileRef]:
        return refs_of(*self.sources)[:]


@pytest.fixture
def shelf(gate: Gate, newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A bucket of the test's own, told by the environment as to any AWS program, in a world 10 s older than it is."""
    for setting, value in gate.environment().items():
        monkeypatch.setenv(setting, value)
    monkeypatch.setattr("flows.sources.scan.time_ns", lambda: time_ns() + 10**10)
    monkeypatch.setattr(s3, "FIRST_WAIT", 0.01)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.01)
    gate.reset()
    name = f"shelf-{next(_numbers)}"
    gate.make(name)
    return Shelf(gate, name, newsroom)


def counted(result: RunResult) -> dict[str, int]:
    return {name: number for name, number in result.documents.items() if number}


def first(times: int, fault: Fault, *, of_list: bool) -> Judge:
    """Return a judge that lets so many lists, or fetches, fail at first."""
    left = iter(range(times))
    return lambda call: fault if call.is_list == of_list and next(left, None) is not None else None


def test_only_what_is_other_than_before_is_fetched(shelf: Shelf) -> None:
    for name in ("a", "deep/b", "c"):
        shelf.put_story(name)
    shelf.gate.put(shelf.name, "inside/no.md", "another prefix that begins alike")
    for path in (".hidden.md", ".git/a.md", "README.md", "page.html", "folder.md/"):
        shelf.put(path)
    assert counted(shelf.run()) == {"seen": 3, "new": 3}
    assert shelf.gate.fetched() == ["in/a.md", "in/c.md", "in/deep/b.md"]
    assert counted(shelf.run()) == {"seen": 3, "unchanged": 3}
    assert [(call.method, call.key) for call in shelf.gate.calls] == [("GET", "")]
    shelf.put_story("a", "another title")
    shelf.gate.delete(shelf.name, "in/c.md")
    expected = {"seen": 2, "changed": 1, "unchanged": 1, "removed": 1}
    shelf.gate.reset()
    with LocalReaders(1) as readers:
        tried = dry_run(RunRequest(tuple(shelf.sources), shelf.room.warehouse), readers)
    assert (counted(tried.result), shelf.gate.fetched()) == (expected, ["in/a.md"])
    assert counted(shelf.run()) == expected
    assert shelf.gate.fetched() == ["in/a.md"]


def test_a_list_goes_beyond_a_thousand_and_may_change_while_it_is_read(shelf: Shelf) -> None:
    many, shelf = shelf.gate, replace_bucket(shelf, "many")

    def judge(call: Call) -> None:
        if "continuation-token" in call.query:
            many.put("many", "in/1099a.md", "late")
            many.put("many", "in/0000a.md", "too late for this list")
            many.delete("many", "in/0001.md")
            many.delete("many", "in/1098.md")

    many.judge = judge
    refs = shelf.refs()
    assert [call.is_list for call in many.calls] == [True, True]
    expected = {f"{number:04}.md" for number in range(MANY)} - {"1098.md"} | {"1099a.md"}
    assert {ref.path for ref in refs} == expected
    assert read(refs[:3]) == [b"x", "vanished", b"x"]


def replace_bucket(shelf: Shelf, name: str) -> Shelf:
    return shelf._replace(name=name)


def read(refs: list[FileRef]) -> list[bytes | str | None]:
    return [file.trouble if file.data is None else file.data for file in read_files(refs)]


def test_what_goes_or_changes_between_list_and_fetch(shelf: Shelf) -> None:
    for name in ("a", "b", "c"):
        shelf.put_story(name)

    def judge(call: Call) -> None:
        if call.key == "in/a.md":
            shelf.gate.delete(shelf.name, "in/a.md")
        if call.key == "in/b.md":
            shelf.put_story("b", "its new title")

    result = shelf.run(judge)
    assert counted(result) == {"seen": 2, "new": 2}
    assert result.notices == ["news/a.md vanished before it was read; the next run looks again"]
    assert shelf.room.query("select title from articles order by title") == [("c",), ("its new title",)]


@pytest.mark.parametrize(("fault", "of_list"), [(SLOW_DOWN, True), (Fault(500, "InternalError"), False), (CUT, False)])
def test_what_may_pass_is_tried_again(shelf: Shelf, fault: Fault, of_list: bool) -> None:
    shelf.put("a.md", "content")
    shelf.gate.judge = first(2, fault, of_list=of_list)
    assert read(shelf.refs()) == [b"content"]
    assert len([call for call in shelf.gate.calls if call.is_list == of_list]) == 3


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "why"), [(SLOW_DOWN, "SlowDown"), (CUT, "ConnectionResetError")])
def test_what_does_not_pass_is_given_up_in_a_way_that_a_scheduler_retries(shelf: Shelf, fault: Fault, why: str) -> None:
    shelf.put("a.md", "content")
    refs = shelf.refs()
    shelf.gate.judge = lambda call: fault
    with pytest.raises(
        TransientFailure, match=rf"the store does not answer as it should, {why}: s3://{shelf.name}/in \(run again"
    ):
        read(refs)
    assert len(shelf.gate.fetched()) == TRIES
    with pytest.raises(TransientFailure):
        shelf.refs()


class Body(io.BytesIO):
    """The body of an answer, which counts what is taken of it."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


@pytest.mark.parametrize("sent", [b"half", b"far more than was said"])
def test_a_body_is_as_long_as_its_head_says_and_no_more_of_it_is_held(sent: bytes) -> None:
    """As where an answer says its length and comes in chunks as well, which count for more in HTTP."""
    ref, body = FileRef("news", "a.md", "s3://bucket/in/a.md", 5, 0, 0, 0), Body(sent)
    with pytest.raises(ConnectionResetError):
        s3._take({"ContentLength": 5, "Body": body}, ref)
    assert body.taken <= 6
    assert s3._take({"ContentLength": 5, "Body": Body(b"whole")}, ref).data == b"whole"


@pytest.mark.parametrize("head", [{}, {"ContentLength": 5}])
def test_an_answer_that_makes_no_sense_is_one_line_and_may_pass(
    head: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Mock(get_object=Mock(side_effect=lambda **_: {**head, "Body": io.BytesIO(b"half")}))
    monkeypatch.setattr(s3, "FIRST_WAIT", 0.0)
    monkeypatch.setattr(s3, "connect", lambda *_, **__: client)
    s3._client.cache_clear()
    with pytest.raises(TransientFailure, match="does not answer as it should"):
        read([FileRef("news", "a.md", "s3://bucket/in/a.md", 5, 0, 0, 0)])
    assert client.get_object.call_count == TRIES


def test_a_process_makes_one_client_for_all_batches_and_a_new_one_where_keys_may_have_been_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Making one takes 40 ms, and its connections are its own."""
    connect, now = Mock(), [1000.0]
    connect.return_value.get_object.side_effect = lambda **_: {"ContentLength": 5, "Body": Body(b"whole")}
    monkeypatch.setattr(s3, "connect", connect)
    monkeypatch.setattr(s3, "monotonic", lambda: now[0])
    s3._client.cache_clear()
    ref = FileRef("news", "a.md", "s3://bucket/in/a.md", 5, 0, 0, 0)
    assert [read([ref]) for _ in range(3)] == [[b"whole"]] * 3
    assert connect.call_count == 1
    now[0] += s3.CLIENT_SECONDS
    read([ref])
    assert connect.call_count == 2
    s3._client.cache_clear()


def test_a_store_that_hangs_holds_no_process_back_from_its_end() -> None:
    """As after Ctrl-C: an attempt has 30 s for each answer, and there are several."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        setting = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}", "NO_PROXY": "*"}
        code = (
            "import os, signal; from flows.sources.files import read_files; from flows.sources.scan import FileRef;"
            "import flows.sources.stores.s3 as s3;"
            "s3._fetch = lambda *_, fetch=s3._fetch: (os.kill(os.getpid(), signal.SIGINT), fetch(*_));"
            "list(read_files([FileRef('news', 'a.md', 's3://bucket/in/a.md', 5, 0, 0, 0)]))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, **setting},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == -signal.SIGINT, done.stderr


def test_a_store_that_is_not_there_is_given_up_too(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(TransientFailure, match="EndpointConnectionError"):
        shelf.refs()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://user:{SECRET}@127.0.0.1:1")
    with pytest.raises(TransientFailure) as caught:
        shelf.refs()
    assert SECRET not in str(caught.value)


def test_a_reading_process_fetches_and_raises_as_this_one(shelf: Shelf) -> None:
    shelf.put_story("a")
    refs = shelf.refs()
    with LocalReaders(1) as pool:
        pool.start()
        (batch,) = pool.read_all(refs, FIRST_AS_OF)
        assert batch.documents["outcome"].to_pylist() == ["good"]
        shelf.gate.judge = lambda call: Fault(400, "ExpiredToken")
        (batch,) = pool.read_all(refs, FIRST_AS_OF)
        assert batch.problems["found"].to_pylist() == ["the store answers, ExpiredToken"]


def test_without_the_right_to_list_documents_stay_and_the_run_fails_once(shelf: Shelf) -> None:
    shelf.put_story("a")
    shelf.run()
    shelf.room.write("b.md", make_document("b", "https://example.com/b"))
    shelf.gate.reset()
    shelf.gate.judge = lambda call: Fault(403, "AccessDenied")
    with pytest.raises(SourceUnreadable, match=r"could not be listed: news/ \(no right to list it, AccessDenied\)"):
        shelf.room.run(sources=[*shelf.sources, Source("folder", str(shelf.room.folder))])
    assert len(shelf.gate.calls) == 1
    assert shelf.room.one("select count(*) from dim_document where removed_at is null") == 2


def test_without_the_right_to_read_an_object_the_others_are_published_and_the_run_fails(shelf: Shelf) -> None:
    shelf.put_story("a")
    shelf.put_story("b")
    with pytest.raises(SourceUnreadable, match=r"news/b.md \(no right to read it, AccessDenied\)"):
        shelf.run(lambda call: Fault(403, "AccessDenied") if call.key == "in/b.md" else None)
    assert shelf.gate.fetched() == ["in/a.md", "in/b.md"]
    assert shelf.room.query("select path from dim_document") == [("a.md",)]


def test_a_bucket_or_prefix_that_is_not_there_is_wrong_usage(shelf: Shelf) -> None:
    with pytest.raises(UsageError, match=f"no object lies there: s3://{shelf.name}/in"):
        shelf.refs()
    with pytest.raises(UsageError, match="no such bucket: s3://nowhere/in"):
        shelf._replace(name="nowhere").refs()


@pytest.mark.slow
def test_settings_of_aws_that_make_no_sense_are_wrong_usage(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as here:
        here.setenv("AWS_PROFILE", "nobody")
        with pytest.raises(UsageError, match="AWS settings cannot be used, ProfileNotFound"):
            shelf.refs()
    with monkeypatch.context() as here:
        here.delenv("AWS_ACCESS_KEY_ID")
        here.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with pytest.raises(UsageError, match="AWS settings cannot be used, NoCredentialsError"):
            shelf.refs()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{SECRET}:no address")
    with pytest.raises(UsageError, match="AWS settings cannot be used, ValueError") as caught:
        shelf.refs()
    assert SECRET not in str(caught.value)


def test_a_public_bucket_is_listed_without_credentials(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.put("a.md", "content")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("FSSPEC_S3_ANON", "true")
    assert [ref.path for ref in shelf.refs()] == ["a.md"]
    monkeypatch.setenv("FSSPEC_S3_ANON", "false")
    with pytest.raises(UsageError, match="NoCredentialsError"):
        shelf.refs()


def test_what_is_too_big_is_never_fetched_also_where_it_grew(shelf: Shelf) -> None:
    shelf.put("big.md", b"x" * (MAX_BYTES + 1))
    shelf.put("grown.md", "small")
    refs = shelf.refs()
    shelf.put("grown.md", b"x" * (MAX_BYTES + 2))
    big, grown = read_files(refs)
    assert (big.trouble, grown.trouble) == ("too_big", "too_big")
    assert shelf.gate.fetched() == ["in/grown.md"]
    assert grown.state is not None
    assert grown.state[0] == MAX_BYTES + 2


def test_keys_that_name_no_path_are_told(shelf: Shelf) -> None:
    shelf.put("a//b.md")
    shelf.put("é ü+%41&.md")
    found = scan(shelf.sources)
    assert found.files["path"].to_pylist() == ["é ü+%41&.md"]
    assert found.skipped == (Skipped("news", "a//b.md", "bad_path"),)
    assert read(shelf.refs()) == [b"x"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "published"),
        pytest.param("InvalidAccessKeyId", "no right to list it", marks=pytest.mark.slow),
        ("<Odd/>", "does not answer as it should"),
    ],
)
def test_credentials_are_nowhere(
    shelf: Shelf,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    code: str,
    words: str,
) -> None:
    shelf.put_story("a")
    answer = Fault(403, code, f"{KEY} {SECRET}")
    shelf.gate.judge = lambda call: answer if code else None
    place = tmp_path / "warehouse"
    arguments = ["run", "--direct", "--debug", "--source", shelf.sources[0].root]
    assert main([*arguments, "--warehouse", str(place / "news.duckdb")]) == (1 if code else 0)
    told = "".join([*capfd.readouterr(), caplog.text])
    assert words in told
    written = [file.read_bytes() for file in place.rglob("*") if file.is_file()]
    assert any(b"balance" in data for data in written)
    for secret in (KEY, SECRET):
        assert secret not in told
        assert not any(secret.encode() in data for data in written)

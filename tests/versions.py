"""What today's versions stand for, as text: how values are read, which key a URL has, what the ledger's tables are.

The files of tests/golden/versions are what RULES_VERSION, POLICY_VERSION and FORMAT_VERSION meant when they were
raised. test_versions.py compares: who changes the behaviour and not the number is told what differs. After the number
is raised, `python -m tests.versions` writes the files that are missing. It never overwrites one, as warehouses out
there were made by what it says; one that was never released may be deleted first.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import duckdb
from pydantic import BaseModel

from flows.reading.columns import table_of_entries
from flows.reading.read import judge_whole
from schemas import url_params
from schemas.batches import RULES_VERSION
from schemas.documents import Image, Mention, Provider
from schemas.shared_alias import judge
from schemas.urls import POLICY_VERSION, facts
from tests.flows.reading.samples import CONTEXT, document
from tests.schemas.test_shared_alias import NO_TWO, ONE_STORY
from warehouse.ledger.opening import FORMAT_VERSION
from warehouse.sql_files import read_sql

GOLDEN = Path(__file__).parent / "golden"
FOLDER = GOLDEN / "versions"

# Each is tried as the value of every field.
SPELLINGS = (
    *("", '""', '" "', "~", "null", '"null"', "No", "1843", "0", "7", "+7", "007", "-1", "-2", "1_000", "1.0", "0x10"),
    *(
        "9223372036854775807",
        "9223372036854775808",
        "true",
        "TRUE",
        "yes",
        "false",
        "2024-05-01",
        "2024-05-01T12:30:00Z",
    ),
    *("2024-05-01T12:30:00.1234567+02:00", "2024-05-01 12:30", "20240501", "2024-02-30", "1989-12-31", "2028-11-20"),
    *("2028-11-21", "01.05.2024", "[]", "[a, ~, b]", "{}", "{name: A, url: u, domain: d.example}"),
    *('"  A text\\u00a0"', '"caf\\u00c3\\u00a9"', "100%25", "a%20b", "NA", "Placeholder.", '"nul \\0"', "news.example"),
    *("www.News.Example.", "https://www.news.example:443/a", "b\u00fccher.example", "news.example, other.example"),
)
# Front matter and body as they stand in a file.
FILES = (
    *(b"", b"no front matter", b"---\ntitle: a\n", b"---\n- a\n---\n", b"\xff\xfe", b"---\ntitle: a\0\n---\n"),
    b"\xef\xbb\xbf---\ntitle: a\nwebUrl: https://news.example/a\n---\n",
    b"---\r\ntitle: a\r\nwebUrl: https://news.example/a\r\n---\r\nbody\r\n",
    *(document(extra) for extra in ("a: &x 1\n", "a: *x\n", "a: !!str 1\n", "<<: {a: 1}\n", "title: b\n", "\ta: 1\n")),
    *(document(extra) for extra in ("a: 1\n---\nb: 2\n", "originalUrl: no\n", "webUrl: no\n", "related: no\n")),
    document('related:\n  - title: b\n    webUrl: "https://news.example/b"\n  - title: c\n  - webUrl: d\n'),
)


def rules() -> Iterator[str]:
    """Yield what is read where a document gives each field in each spelling, and what of each odd file."""
    for model, around in ((Mention, "{}"), (Provider, "provider: {{{}}}"), (Image, "images: [{{url: u, {}}}]")):
        for alias in aliases(model):
            for spelling in SPELLINGS:
                line = around.format(f"{alias}: {spelling}").replace("url: u, url:", "url:")
                yield f"{line}\t{read(replacing(line))}"
    yield from (f"{file!r}\t{read(file)}" for file in FILES)


def aliases(model: type[BaseModel]) -> list[str]:
    """Return the names of a model's fields in a document."""
    return [field.alias or name for name, field in model.model_fields.items()]


def replacing(line: str) -> bytes:
    """Return a good document in which a line stands for the one of the same field."""
    given = {"title": 'title: "A title"', "webUrl": 'webUrl: "https://news.example/a"'}
    return "\n".join(["---", *{**given, line.partition(":")[0]: line}.values(), "---", ""]).encode()


def read(data: bytes) -> str:
    """Return what a document says, or what is wrong with it, as text."""
    verdict = judge_whole(data, CONTEXT)
    wrong = [f"{problem.scope} {problem.field} {problem.reason}" for problem in (*verdict.problems, *verdict.notices)]
    rows = table_of_entries(verdict.entries, CONTEXT)[0].drop_columns(["entry_id", "entry_digest"]).to_pylist()
    said = [{name: value for name, value in row.items() if is_told(name, value)} for row in rows]
    return json.dumps([verdict.positions, said, wrong], default=str)


def is_told(name: str, value: object) -> bool:
    """Return whether a value is other than nothing and than what all these documents say."""
    usual: tuple[object, ...] = (
        (None, [], "A title", "https://news.example/a") if not name.endswith("_flaw") else (None, 0)
    )
    return value not in usual


def policy() -> Iterator[str]:
    """Yield what the policy says of each golden URL and shared alias, and the digest of each of its lists."""
    with (GOLDEN / "url_pairs.csv").open(newline="", encoding="utf-8") as lines:
        urls = {row[name] for row in csv.DictReader(lines) for name in ("url_a", "url_b")}
    for url in sorted(urls):
        yield short(json.dumps([url, facts(url)]))
    for name, (alias, keys, is_identifying) in {**ONE_STORY, **NO_TWO}.items():
        verdicts = [verdict[:3] for verdict in judge(alias, keys, is_identifying=is_identifying)]
        yield json.dumps([name, verdicts])
    for name, value in sorted(vars(url_params).items()):
        if name.isupper() and not name.startswith("_"):
            text = json.dumps(value, default=sorted, sort_keys=True)
            yield f"{name}\t{sha256(text.encode()).hexdigest()[:16]}"


def short(line: str) -> str:
    """Return a line, or of a long one its beginning and its digest."""
    return line if len(line) < 400 else f"{line[:60]}\u2026 {sha256(line.encode()).hexdigest()[:16]}"


def ledger_format() -> Iterator[str]:
    """Yield every column of the ledger's tables: table, name, type, and whether it may be NULL."""
    with duckdb.connect() as connection:
        connection.execute(read_sql("ledger", "schema"))
        yield from columns(connection)


def columns(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the columns of all tables of a connection's catalog, each as a line of a script that makes them."""
    sql = """
        select table_name, column_name, data_type, case when not is_nullable then ' not null' else '' end
        from duckdb_columns() where not internal order by all
    """
    return ["\t".join(map(str, row)) for row in connection.execute(sql).fetchall()]


Lines = Callable[[], Iterator[str]]
VERSIONS: dict[str, tuple[int, Lines, str]] = {
    "rules": (RULES_VERSION, rules, "RULES_VERSION in schemas/batches.py"),
    "policy": (POLICY_VERSION, policy, "POLICY_VERSION in schemas/urls.py"),
    "format": (
        FORMAT_VERSION,
        ledger_format,
        "FORMAT_VERSION in warehouse/ledger/opening.py, with a script migrate_N.sql in warehouse/sql/ledger",
    ),
}


def golden(name: str, version: int) -> Path:
    """Return the file of a version."""
    return FOLDER / f"{name}_{version}.txt"


def main() -> int:
    """Write the files of versions that have none."""
    FOLDER.mkdir(exist_ok=True)
    for name, (version, lines, _) in VERSIONS.items():
        file = golden(name, version)
        if not file.exists():
            file.write_text("\n".join(lines()) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

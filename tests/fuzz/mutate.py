"""A mutation fuzzer over the seed documents: `python -m tests.fuzz.mutate --count 100000`.

Coverage-guided fuzzers (atheris) want a compiler and an instrumented libyaml; mutations that know YAML's own tokens
reach the same corners of so small a format. Each mutated document must be judged without an exception, alike by both
lanes, with every related entry either accepted or told as a problem, and with none of the ciphertext in any problem
(where a mutation has cut its key to pieces: with no long run of it).
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from flows.reading.blocks import Memo
from flows.reading.columns import table_of_entries
from flows.reading.front_matter import split
from flows.reading.read import batch_of, judge_whole
from flows.reading.validate import Verdict
from flows.reading.yaml_tree import read_tree
from schemas.documents import bounds
from schemas.packs import Packer
from tests.flows.reading.samples import judge_fast

AS_OF = datetime(2026, 11, 20)
SEEDS = Path(__file__).parents[2] / "seeds"
CIPHER = b"Zq9CIPHERTEXT/0Zq9+" * 12

_LONG_CIPHER = CIPHER.decode()[:40]

_TOKENS = [
    b"\n",
    b"\r\n",
    b"\r",
    b"\t",
    b" ",
    b"  ",
    b"- ",
    b"\n  - ",
    b"\n    ",
    b"\n- ",
    b": ",
    b":",
    b" #",
    b"#",
    b"?",
    b"? ",
    b'"',
    b"'",
    b"''",
    b'""',
    b"\\",
    b"\\n",
    b'\\"',
    b"\\u2028",
    b"\\ud800",
    b"\\x00",
    b"\\/",
    b"\\U0010FFFF",
    b"|",
    b">",
    b"|\n",
    b"&a ",
    b"*a",
    b"!!str ",
    b"!!python/object:os.system ",
    b"<<: ",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"%",
    b"@",
    b"`",
    b"\n---\n",
    b"\n--- ",
    b"\n...\n",
    b"---",
    b"~",
    b"null",
    b"Null",
    b"true",
    b"No",
    b"\x00",
    b"\x7f",
    b"\x80",
    b"\xff",
    "\x85".encode(),
    "\u2028".encode(),
    "\u2029".encode(),
    "\ufeff".encode(),
    "\xa0".encode(),
    "é".encode(),
    b"\xed\xa0\x80",
    b"related:\n",
    b"\nrelated:\n  - title: x\n",
    b"secured: ",
    b"\nsecured: x\n",
    b"title: ",
    b"webUrl: ",
    b"http://",
    b"https://a.example/x",
    b"-1",
    b"1e3",
    b"0x10",
    b"010",
    b"99999999999999999999",
    b"2021-02-30",
    b"9999-12-31",
]


def documents() -> list[bytes]:
    """Return the seeds, each with at most three related entries and a known ciphertext, and some odd forms."""
    made = []
    for path in sorted(SEEDS.glob("*.txt")):
        head, _, related = path.read_bytes().partition(b"\nrelated:\n")
        items, _, _ = related.partition(b"\nsecured:")
        kept = b"\n  - ".join(items.rstrip(b"\n").split(b"\n  - ")[:3])
        made.append(head + b"\nrelated:\n" + kept + b'\n\nsecured: "' + CIPHER + b'"\n---\nA body.\n')
    flow = b'---\ntitle: "a"\nwebUrl: https://a.example/\nrelated: [{title: b, webUrl: "https://b.example"}, ~]\n---\n'
    blocks = (
        b"---\ntitle: |\n  a\n  b\nwebUrl: >-\n  https://a.example/x\ntopics:\n- x\n- 'y''s'\nfoo: {a: [1, 2]}\n---\n"
    )
    return [*made, *(document.replace(b"\n", b"\r\n") for document in made[:1]), flow, blocks]


def mutate(document: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Return a document with a few changes, most often one."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        document = rng.choice(_CHANGES)(document, others, rng)
    return document


def _insert(document: bytes, _others: Sequence[bytes], rng: random.Random) -> bytes:
    at = rng.randint(0, len(document))
    return document[:at] + rng.choice(_TOKENS) + document[at:]


def _replace(document: bytes, _others: Sequence[bytes], rng: random.Random) -> bytes:
    at = rng.randint(0, len(document))
    return document[:at] + rng.choice(_TOKENS) + document[at + rng.randint(1, 8) :]


def _delete(document: bytes, _others: Sequence[bytes], rng: random.Random) -> bytes:
    at = rng.randint(0, len(document))
    return document[:at] + document[at + rng.randint(1, 12) :]


def _byte(document: bytes, _others: Sequence[bytes], rng: random.Random) -> bytes:
    at = rng.randrange(max(len(document), 1))
    return document[:at] + bytes([rng.randrange(256)]) + document[at + 1 :]


def _lines(document: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Drop, double, swap, shift or import a line."""
    lines = document.split(b"\n")
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    line, act = lines[at], rng.randrange(6)
    if act == 0:
        del lines[at]
    elif act == 1:
        lines.insert(to, line)
    elif act == 2:
        lines[at], lines[to] = lines[to], line
    elif act == 3:
        lines[at] = b" " * rng.randint(1, 4) + line
    elif act == 4:
        lines[at] = line[rng.randint(1, 4) :]
    else:
        lines.insert(at, rng.choice(rng.choice(others).split(b"\n")))
    return b"\n".join(lines)


def _value(document: bytes, _others: Sequence[bytes], rng: random.Random) -> bytes:
    """Replace the value of a line."""
    lines = document.split(b"\n")
    at = rng.randrange(len(lines))
    key, colon, _ = lines[at].partition(b": ")
    lines[at] = key + colon + rng.choice(_TOKENS)
    return b"\n".join(lines)


def _cut(document: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """End early, or go on with the end of another document."""
    other = rng.choice((b"", rng.choice(others)))
    return document[: rng.randint(0, len(document))] + other[rng.randint(0, len(other)) :]


_CHANGES = (_insert, _insert, _replace, _delete, _byte, _lines, _lines, _value, _value, _cut)


def faults(data: bytes, memo: Memo) -> Iterator[str]:
    """Yield every promise that the judgement of a document breaks."""
    whole = judge_whole(data, memo.context)
    fast = judge_fast(data, memo)
    if fast is not None and _told(fast, memo) != _told(whole, memo):
        yield "the lanes disagree"
    if whole.content_digest is None and not any(problem.scope == "document" for problem in whole.problems):
        yield "a bad document without a problem of its own"
    if whole.content_digest is not None:
        yield from _unbalanced(data, whole)
    lines = data.count(b"\n") + data.count(b"\r") + 1
    is_whole = b'\nsecured: "' + CIPHER in data
    for problem in whole.problems:
        shown = f"{problem.field} {problem.expected} {problem.found}"
        if _LONG_CIPHER in shown or (is_whole and "CIPHERTEXT" in shown):
            yield "ciphertext in a problem"
        if problem.line is not None and not 1 <= problem.line <= lines:
            yield "a line that is not in the file"


def _told(verdict: Verdict, memo: Memo) -> tuple[object, ...]:
    entries = [(entry.digest, entry.urls, entry.drift) for entry in verdict.entries]
    table, refused = table_of_entries(verdict.entries, memo.context)
    return verdict.content_digest, list(verdict.positions), entries, table, refused, list(verdict.problems)


def _unbalanced(data: bytes, verdict: Verdict) -> Iterator[str]:
    parts = split(data)
    if parts.flaw is not None:
        yield "accepted without front matter"
        return
    tree = read_tree(parts.text[: parts.yaml_end]).tree
    related = tree.get("related") if isinstance(tree, dict) else None
    count = len(related) if isinstance(related, list) else 0
    aside = {problem.position for problem in verdict.problems if problem.scope == "mention"}
    if sorted([*verdict.positions, *(place for place in aside if place is not None)]) != list(range(count + 1)):
        yield "an entry is neither accepted nor told"


def run(count: int, seed: int) -> tuple[Counter[str], list[tuple[str, bytes]]]:
    """Judge `count` mutated documents. Out: how many came to what, and each broken promise with its document."""
    rng, seeds, memo = random.Random(seed), documents(), Memo(bounds(AS_OF), 1_000_000)
    tally: Counter[str] = Counter()
    broken: list[tuple[str, bytes]] = []
    verdicts: list[Verdict] = []
    for _ in range(count):
        data = mutate(rng.choice(seeds), seeds, rng)
        broken += [(fault, data) for fault in faults(data, memo)]
        fast = judge_fast(data, memo)
        verdict = fast or judge_whole(data, memo.context)
        tally["fast" if fast else "bad" if verdict.content_digest is None else "slow"] += 1
        verdicts.append(verdict)
        if len(verdicts) == 500:
            rows = [(0, "good", *(None,) * 7)] * len(verdicts)
            batch_of(rows, verdicts, Packer(), 0, lambda entries: table_of_entries(entries, memo.context)[0])
            verdicts.clear()
    return tally, broken


def main() -> int:
    """Run the fuzzer from the command line; exit status 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tally, broken = run(options.count, options.seed)
    sys.stdout.write(f"{options.count} documents: {dict(tally)}, {len(broken)} broken promises\n")
    for fault, data in broken[:5]:
        sys.stdout.write(f"{fault}:\n{data!r}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

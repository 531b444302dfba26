"""Time the typical questions over a release: warm, on two threads, the way an analyst's second click is answered.

    python -m tests.benchmarks.queries FILE [--source DIR]

The questions are the cookbook's (warehouse/sql/cookbook/*.sql); ten of the same sort stand below for a tree without
one. A question that asks for a value (`$topic`) gets the most frequent one of the release, the dearest choice.
"""

import argparse
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import duckdb

from tests.benchmarks.contenders import document_files
from tests.benchmarks.measure import ROOT
from tests.benchmarks.summary import Line
from warehouse.queries.recipes import bound_values

COOKBOOK = ROOT / "warehouse" / "sql" / "cookbook"
THREADS = 2
LIMIT_MS = 100
# The release's size is promised of 1,000,000 mentions; a small DuckDB file is mostly its tables' first blocks.
LARGEST_SHARE, PROMISED_FROM_BYTES = 0.25, 500_000_000
PARAMETER = re.compile(r"\$([a-z_]+)")

QUESTIONS = {
    "most cited articles": """
        select article.title, fact.cited_by_count
        from fact_article as fact
        join dim_article as article using (article_key)
        order by fact.cited_by_count desc, article.url_key
        limit 20""",
    "mentioned often, no document": """
        select article.title, article.url, fact.mention_count
        from fact_article as fact
        join dim_article as article using (article_key)
        where not article.is_root
        order by fact.mention_count desc, article.url_key
        limit 20""",
    "coverage by topic and week": """
        select topic.topic, date_trunc('week', date.date) as week, count(*) as articles
        from bridge_article_topic
        join dim_topic as topic using (topic_key)
        join fact_article as fact using (article_key)
        join dim_date as date on date.date_key = fact.published_date_key
        group by all
        order by all""",
    "providers by mentions": """
        select provider.name, count(*) as mentions, count(distinct mention.article_key) as articles
        from fact_mention as mention
        join dim_provider as provider using (provider_key)
        group by provider.name
        order by mentions desc
        limit 20""",
    "providers whose quality swings": """
        select provider.domain, stddev_samp(fact.quality) as swing
        from fact_article as fact
        join dim_provider as provider using (provider_key)
        group by provider.domain
        having count(*) > 5
        order by swing desc
        limit 20""",
    "conflicts by field": """
        select field, count(*) as losers, sum(mention_count) as mentions
        from article_conflict
        group by field""",
    "kinds of address by month": """
        select date_trunc('month', first_seen_at) as month, kind, count(*) as urls
        from article_url
        group by all
        order by all""",
    "articles without an image, by provider": """
        select provider.domain, count(*) filter (where fact.image_count = 0) as missing
        from fact_article as fact
        join dim_provider as provider using (provider_key)
        group by provider.domain
        order by missing desc
        limit 20""",
    "topic pairs": """
        select one.topic_key, other.topic_key, count(*) as articles
        from bridge_article_topic as one
        join bridge_article_topic as other
            on one.article_key = other.article_key and one.topic_key < other.topic_key
        group by all
        order by articles desc""",
    "what an article is listed with": """
        select article.title, count(*) as together
        from fact_mention as mine
        join fact_mention as beside using (document_key)
        join dim_article as article on article.article_key = beside.article_key
        where mine.article_key = $article_key and beside.article_key <> mine.article_key
        group by article.article_key, article.title
        order by together desc
        limit 20""",
}

VALUES = {
    "article_key": """
        select article_key from fact_article order by mention_count desc, article_key limit 1""",
    "url_key": """
        select url_key
        from dim_article
        join fact_article using (article_key)
        order by mention_count desc, url_key
        limit 1""",
    "topic": """
        select topic
        from bridge_article_topic
        join dim_topic using (topic_key)
        group by topic
        order by count(*) desc, topic
        limit 1""",
    "domain": """
        select domain
        from fact_mention
        join dim_provider using (provider_key)
        group by domain
        order by count(*) desc, domain
        limit 1""",
}


def questions() -> Mapping[str, str]:
    """Return the questions by name: the cookbook's where there is one."""
    found = {path.stem: path.read_text(encoding="utf-8") for path in sorted(COOKBOOK.glob("*.sql"))}
    return found or QUESTIONS


def time_queries(file: Path, runs: int = 5) -> list[Line]:
    """Return the median time of each question over a release, warm. One that asks for an unknown value is left out."""
    lines = []
    with duckdb.connect(str(file), read_only=True, config={"threads": THREADS}) as connection:
        known: dict[str, object] = {}
        for name, statement in VALUES.items():
            row = connection.execute(statement).fetchone()
            known[name] = row[0] if row else None
        for name, statement in questions().items():
            asked, declared = set(PARAMETER.findall(statement)), bound_values(statement, [])
            if asked <= known.keys() | declared.keys():
                values = {key: declared[key] if key in declared else known[key] for key in asked}
                lines.append(Line(f"query, {name}", milliseconds(connection, statement, values, runs), "ms", LIMIT_MS))
    return lines


def milliseconds(
    connection: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, object], runs: int
) -> float:
    """Return the median time of a statement, its rows fetched, after one run that warms it up."""
    found = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        connection.execute(statement, dict(values) or None).fetchall()
        found.append(1_000 * (time.perf_counter() - started))
    return median(found[1:])


def release_size(file: Path, source: Path) -> Line:
    """Return a release's size as a share of its sources' bytes."""
    whole = sum(path.stat().st_size for path in document_files(source))
    limit = LARGEST_SHARE if whole >= PROMISED_FROM_BYTES else None
    return Line("release, share of the sources' bytes", file.stat().st_size / whole, "x", limit)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; exit 1 where a question takes too long or the release is too large."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.queries", description="Time the typical questions."
    )
    parser.add_argument("file", type=Path, help="a release, such as warehouse/news.duckdb")
    parser.add_argument("--source", type=Path, help="the folder it was loaded from, to compare sizes")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args(arguments)
    lines = time_queries(given.file, given.runs)
    lines += [release_size(given.file, given.source)] if given.source else []
    for line in lines:
        sys.stdout.write(f"{line.value:10.2f} {line.unit:3} {'' if line.is_kept else 'too much: '}{line.what}\n")
    return 0 if all(line.is_kept for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())

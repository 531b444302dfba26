"""The two scratch tables of which SQL makes only a part: verdicts on shared aliases, and the closure over all pairs.

Which URLs are one article is the transitive closure of what mentions declare. SQL can do it by recursion, but then a
long chain costs a round for each link; a union of sets is linear. rustworkx does it in compiled code, starts in 20 ms
(scipy needs 650, networkx 360) and takes millions of pairs.
"""

from collections.abc import Iterator, Sequence

import duckdb
import rustworkx

from schemas.shared_alias import judge
from warehouse.sql_files import insert_rows


def judge_shared_aliases(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill work.alias_verdict from the aliases in work.shared_alias."""
    shared = connection.execute("select alias_key, declaring_keys, is_identifying from work.shared_alias").fetchall()
    columns = ("alias_key", "url_key", "partner_key", "reason")
    verdicts = [verdict for alias, keys, is_own in shared for verdict in judge(alias, keys, is_identifying=is_own)]
    insert_rows(connection, "work.alias_verdict", [dict(zip(columns, one, strict=True)) for one in verdicts])


def close_over_aliases(connection: duckdb.DuckDBPyConnection) -> None:
    """Add to work.closure the keys of the pairs in work.tangled_edge."""
    pairs = connection.execute("select url_key, alias_key from work.tangled_edge").fetchall()
    closed = [{"url_key": key, "component": component} for key, component in components(pairs)]
    insert_rows(connection, "work.closure", closed)


FILLED_IN_PYTHON = {"alias_verdict": judge_shared_aliases, "closure": close_over_aliases}


def components(pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield (key, component) for each key in the pairs; the component is named by its smallest key.

    The result depends on the set of pairs alone, neither on their order nor on which key stands first.
    """
    keys = sorted({key for pair in pairs for key in pair})
    number = {key: index for index, key in enumerate(keys)}
    graph = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(keys)
    graph.add_edges_from_no_data([(number[one], number[other]) for one, other in pairs])
    for members in rustworkx.connected_components(graph):
        component = keys[min(members)]
        yield from ((keys[member], component) for member in members)

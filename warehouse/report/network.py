"""The network of related articles, laid out: the newest articles that list one another, and the stories they form.

A story is a connected component. A whole corpus would be a ball of hair (39,415 edges among 3,739 articles in a real
one), so only the newest articles are drawn, and of them only those with a link to another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians, sin

import rustworkx as rx

from warehouse.report.questions import Row, Rows

SEED = 7
ITERATIONS = 300
STORY_SIZE = 0.75
# The golden angle spreads the stories over the plane as a sunflower spreads its seeds, the largest in the middle.
GOLDEN_ANGLE = radians(137.508)


@dataclass(frozen=True, slots=True)
class Node:
    """An article of the network: its number on the chart, its story's, its place, and the numbers it is linked to."""

    number: int
    story: int
    x: float
    y: float
    article: Row
    linked: tuple[int, ...]


def lay_out(articles: Rows, edges: Rows) -> tuple[Node, ...]:
    """Return the linked articles with their places, story by story, the largest first; one input, one picture."""
    by_key = {article["article_key"]: article for article in articles}
    graph: rx.PyGraph[int, None] = rx.PyGraph()
    index = {key: graph.add_node(key) for key in by_key}
    graph.add_edges_from([(index[e["article_key"]], index[e["other_article_key"]], None) for e in edges])
    stories = [sorted(part) for part in rx.connected_components(graph) if len(part) > 1]
    stories.sort(key=lambda part: (-len(part), part[0]))
    ordered = [(place, story) for story, part in enumerate(stories, 1) for place in part]
    number = {place: count for count, (place, _) in enumerate(ordered, 1)}
    places = _places(graph, stories)
    return tuple(
        Node(
            number=number[place],
            story=story,
            x=places[place][0],
            y=places[place][1],
            article=by_key[graph[place]],
            linked=tuple(sorted(number[other] for other in graph.neighbors(place))),
        )
        for place, story in ordered
    )


def _places(graph: "rx.PyGraph[int, None]", stories: Sequence[Sequence[int]]) -> dict[int, tuple[float, float]]:
    """Lay each story out by springs and set the stories side by side, with room by their size."""
    found: dict[int, tuple[float, float]] = {}
    taken = 0.0
    for count, part in enumerate(stories):
        radius = len(part) ** 0.5
        away = 0.0 if count == 0 else (taken + radius**2) ** 0.5 * 1.15
        centre = (away * cos(count * GOLDEN_ANGLE), away * sin(count * GOLDEN_ANGLE))
        found.update(_story(graph, part, centre, radius))
        taken += (1.2 * radius) ** 2
    return found


def _story(
    graph: "rx.PyGraph[int, None]", part: Sequence[int], centre: tuple[float, float], radius: float
) -> dict[int, tuple[float, float]]:
    inner = graph.subgraph(list(part))
    springs = rx.spring_layout(inner, seed=SEED, num_iter=ITERATIONS)
    size = radius * STORY_SIZE
    return {
        place: (centre[0] + size * springs[at][0], centre[1] + size * springs[at][1]) for at, place in enumerate(part)
    }

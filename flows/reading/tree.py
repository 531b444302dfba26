"""What YAML comes to here, structure and strings, and how values and their places are found in it.

Apart from flows/reading/yaml_tree.py, which reads it with PyYAML: documents of the common form need no PyYAML, and
importing it would delay them.
"""

from flows.reading.problems import Path

Tree = str | None | list["Tree"] | dict[str, "Tree"]
# The shape of the tree with the index of every node in the text: a leaf is an int; of a list the first item, of a
# mapping the value under None, is the node's own.
Places = int | list["Places"] | dict[str | None, "Places"]

MAX_NODES = 250_000
MAX_DEPTH = 100


def place_of(places: Places, path: Path) -> int:
    """Return the index of the node at a path, or of the deepest node on the way to it that exists."""
    for step in path:
        inner = _step(places, step)
        if inner is None:
            break
        places = inner
    return _own(places)


def value_at(tree: Tree, path: Path) -> Tree:
    """Return the value at a path; None where the path leads nowhere."""
    for step in path:
        if isinstance(tree, dict) and isinstance(step, str):
            tree = tree.get(step)
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree


def _step(places: Places, step: str | int) -> Places | None:
    if isinstance(places, dict) and isinstance(step, str):
        return places.get(step)
    if isinstance(places, list) and isinstance(step, int) and step + 1 < len(places):
        return places[step + 1]
    return None


def _own(places: Places) -> int:
    while not isinstance(places, int):
        places = places[0] if isinstance(places, list) else places[None]
    return places

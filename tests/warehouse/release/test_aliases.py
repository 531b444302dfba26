"""Connected components, against a slow and plain routine."""

from hypothesis import given
from hypothesis import strategies as st

from warehouse.release.work import components

KEYS = st.text("ab\0é", max_size=3)
PAIRS = st.lists(st.tuples(KEYS, KEYS), max_size=15)


def plainly(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Name each key's component by its smallest key, by spreading names until nothing changes."""
    names = {key: key for pair in pairs for key in pair}
    for _ in names:
        for one, other in pairs:
            names[one] = names[other] = min(names[one], names[other])
    return names


@given(PAIRS)
def test_components_are_those_of_the_plain_routine(pairs: list[tuple[str, str]]) -> None:
    assert dict(components(pairs)) == plainly(pairs)


@given(st.data(), PAIRS)
def test_neither_order_nor_direction_nor_repetition_matters(data: st.DataObject, pairs: list[tuple[str, str]]) -> None:
    shuffled = data.draw(st.permutations([*pairs, *((other, one) for one, other in pairs)]))

    assert dict(components(shuffled)) == dict(components(pairs))


@given(PAIRS, st.tuples(KEYS, KEYS))
def test_another_pair_only_ever_joins(pairs: list[tuple[str, str]], more: tuple[str, str]) -> None:
    before, after = dict(components(pairs)), dict(components([*pairs, more]))

    for one in before:
        for other in before:
            if before[one] == before[other]:
                assert after[one] == after[other]


def test_a_long_chain_is_one_component() -> None:
    pairs = [(f"{number:06}", f"{number + 1:06}") for number in range(100_000)]

    assert {name for _, name in components(pairs)} == {"000000"}


def test_nothing_is_no_component() -> None:
    assert list(components([])) == []

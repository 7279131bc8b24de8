from hypothesis import given
from hypothesis import strategies as st

from toolkit.history.importers.counter import Tally

MEETINGS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("123456789"), st.integers(1, 5)),
    max_size=40,
)


@given(MEETINGS, st.integers(0, 5))
def test_a_tally_counts_the_same_whether_or_not_it_spills(
    meetings: list[tuple[str, str, int]], hold: int
) -> None:
    small, large = Tally(hold=hold), Tally()
    for noun, identity, weight in meetings:
        small.meet(noun, identity, part=0, weight=weight)
        large.meet(noun, identity, part=0, weight=weight)
    counts = small.counts()
    small.close()

    assert counts == large.counts()


@given(MEETINGS)
def test_a_thing_counts_once_with_its_largest_weight(
    meetings: list[tuple[str, str, int]],
) -> None:
    tally, largest = Tally(), dict[tuple[str, str], int]()
    for noun, identity, weight in meetings:
        tally.meet(noun, identity, part=0, weight=weight)
        known = largest.get((noun, identity), 0)
        largest[noun, identity] = max(known, weight)
    weights = [w for (noun, _), w in largest.items() if noun == "a"]
    expected = (len(weights), sum(weights), sum(w > 1 for w in weights))

    assert tally.counts().get(("a", 0), (0, 0, 0)) == expected


def test_a_thing_belongs_to_the_part_that_met_it_first() -> None:
    tally = Tally()
    tally.meet("batch", "x", part=1)
    tally.meet("batch", "x", part=0)

    assert tally.counts() == {("batch", 1): (1, 1, 0)}

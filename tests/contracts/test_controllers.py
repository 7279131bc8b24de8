"""What every online controller owes, each of them enrolled."""

import inspect
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolkit.policies.controllers
from toolkit.errors import UsageError
from toolkit.policies.controllers import (
    Aimd,
    Controller,
    Gradient2,
    SizeBounds,
    Vegas,
)

Make = Callable[[SizeBounds], Controller]

CONTROLLERS: dict[type, Make] = {
    Aimd: lambda bounds: Aimd(bounds, timeout_s=2.0),
    Gradient2: Gradient2,
    Vegas: Vegas,
}

enrolled = pytest.mark.parametrize(
    "make", CONTROLLERS.values(), ids=[each.__name__ for each in CONTROLLERS]
)
OBSERVATIONS = st.lists(
    st.tuples(st.floats(1e-6, 1e6), st.integers(0, 3)), min_size=1, max_size=60
)


def bounds(initial: int = 8, maximum: int = 32) -> SizeBounds:
    return SizeBounds(initial, minimum=2, maximum=maximum)


def test_every_controller_of_the_room_is_enrolled() -> None:
    room = toolkit.policies.controllers
    public = [getattr(room, name) for name in room.__all__]
    found = {
        each
        for each in public
        if inspect.isclass(each)
        and each is not Controller
        and hasattr(each, "observe")
        and hasattr(each, "size")
    }

    assert found == set(CONTROLLERS)


@enrolled
def test_it_meets_the_protocol(make: Make) -> None:
    assert isinstance(make(bounds()), Controller)


@enrolled
def test_it_starts_at_the_initial_size(make: Make) -> None:
    assert make(bounds(initial=5)).size == 5


@enrolled
@given(observations=OBSERVATIONS)
def test_the_size_never_leaves_its_bounds(
    make: Make, observations: list[tuple[float, int]]
) -> None:
    controller = make(bounds())

    sizes = [controller.observe(s, failures=failures) for s, failures in observations]

    assert all(2 <= size <= 32 for size in sizes)


@enrolled
@given(observations=OBSERVATIONS)
def test_the_answer_is_the_size_to_use_next(
    make: Make, observations: list[tuple[float, int]]
) -> None:
    controller = make(bounds())

    answers = [
        (controller.observe(s, failures=failures), controller.size)
        for s, failures in observations
    ]

    assert all(answer == size for answer, size in answers)


@enrolled
@given(observations=OBSERVATIONS)
def test_the_same_observations_give_the_same_sizes(
    make: Make, observations: list[tuple[float, int]]
) -> None:
    first, second = make(bounds()), make(bounds())

    assert [first.observe(s, failures=f) for s, f in observations] == [
        second.observe(s, failures=f) for s, f in observations
    ]


@enrolled
def test_it_grows_while_latency_stays_flat(make: Make) -> None:
    controller = make(bounds())

    for _ in range(60):
        controller.observe(1.0)

    assert controller.size > 16


@enrolled
def test_it_shrinks_while_operations_fail(make: Make) -> None:
    controller = make(bounds(initial=30))

    for _ in range(60):
        controller.observe(1.0, failures=2)

    assert controller.size <= 4


@enrolled
def test_it_finds_the_knee_of_a_machine_with_twelve_workers(make: Make) -> None:
    controller = make(bounds(maximum=200))

    sizes = []
    for _ in range(200):
        # Beyond 12 operations wait for a worker: latency grows in proportion.
        sizes.append(controller.size)
        controller.observe(max(1.0, controller.size / 12))

    settled = sum(sizes[-100:]) / 100
    assert 8 <= settled <= 40


@enrolled
@pytest.mark.parametrize("latency_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_latency_that_cannot_be_is_refused(make: Make, latency_s: float) -> None:
    with pytest.raises(UsageError, match="latency_s"):
        make(bounds()).observe(latency_s)


@enrolled
def test_negative_failures_are_refused(make: Make) -> None:
    with pytest.raises(UsageError, match="failures"):
        make(bounds()).observe(1.0, failures=-1)


@pytest.mark.parametrize(
    ("initial", "minimum", "maximum"), [(0, 0, 5), (6, 1, 5), (1, 2, 5)]
)
def test_bounds_out_of_order_are_refused(
    initial: int, minimum: int, maximum: int
) -> None:
    with pytest.raises(UsageError, match="1 <= minimum"):
        SizeBounds(initial, minimum=minimum, maximum=maximum)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Aimd(bounds(), timeout_s=0.0),
        lambda: Aimd(bounds(), timeout_s=1.0, backoff=1.0),
        lambda: Gradient2(bounds(), tolerance=0.5),
        lambda: Gradient2(bounds(), window=1),
        lambda: Gradient2(bounds(), smoothing=0.0),
        lambda: Vegas(bounds(), probe_every=0),
    ],
    ids=["timeout", "backoff", "tolerance", "window", "smoothing", "probe"],
)
def test_an_option_out_of_range_is_refused(make: Callable[[], Controller]) -> None:
    with pytest.raises(UsageError, match="got"):
        make()

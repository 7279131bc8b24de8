"""What every effector owes, each of them enrolled."""

import inspect
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

import toolkit.runtime.healing.effectors
import toolkit.testing.pool
from toolkit.notifier import MemoryNotifier
from toolkit.runtime.healing.effectors import (
    Action,
    AdvisoryEffector,
    DryRunEffector,
    Effector,
    EffectOutcome,
)
from toolkit.runtime.healing.issues import LADDERS
from toolkit.testing.pool import (
    ForkServerProcess,
    LocalAgentPool,
    LocalPoolEffector,
    Lockstep,
    PoolSettings,
    SteppedClock,
)


@contextmanager
def local_pool() -> Iterator[Effector]:
    with tempfile.TemporaryDirectory(prefix="e-") as folder:
        path = Path(folder)
        with ForkServerProcess(path / "n"):
            lockstep = Lockstep(path / "b")
            settings = PoolSettings(forkserver=str(path / "n"), tick=str(path / "b"))
            clock = SteppedClock(datetime(2026, 1, 5, tzinfo=UTC))
            pool = LocalAgentPool.create(path / "pool", settings, clock=clock)
            pool.spawn("a1")
            yield LocalPoolEffector(pool)
            pool.close(stop=True)
            lockstep.close()


@contextmanager
def plain(effector: Effector) -> Iterator[Effector]:
    yield effector


EFFECTORS: dict[type, Callable[[], object]] = {
    AdvisoryEffector: lambda: plain(AdvisoryEffector(MemoryNotifier())),
    DryRunEffector: lambda: plain(DryRunEffector()),
    LocalPoolEffector: local_pool,
}


@pytest.fixture(params=EFFECTORS.values(), ids=[each.__name__ for each in EFFECTORS])
def effector(request: pytest.FixtureRequest) -> Iterator[Effector]:
    with request.param() as made:
        yield made


def action(verb: str = "spawn_replacement", key: str = "k1") -> Action:
    return Action(key=key, verb=verb, cause="agent:a1")


def test_every_effector_of_the_room_is_enrolled() -> None:
    rooms = (toolkit.runtime.healing.effectors, toolkit.testing.pool)
    members = {
        each
        for room in rooms
        for name in room.__all__
        if inspect.isclass(each := getattr(room, name))
        and name.endswith("Effector")
        and not getattr(each, "_is_protocol", False)
    }

    assert members == set(EFFECTORS)


def test_an_action_that_was_never_asked_for_took_no_effect(effector: Effector) -> None:
    assert anyio.run(effector.effect_of, "never") is None


def test_an_effect_can_be_looked_up_by_its_key(effector: Effector) -> None:
    effect = anyio.run(effector.act, action())

    assert effect.outcome is EffectOutcome.ACTED
    assert anyio.run(effector.effect_of, "k1") == effect


def test_the_same_key_is_carried_out_once(effector: Effector) -> None:
    first = anyio.run(effector.act, action())

    assert anyio.run(effector.act, action()) == first


def test_every_rung_of_every_ladder_has_an_answer(effector: Effector) -> None:
    for ladder in LADDERS.values():
        for rung in ladder:
            effect = anyio.run(effector.act, action(rung.name, key=rung.name))

            assert effect.outcome is not EffectOutcome.FAILED

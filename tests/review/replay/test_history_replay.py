"""A replay against what really happened when the other policy was run."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.review.reviewed import Talk, facts_of
from tests.shared import HISTORY, needs_history
from tests.thorough import sampled
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.history import History
from toolkit.records import Batch
from toolkit.review import Facts, read_facts
from toolkit.review.replay import Replay, read_policy, replay_history
from toolkit.testing.simulator import SessionTruth, perform, plan_session

SESSIONS = 60
START = datetime(2026, 1, 5, tzinfo=UTC)
TRUTH = SessionTruth()


def _replayed(
    folder: Path, recorded: int, wanted: int, sessions: int = SESSIONS
) -> tuple[Replay, dict[str, float]]:
    """Replay sessions done with one size under another, and really do them so."""
    rng = np.random.default_rng(recorded * 100 + wanted)
    history, real = History(folder), {}
    for number in range(sessions):
        name, start = f"s{number}", START + timedelta(hours=3 * number)
        calls = plan_session(TRUTH, rng)
        history_of = perform(calls, TRUTH, recorded, rng, session_id=name, start=start)
        history.extend(history_of)
        done = perform(calls, TRUTH, wanted, rng, session_id=name, start=start)
        real[name] = sum(b.cycle_s or 0.0 for b in done if isinstance(b, Batch))
    facts = read_facts(history.dataset)
    found = replay_history(facts, read_policy(f"size:{wanted}"), rng=rng)
    return found, real


def test_nine_of_ten_real_runs_lie_within_the_bounds(tmp_path: Path) -> None:
    inside = []
    for recorded, wanted in ((1, 4), (4, 1)):
        found, real = _replayed(tmp_path / f"{recorded}{wanted}", recorded, wanted)
        inside += [s.low_s <= real[s.session] <= s.high_s for s in found.sessions]

    assert len(inside) >= 100
    assert np.mean(inside) >= 0.9


def test_the_real_change_over_all_sessions_lies_near_the_replayed(
    tmp_path: Path,
) -> None:
    found, real = _replayed(tmp_path, 1, 6)
    took = sum(real[each.session] for each in found.sessions)
    change = took / found.recorded_s - 1

    # What a call needs is recorded in the simulation, so the lower bound is the truth.
    assert found.change[0][0] == pytest.approx(change, abs=0.03)
    assert found.change[1][0] < found.change[0][0] < 0


def test_the_recorded_policy_changes_nothing(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, _talk("s1"), _talk("s2"))

    found = replay_history(facts, read_policy("recorded"), rng=np.random.default_rng(0))

    assert found.change == ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert found.error == pytest.approx(0.0, abs=1e-9)


def test_reads_that_surely_could_go_together_save_their_turn(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, _talk("s1"), _talk("s2"))

    found = replay_history(facts, read_policy("size:4"), rng=np.random.default_rng(0))

    # Three seconds a turn and one a read; the prompted listing has a person in it.
    one = found.sessions[0]
    assert (one.recorded_turns, one.turns) == (8.0, (2.0, 2.0))
    assert one.recorded_s == pytest.approx(8 * 4.0)
    assert one.replayed_s == pytest.approx((2 * 4.0, 2 * 4.0))


def test_turns_are_those_of_all_agents_and_time_is_the_main_ones(
    tmp_path: Path,
) -> None:
    facts = facts_of(tmp_path, _talk("s1"), _talk("s2"))
    one = facts.batches["session"] == "s1"
    agents = np.where(one, "main", "a1").astype(object)
    batches = {**facts.batches, "agent": agents}
    twice = {name: np.concatenate([v, v]) for name, v in batches.items()}
    half = len(one)
    twice["session"] = np.repeat(np.array(["s1", "s2"], dtype=object), half)
    both = Facts(batches=twice, turns=facts.turns, waves=facts.waves)

    found = replay_history(both, read_policy("size:4"), rng=np.random.default_rng(0))

    for session in found.sessions:
        assert (session.recorded_turns, session.turns) == (16.0, (4.0, 4.0))
        assert session.recorded_s == pytest.approx(8 * 4.0)


def _waves(folder: Path, agent_seconds: float) -> Facts:
    """Two sessions of eight turns; the third began six agents at once, for a second."""
    facts = facts_of(folder, _talk("s1"), _talk("s2"))
    first = [
        int(np.flatnonzero(facts.batches["session"] == s)[3]) for s in ("s1", "s2")
    ]
    batches = {name: values.copy() for name, values in facts.batches.items()}
    batches["work"] = batches["work"].astype(object)
    batches["size"] = batches["size"].astype(np.float64)
    batches["work"][first], batches["size"][first] = "spawn", 6.0
    batches["operations_s"][first] = agent_seconds
    waves = {
        "session": np.array(["s1", "s2"], dtype=object),
        "at_s": batches["at_s"][first],
        "runs": np.full(2, 6.0),
        "agents": np.full(2, 6.0),
        "dependencies": np.zeros(2),
        "makespan_s": np.ones(2),
        "agent_seconds": np.full(2, agent_seconds),
    }
    return Facts(batches=batches, turns=facts.turns, waves=waves)


@pytest.mark.parametrize(("agents", "wave_s"), [(1, 4.5), (3, 2.0), (6, 1.0), (9, 1.0)])
def test_agents_of_one_turn_run_beside_each_other(
    tmp_path: Path, agents: int, wave_s: float
) -> None:
    facts = _waves(tmp_path, agent_seconds=4.5)

    found = replay_history(
        facts, read_policy(f"agents:{agents}"), rng=np.random.default_rng(0)
    )

    assert found.error == pytest.approx(0.0, abs=1e-9)
    for session in found.sessions:
        assert session.replayed_s[0] == pytest.approx(8 * 4.0 - 1.0 + wave_s)


def test_one_session_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughDataError, match="a replay"):
        replay_history(
            facts_of(tmp_path, _talk("s1")),
            read_policy("size:4"),
            rng=np.random.default_rng(0),
        )


@pytest.mark.parametrize("text", ["size:0", "size:x", "agents:", "rules", "bundle:"])
def test_a_policy_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="unknown policy"):
        read_policy(text)


@needs_history
@pytest.mark.slow
def test_self_replay_of_real_sessions_is_within_a_tenth(tmp_path: Path) -> None:
    history = History(tmp_path)
    pack = sampled("context-evaluator", whole="entireio-cli")
    history.load("claude-code", HISTORY / "flow" / "claude-code" / pack)
    facts = read_facts(history.dataset)

    found = replay_history(facts, read_policy("rule"), rng=np.random.default_rng(0))

    assert found.error <= 0.1
    assert len(found.sessions) >= 20
    assert found.left_out + found.untimed < len(found.sessions) / 5


def _talk(name: str) -> Talk:
    """A listing, and then eight files of it, one a turn."""
    paths = [f"/home/a/{letter * 6}.py" for letter in "abcdefgh"]
    talk = Talk(name).read("/home/a/listing.txt", shows=" ".join(paths))
    for path in paths:
        talk.read(path)
    return talk


def test_parts_add_up_to_the_whole_and_a_small_one_says_so(tmp_path: Path) -> None:
    found, _ = _replayed(tmp_path, recorded=1, wanted=4, sessions=6)
    rng = np.random.default_rng(0)
    weeks = found.values("week")
    parts = [found.of_part("week", week, rng=rng) for week in weeks]

    assert sum(part.timed + part.untimed for part in parts) == 6
    assert sum(part.recorded_s for part in parts) == pytest.approx(found.recorded_s)
    with pytest.raises(NotEnoughDataError):
        found.of_part("week", "another", rng=rng)

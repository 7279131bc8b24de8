from tests.runtime.adapters.bench import Bench


def test_the_calls_between_two_turns_are_one_batch() -> None:
    bench = Bench()
    for turn in range(2):
        bench.calls.turn("a")
        for call in range(3):
            bench.calls.started("a", f"{turn}/{call}", "grep")
        for call in range(3):
            error = OSError() if call == 2 else None
            bench.calls.ended("a", f"{turn}/{call}", error)
    bench.calls.close()

    assert [(b.size, b.succeeded, b.failed) for b in bench.batches()] == [(3, 2, 1)] * 2
    assert [event.outcome for event in bench.events()][:3] == [
        "succeeded",
        "succeeded",
        "failed",
    ]


def test_agents_have_batches_of_their_own() -> None:
    bench = Bench()
    for agent in "ab":
        bench.calls.started(agent, "1", "grep")
        bench.calls.ended(agent, "1")
    bench.calls.close()

    assert {batch.agent_id for batch in bench.batches()} == {"a", "b"}


def test_an_end_without_a_start_is_ignored() -> None:
    bench = Bench()
    bench.calls.ended("a", "1")

    assert (bench.batches(), bench.events()) == ([], [])


def test_a_size_is_recommended() -> None:
    assert Bench().calls.size("shell") == 3

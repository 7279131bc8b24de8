from pathlib import Path

import psutil
import pytest

from toolkit.measurement.load import LOAD_LEVELS, LoadLevel, pressure, utilisation


def children() -> int:
    return len(psutil.Process().children(recursive=True))


@pytest.mark.parametrize("level", LOAD_LEVELS, ids=lambda level: level.name)
def test_pressure_ends_with_its_context(level: LoadLevel, tmp_path: Path) -> None:
    with pressure(level, tmp_path):
        pass

    assert (children(), list(tmp_path.iterdir())) == (0, [])


def test_full_pressure_starts_a_process_for_each_core(tmp_path: Path) -> None:
    before = children()
    with pressure(LoadLevel(name="full", spinners=1.0), tmp_path):
        during = children()

    assert during - before == psutil.cpu_count()


def test_pressure_ends_when_what_it_surrounds_fails(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        pressure(LoadLevel(name="some", spinners=1.0, writers=1), tmp_path),
    ):
        raise KeyboardInterrupt

    assert children() == 0


def test_full_pressure_is_seen_as_load(tmp_path: Path) -> None:
    with pressure(LoadLevel(name="full", spinners=1.0), tmp_path):
        busy = utilisation(0.3)

    assert busy.cpu > 0.5


def test_utilisations_are_shares() -> None:
    seen = utilisation(0.02)

    assert all(0 <= share <= 1 for share in (seen.cpu, seen.memory, seen.io or 0.0))


def test_what_yields_to_the_caller_is_no_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.measurement.load.competes", lambda pid, own: False)

    assert utilisation(0.02).cpu == 0

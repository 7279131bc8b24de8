from datetime import timedelta
from pathlib import Path

from tests.bundle_factory import NOW, small_bundle
from toolkit.clock import VirtualClock
from toolkit.policies import Value
from toolkit.runtime.advice import ReloadingAdvisor

CONTEXT: dict[str, Value] = {
    "operation_type": "fileOperations",
    "load_cpu": 0.5,
    "operation_bytes": 3e3,
}


def test_a_swapped_bundle_serves_without_a_restart(tmp_path: Path) -> None:
    for version in ("1", "2"):
        small_bundle(tmp_path / version, version=version)
    link = tmp_path / "current"
    link.symlink_to("1")
    clock = VirtualClock(NOW + timedelta(hours=1))
    advisor = ReloadingAdvisor(link, decision="batch_size", clock=clock)
    before = advisor.decide(CONTEXT).version
    draft = tmp_path / "draft"
    draft.symlink_to("2")
    draft.replace(link)
    clock.move(6)

    assert (before, advisor.decide(CONTEXT).version) == ("1", "2")


def test_a_link_that_goes_leaves_the_rule_and_one_that_comes_the_model(
    tmp_path: Path,
) -> None:
    small_bundle(tmp_path / "1", version="1")
    link = tmp_path / "current"
    clock = VirtualClock(NOW + timedelta(hours=1))
    advisor = ReloadingAdvisor(link, decision="batch_size", clock=clock)
    assert advisor.bundle is None
    link.symlink_to("1")
    clock.move(6)
    advisor.decide(CONTEXT)
    assert advisor.bundle is not None
    link.unlink()
    clock.move(6)
    advisor.decide(CONTEXT)

    assert advisor.bundle is None


def test_a_bundle_that_is_refused_leaves_the_rule_and_says_why(tmp_path: Path) -> None:
    small_bundle(tmp_path / "1", version="1")
    (tmp_path / "1" / "model.onnx").write_bytes(b"altered")
    clock = VirtualClock(NOW + timedelta(hours=1))
    advisor = ReloadingAdvisor(tmp_path / "1", decision="batch_size", clock=clock)

    assert advisor.decide(CONTEXT).reason.code == "bundle_refused"

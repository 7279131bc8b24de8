import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.bundle.test_graph_check import AXES, SUM, model_of, node
from toolkit.bundle.onnx_runtime import evaluate, make_session, raised_by_onnxruntime


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env={k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
        | environment,
    )
    return done.stdout + done.stderr


@pytest.mark.slow
def test_telemetry_is_off_before_the_library_is_loaded(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from toolkit.bundle.onnx_runtime import import_onnxruntime\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "import_onnxruntime()\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])\n"
    )

    said = run(code, HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "cache"))

    assert said == "1\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_program_that_imported_it_earlier_is_warned_once(tmp_path: Path) -> None:
    code = (
        "import onnxruntime\n"
        "from toolkit.bundle.onnx_runtime import import_onnxruntime\n"
        "import_onnxruntime(); import_onnxruntime()\n"
    )

    said = run(code, HOME=str(tmp_path))

    assert said.count("imported before the toolkit with its telemetry on") == 1


@pytest.mark.slow
def test_a_run_that_takes_too_long_is_ended_between_two_operators() -> None:
    size = 500
    nodes = [node("Transpose", "features", perm=[1, 0], output="turned")]
    nodes.append(node("MatMul", "v", "turned", output="m0"))
    nodes += [node("MatMul", "w", f"m{n}", output=f"m{n + 1}") for n in range(400)]
    nodes.append(node("Transpose", "m400", perm=[1, 0], output="rows"))
    nodes.append(node("Gather", "rows", "axes", axis=1))
    weights = {
        "w": np.zeros((size, size), np.float32),
        "v": np.zeros((size, 3), np.float32),
        "axes": AXES,
    }
    session = make_session(model_of(nodes, **weights).SerializeToString())
    began = time.process_time()

    with pytest.raises(Exception) as caught:  # noqa: PT011 - its class is private to the library
        evaluate(session, {"features": np.zeros((2000, 3), np.float32)}, limit_s=0.2)

    assert raised_by_onnxruntime(caught.value)
    assert time.process_time() - began < 2


def test_a_session_gives_its_first_output() -> None:
    session = make_session(model_of([SUM], axes=AXES).SerializeToString())

    rows = np.array([[1, 2, 3], [0, 0, 1]], dtype=np.float32)

    assert evaluate(session, {"features": rows}, limit_s=5).tolist() == [[6], [1]]


def test_errors_of_the_library_are_known_from_others() -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - its class is private to the library
        make_session(b"no graph")

    assert raised_by_onnxruntime(caught.value)
    assert not raised_by_onnxruntime(KeyError())

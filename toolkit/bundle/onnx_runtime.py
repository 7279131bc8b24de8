"""The one place where onnxruntime is imported, quiet, and sessions are made.

Its Linux wheel of version 1.31 has an uploader that is on by default: it writes a device
id below the user's cache folder and sends what the machine is. One environment variable,
read when the library is loaded, turns it off.
"""

import logging
import os
import sys
from threading import Timer
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Floats
from toolkit.bundle.feature_schema import Float32s
from toolkit.bundle.graph_check import INPUT_NAME
from toolkit.errors import MissingExtraError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = [
    "evaluate",
    "import_onnxruntime",
    "make_session",
    "raised_by_onnxruntime",
    "run_graph",
]

SWITCH = "ORT_DISABLE_TELEMETRY"
"""Set to 1 before the library is loaded, it opens no socket and writes no file."""

_warned: set[str] = set()


def import_onnxruntime() -> Any:
    """Import onnxruntime with its telemetry off.

    Where a program imported it earlier without the switch, the library's own API is used
    as far as it goes, and a warning is logged once: what was begun cannot be undone.
    """
    late = "onnxruntime" in sys.modules and os.environ.get(SWITCH) != "1"
    os.environ[SWITCH] = "1"
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("an exported model", "bundle") from error

    if late and SWITCH not in _warned:
        _warned.add(SWITCH)
        onnxruntime.disable_telemetry_events()
        logging.getLogger("toolkit.bundle").warning(
            "onnxruntime was imported before the toolkit with its telemetry on; "
            "set %s=1 in the program's environment",
            SWITCH,
        )
    return onnxruntime


def make_session(content: bytes) -> "InferenceSession":
    """Make a session on one thread that does not spin.

    Parameters
    ----------
    content : bytes
        A graph that was checked.

    Returns
    -------
    onnxruntime.InferenceSession
    """
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )


def evaluate(
    session: "InferenceSession",
    feeds: dict[str, NDArray[np.float32]],
    *,
    limit_s: float | None = None,
) -> Any:
    """Run a session and return its first output.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    feeds : mapping of str to array
    limit_s : float, optional
        After this time the run is ended between two operators; it then raises.

    Returns
    -------
    array
    """
    if limit_s is None:
        return session.run(None, feeds)[0]
    options = import_onnxruntime().RunOptions()
    options.log_severity_level = 4
    timer = Timer(limit_s, setattr, [options, "terminate", True])
    timer.start()
    try:
        return session.run(None, feeds, options)[0]
    finally:
        timer.cancel()


def raised_by_onnxruntime(error: BaseException) -> bool:
    """Check whether an error is the library's: its own classes, or its plain ones."""
    return type(error).__module__.startswith("onnxruntime") or isinstance(
        error, (RuntimeError, ValueError, MemoryError)
    )


def run_graph(graph: bytes, rows: Float32s) -> Floats:
    """Evaluate a graph on encoded rows, without the checks of a bundle.

    Parameters
    ----------
    graph : bytes
    rows : array of float32, shape (n, width)

    Returns
    -------
    array of shape (n,)
    """
    found = evaluate(make_session(graph), {INPUT_NAME: rows})
    return np.asarray(found, dtype=np.float64).ravel()

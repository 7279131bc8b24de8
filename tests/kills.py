"""Kills that come at a chosen line of the code under test."""

import gc
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from tests.shared import ROOT

__all__ = ["killed_at"]


def killed_at(
    point: int, work: Callable[[], Any], *, watched: tuple[str, ...] = ()
) -> bool:
    """Run in a child that gets SIGKILL at its n-th line; `True` where it got that far.

    Lines of the watched files of the package count; point 0 kills nothing.
    """
    files = {str(ROOT / "toolkit" / name) for name in watched}
    assert all(map(os.path.isfile, files)), files
    gc.freeze()  # a collection in the child would copy every page of its parent
    child = os.fork()
    if child == 0:
        left = [point]

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            if frame.f_code.co_filename not in files:
                return None
            if event == "line":
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        code = 1
        try:
            if point:
                sys.settrace(trace)
            work()
            code = 0
        finally:
            os._exit(code)
    gc.unfreeze()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)

"""Precedence over other work on the machine, while something is measured."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["MEASURING_NICENESS", "precedence"]

MEASURING_NICENESS = -10
"""About nine times the weight of ordinary work: others go on, but seldom interrupt."""


@contextmanager
def precedence() -> Iterator[bool]:
    """Go before other people's processes, where the system lets this user do so.

    Processes started meanwhile inherit it, those that press on the machine too: what is
    measured competes with them as an equal, and with the neighbours hardly at all.

    Yields
    ------
    bool
        Whether the system allowed it.
    """
    before = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, min(before, MEASURING_NICENESS))
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)

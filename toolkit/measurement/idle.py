"""Waiting for others to leave the machine alone, as long as patience lasts."""

from collections.abc import Callable
from time import perf_counter

from toolkit.measurement.load import Utilisation, utilisation

__all__ = ["Calm"]

CALM_CPU = 0.3
CALM_IO = 0.25
"""Below these shares the neighbours hardly show in what a block costs."""
AT_ONCE = 0.1
"""Share of the remaining patience that one wait may use, so that a busy while at the
beginning leaves some for the rest."""


class Calm:
    """Lets time pass until the machine is calm, up to a budget for the whole sweep.

    It is asked while nothing is measured and nothing of ours presses, so what it sees is
    the others' doing. When to measure is chosen by what they do, never by what a
    measurement gave.

    Parameters
    ----------
    patience_s : float
        Budget in seconds.
    observe : callable
        Observes the machine over a short window.
    """

    def __init__(
        self, patience_s: float, observe: Callable[[], Utilisation] = utilisation
    ) -> None:
        self.left_s = patience_s
        self._observe = observe

    def wait(self) -> bool:
        """Wait for calm; `False` if patience for this wait ran out first."""
        until_s = self.left_s * (1 - AT_ONCE)
        while self.left_s > until_s:
            began_s = perf_counter()
            seen = self._observe()
            if seen.cpu <= CALM_CPU and (seen.io or 0.0) <= CALM_IO:
                return True
            self.left_s -= perf_counter() - began_s
        return False

"""Batches of one type since the last look: observed cost as a ratio of sums."""

import math

from toolkit.policies.adaptation import CorrectionSettings, CostCorrection

__all__ = ["CostWindow"]


class CostWindow:
    """Compares a predicted cost with batches, every few operations.

    The cost of the batches together is their seconds over their successes (definitions,
    section 1: a ratio of expectations), so one slow batch among good ones weighs what
    it costs. Operations that all failed performed 0, and their time counts until one
    succeeds.

    Parameters
    ----------
    predicted_s : float
        Seconds per successful operation, above 0.
    settings : CorrectionSettings

    Examples
    --------
    >>> window = CostWindow(2.0, CorrectionSettings())
    >>> window.observe(operations=3, succeeded=3, cycle_s=6.0)
    >>> window.observe(operations=2, succeeded=2, cycle_s=6.5)
    0.8
    """

    def __init__(self, predicted_s: float, settings: CorrectionSettings) -> None:
        self.predicted_s = predicted_s
        self.correction = CostCorrection(settings)
        self._operations = 0
        self._succeeded = 0
        self._cycle_s = 0.0

    def observe(
        self, *, operations: int, succeeded: int, cycle_s: float
    ) -> float | None:
        """Take in a batch.

        Returns
        -------
        float or None
            Predicted / observed cost once enough operations are in; `None` before.
        """
        self._operations += operations
        self._succeeded += succeeded
        self._cycle_s += cycle_s
        if self._operations < self.correction.settings.every:
            return None
        if self._succeeded == 0:
            return 0.0
        # The shortest times divide to 0, which no cost is.
        if self._cycle_s / self._succeeded == 0 or not math.isfinite(self._cycle_s):
            return None
        return self._close()

    def _close(self) -> float:
        observed_s = self._cycle_s / self._succeeded
        self.correction.observe(
            predicted_cost=self.predicted_s,
            observed_cost=observed_s,
            operations=self._operations,
        )
        ratio = self.predicted_s * self._succeeded / self._cycle_s
        self._operations, self._succeeded, self._cycle_s = 0, 0, 0.0
        return ratio

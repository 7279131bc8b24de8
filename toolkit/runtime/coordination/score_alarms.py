"""Alarms of one agent's score: a band lost, a sudden drop.

Operations of one instant are judged together: what an earlier one of them raised is
taken back before the later one is judged.
"""

from toolkit.runtime.coordination.agent_record import AgentRecord
from toolkit.runtime.coordination.alert_book import AlertBook
from toolkit.runtime.coordination.alerts import Alert, AlertKind, Priority, band_lost
from toolkit.runtime.coordination.instants import FOREVER, MICRO
from toolkit.runtime.coordination.settings import BANDS, MonitorSettings, band_of

__all__ = ["ScoreAlarms"]


class ScoreAlarms:
    """Follows scores through the bands, and watches them for a sudden fall.

    Parameters
    ----------
    settings : MonitorSettings
    book : AlertBook
    """

    __slots__ = (
        "_book",
        "_hysteresis",
        "_lasts",
        "_minimum",
        "_threshold",
        "_tolerance",
        "_window",
    )

    def __init__(self, settings: MonitorSettings, book: AlertBook) -> None:
        self._book = book
        self._hysteresis = settings.hysteresis
        self._lasts = settings.drop_lasts
        self._window = settings.window
        self._tolerance = settings.drop_tolerance
        self._threshold = settings.drop_threshold
        self._minimum = settings.drop_minimum

    def judge(self, me: AgentRecord, score: float, now: float) -> None:
        """Judge the latest score of an agent: a Page-Hinkley test, then its band.

        A pause with nothing in hand is a person's, and other work is not counted; both
        slow the pace of the whole window, so the test leaves such scores out.
        """
        level = me.drop_level
        if me.operations - me.paused_at < self._window:
            pass
        elif level is None:
            me.fall_count = count = me.fall_count + 1
            me.fall_mean = mean = me.fall_mean + (score - me.fall_mean) / count
            fall = me.fall + mean - score - self._tolerance
            me.fall = fall = fall if fall > 0.0 else 0.0
            if fall > self._threshold and count >= self._minimum:
                self._drop(me, score, now)
        elif score >= level - self._hysteresis:
            self._recover(me)
        if not me.band_low <= score < me.band_high:
            self._reband(me, score, now)
        elif me.low_since:
            me.low_since = 0

    def rewind(self, me: AgentRecord) -> None:
        """Judge the instant again: its operations count together."""
        (
            me.fall_count,
            me.fall_mean,
            me.fall,
            me.drop_level,
            me.band,
            me.top_band,
            me.low_since,
            alerts,
        ) = me.before
        for kind in (AlertKind.SUDDEN_DROP, AlertKind.EFFICIENCY_DROP):
            if (lasted := alerts.get(kind)) is None:
                me.end(kind)
            else:
                me.begin(lasted)
        self._set_bounds(me)

    def _reband(self, me: AgentRecord, score: float, now: float) -> None:
        """Follow a score through the bands; falling is at once, rising needs more."""
        reached = band_of(score)
        if me.band < 0:
            me.band = me.top_band = reached
        elif reached < me.band:
            if not me.low_since:
                me.low_since = me.operations
            if me.operations - me.low_since < self._lasts:
                return
            me.low_since = 0
            me.band = reached
            lost = band_lost(me.name, now / MICRO, score, reached)
            self._book.open(me, lost, reached)
        else:
            rise = score - self._hysteresis
            while me.band < len(BANDS) - 1 and rise >= BANDS[me.band + 1][0]:
                me.band += 1
            if me.band >= me.top_band:
                me.top_band = me.band
                me.end(AlertKind.EFFICIENCY_DROP)
        self._set_bounds(me)

    def _set_bounds(self, me: AgentRecord) -> None:
        if me.band < 0:
            me.band_low = me.band_high = 0.0
            return
        top = me.band == len(BANDS) - 1
        me.band_low = BANDS[me.band][0]
        me.band_high = FOREVER if top else BANDS[me.band + 1][0] + self._hysteresis

    def _drop(self, me: AgentRecord, score: float, now: float) -> None:
        me.drop_level = me.fall_mean
        alert = Alert(
            kind=AlertKind.SUDDEN_DROP,
            priority=Priority.HIGH,
            agent=me.name,
            at_s=now / MICRO,
            value=score,
            threshold=me.fall_mean,
        )
        self._book.open(me, alert)

    def _recover(self, me: AgentRecord) -> None:
        """Watch for the next drop from the level that is reached now."""
        me.drop_level = None
        me.fall_count = 0
        me.fall_mean = me.fall = 0.0
        me.end(AlertKind.SUDDEN_DROP)

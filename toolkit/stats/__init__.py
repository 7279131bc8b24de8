"""Streaming statistics: one definition each, in bounded memory, standard library only.

Every statistic has `update(x)`, `get()`, `count` and `ready`. One that has no answer
says so: `ready` is false and `get` raises `NotEnoughDataError`. The tests hold each to
its batch twin, computed from the whole list at once.
"""

from toolkit.stats.base import Statistic
from toolkit.stats.ew_mean import EWMean, decay_of
from toolkit.stats.ew_variance import EWVariance
from toolkit.stats.extremes import RollingMaximum, RollingMinimum
from toolkit.stats.mean import Mean
from toolkit.stats.median import RollingMedian
from toolkit.stats.page_hinkley import PageHinkley
from toolkit.stats.proportion import Proportion
from toolkit.stats.quantile import RollingQuantile, quantile_of_sorted
from toolkit.stats.ring import Ring
from toolkit.stats.theil_sen import TheilSen, theil_sen_slope
from toolkit.stats.variance import Variance

__all__ = [
    "EWMean",
    "EWVariance",
    "Mean",
    "PageHinkley",
    "Proportion",
    "Ring",
    "RollingMaximum",
    "RollingMedian",
    "RollingMinimum",
    "RollingQuantile",
    "Statistic",
    "TheilSen",
    "Variance",
    "decay_of",
    "quantile_of_sorted",
    "theil_sen_slope",
]

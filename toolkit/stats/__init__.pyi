__all__: list[str]

from .base import Statistic as Statistic
from .ew_mean import EWMean as EWMean
from .ew_mean import decay_of as decay_of
from .ew_variance import EWVariance as EWVariance
from .extremes import RollingMaximum as RollingMaximum
from .extremes import RollingMinimum as RollingMinimum
from .mean import Mean as Mean
from .median import RollingMedian as RollingMedian
from .page_hinkley import PageHinkley as PageHinkley
from .proportion import Proportion as Proportion
from .quantile import RollingQuantile as RollingQuantile
from .quantile import quantile_of_sorted as quantile_of_sorted
from .ring import Ring as Ring
from .theil_sen import TheilSen as TheilSen
from .theil_sen import theil_sen_slope as theil_sen_slope
from .variance import Variance as Variance

__all__: list[str]

from .decay import decay_of as decay_of
from .quantile import RollingQuantile as RollingQuantile
from .quantile import quantile_of_sorted as quantile_of_sorted
from .theil_sen import theil_sen_slope as theil_sen_slope

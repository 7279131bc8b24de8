__all__: list[str]

from .execution import CallableBatch as CallableBatch
from .measurement import BatchMetrics as BatchMetrics
from .measurement import MeasuredOperation as MeasuredOperation
from .measurement import Suggestion as Suggestion
from .measurement import measure_operations as measure_operations
from .measurement import suggestions as suggestions
from .optimizer import AdaptiveBatchingOptimizer as AdaptiveBatchingOptimizer
from .optimizer import SizeAdvisor as SizeAdvisor
from .recommendation import BatchingStatistics as BatchingStatistics
from .recommendation import BatchRecommendation as BatchRecommendation
from .recommendation import MeasuredBatch as MeasuredBatch
from .recommendation import StrategyUpdate as StrategyUpdate
from .recommendation import Workload as Workload
from .running import RunningBatch as RunningBatch
from .running import RunningOperation as RunningOperation

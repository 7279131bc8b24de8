__all__: list[str]

from .execution import CallableBatch as CallableBatch
from .optimizer import AdaptiveBatchingOptimizer as AdaptiveBatchingOptimizer
from .recommendation import Workload as Workload
from .running import RunningBatch as RunningBatch

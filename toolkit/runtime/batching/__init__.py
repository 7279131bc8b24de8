"""Adaptive batching: recommends sizes, measures batches, learns from what they cost."""

from toolkit.runtime.batching.execution import CallableBatch
from toolkit.runtime.batching.measurement import (
    BatchMetrics,
    MeasuredOperation,
    Suggestion,
    measure_operations,
    suggestions,
)
from toolkit.runtime.batching.optimizer import AdaptiveBatchingOptimizer
from toolkit.runtime.batching.recommendation import (
    BatchingStatistics,
    BatchRecommendation,
    MeasuredBatch,
    StrategyUpdate,
    Workload,
)
from toolkit.runtime.batching.strategy import AdaptationSettings, BatchStrategy

__all__ = [
    "AdaptationSettings",
    "AdaptiveBatchingOptimizer",
    "BatchMetrics",
    "BatchRecommendation",
    "BatchStrategy",
    "BatchingStatistics",
    "CallableBatch",
    "MeasuredBatch",
    "MeasuredOperation",
    "StrategyUpdate",
    "Suggestion",
    "Workload",
    "measure_operations",
    "suggestions",
]

"""What a running swarm embeds: advice, monitoring, planning, healing, hooks, sinks.

Nothing here imports pandas, scikit-learn, MLflow or Optuna; the bundle is all it knows of
training. The organs (`batching`, `coordination`, `planning`, `healing`) do not know each
other: `loop` composes them.
"""

from toolkit.runtime.advisor import Advisor, open_advisor
from toolkit.runtime.batching import AdaptiveBatchingOptimizer
from toolkit.runtime.clock import Clock, SystemClock, VirtualClock
from toolkit.runtime.coordination import CoordinationMonitor
from toolkit.runtime.load import BackgroundLoad, SystemLoad
from toolkit.runtime.notifier import Notification, Notifier

__all__ = [
    "AdaptiveBatchingOptimizer",
    "Advisor",
    "BackgroundLoad",
    "Clock",
    "CoordinationMonitor",
    "Notification",
    "Notifier",
    "SystemClock",
    "SystemLoad",
    "VirtualClock",
    "open_advisor",
]

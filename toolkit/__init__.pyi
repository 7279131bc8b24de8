__all__: list[str]
__version__: str

from .errors import ToolkitError as ToolkitError
from .experiments.training import Experiment as Experiment
from .history import History as History
from .history import read as read
from .records import Batch as Batch
from .records import Workflow as Workflow
from .review import Review as Review
from .review import review as review
from .runtime import Advice as Advice
from .runtime import Advisor as Advisor
from .runtime import RuntimeLoop as RuntimeLoop
from .runtime.batching import AdaptiveBatchingOptimizer as AdaptiveBatchingOptimizer
from .runtime.coordination import CoordinationMonitor as CoordinationMonitor
from .runtime.healing import HealingEngine as HealingEngine

__all__: list[str]

from .batch_workload import Attempt as Attempt
from .batch_workload import BatchVariant as BatchVariant
from .batch_workload import BatchWorkload as BatchWorkload
from .catalogue import batch_workloads as batch_workloads
from .catalogue import task_graphs as task_graphs
from .task_graph import TaskGraph as TaskGraph

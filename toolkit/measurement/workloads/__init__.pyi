__all__: list[str]

from .batch_workload import Attempt as Attempt
from .batch_workload import BatchVariant as BatchVariant
from .batch_workload import BatchWorkload as BatchWorkload
from .catalogue import batch_workloads as batch_workloads
from .catalogue import task_graphs as task_graphs
from .file_operations import FileOperations as FileOperations
from .graph_shape import GraphShape as GraphShape
from .task_graph import GraphRun as GraphRun
from .task_graph import GraphVariant as GraphVariant
from .task_graph import TaskGraph as TaskGraph
from .task_spawning import TaskSpawning as TaskSpawning
from .todo_writes import TodoWrites as TodoWrites

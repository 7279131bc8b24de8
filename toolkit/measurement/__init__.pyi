__all__: list[str]

from .archive import write_archive as write_archive
from .child import Child as Child
from .design import Cell as Cell
from .design import Design as Design
from .idle import Calm as Calm
from .load import LOAD_LEVELS as LOAD_LEVELS
from .load import LoadLevel as LoadLevel
from .load import Utilisation as Utilisation
from .load import pressure as pressure
from .load import utilisation as utilisation
from .machine import Machine as Machine
from .machine import describe_machine as describe_machine
from .priority import MEASURING_NICENESS as MEASURING_NICENESS
from .priority import raised_priority as raised_priority
from .report import ContextSummary as ContextSummary
from .report import Report as Report
from .report import summarise as summarise
from .sweep import Sweep as Sweep
from .sweep import default_design as default_design
from .sweep import quick_design as quick_design

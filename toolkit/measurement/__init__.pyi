__all__: list[str]

from .archive import write_archive as write_archive
from .machine import describe_machine as describe_machine
from .sweep import Sweep as Sweep
from .sweep import default_design as default_design
from .sweep import quick_design as quick_design

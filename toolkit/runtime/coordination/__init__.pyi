__all__: list[str]

from .alerts import AlertKind as AlertKind
from .monitor import CoordinationMonitor as CoordinationMonitor
from .names import agent_name as agent_name
from .settings import MonitorSettings as MonitorSettings

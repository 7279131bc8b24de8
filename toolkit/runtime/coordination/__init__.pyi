__all__: list[str]

from .alerts import Alert as Alert
from .alerts import AlertKind as AlertKind
from .alerts import Priority as Priority
from .counts import Counts as Counts
from .factors import FACTORS as FACTORS
from .factors import Factors as Factors
from .monitor import AgentWatch as AgentWatch
from .monitor import CoordinationMonitor as CoordinationMonitor
from .names import agent_name as agent_name
from .recommendations import Recommendation as Recommendation
from .report import AgentEfficiency as AgentEfficiency
from .report import CoordinationReport as CoordinationReport
from .report import OverallCoordination as OverallCoordination
from .settings import Band as Band
from .settings import MonitorSettings as MonitorSettings
from .trend import trend_of as trend_of

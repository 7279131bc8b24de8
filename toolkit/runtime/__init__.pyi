__all__: list[str]

from .advisor import Advice as Advice
from .advisor import Advisor as Advisor
from .decision_service import DecisionService as DecisionService
from .loop import RuntimeLoop as RuntimeLoop

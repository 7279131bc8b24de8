__all__: list[str]

from .batches import SignalGroups as SignalGroups
from .signals import CallSignal as CallSignal
from .signals import Reduced as Reduced
from .signals import TurnSignal as TurnSignal
from .signals import WaitSignal as WaitSignal
from .signals import reduce_document as reduce_document

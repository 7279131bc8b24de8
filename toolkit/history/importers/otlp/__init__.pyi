__all__: list[str]

from .batches import SignalGroups as SignalGroups
from .roles import UNDERSTOOD as UNDERSTOOD
from .shapes import OtlpEntry as OtlpEntry
from .signals import CallSignal as CallSignal
from .signals import LinkSignal as LinkSignal
from .signals import Reduced as Reduced
from .signals import Signal as Signal
from .signals import TurnSignal as TurnSignal
from .signals import WaitSignal as WaitSignal
from .signals import reduce_document as reduce_document
from .signals import reduce_entry as reduce_entry
from .signals import SIGNALS as SIGNALS

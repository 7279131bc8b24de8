__all__: list[str]

from .batches import SignalGroups as SignalGroups
from .roles import UNDERSTOOD as UNDERSTOOD
from .shapes import OtlpEntry as OtlpEntry
from .signals import SIGNALS as SIGNALS
from .signals import Reduced as Reduced
from .signals import Signal as Signal
from .signals import reduce_document as reduce_document
from .signals import reduce_entry as reduce_entry

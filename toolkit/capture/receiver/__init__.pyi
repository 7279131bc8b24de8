__all__: list[str]

from .guard import is_loopback as is_loopback
from .limits import Limits as Limits
from .limits import ReceiverStatus as ReceiverStatus
from .receiver import OtlpReceiver as OtlpReceiver

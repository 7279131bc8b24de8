__all__: list[str]

from .guard import is_loopback as is_loopback
from .limits import Limits as Limits
from .receiver import OtlpReceiver as OtlpReceiver
from .routes import Answer as Answer
from .routes import Route as Route

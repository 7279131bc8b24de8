"""Says what a team's own batch sizes and agents cost, and what would have been cheaper.

The room is a function as well, so that ``toolkit.review(history)`` works however the
room was loaded: Python puts a submodule where the function of its name would be.
"""

import sys
from types import ModuleType
from typing import Any

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)


class _CallableRoom(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.review(*arguments, **options)


sys.modules[__name__].__class__ = _CallableRoom

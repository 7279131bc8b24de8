__all__: list[str]

from .harness import CURRENT as CURRENT
from .harness import HarnessVersion as HarnessVersion
from .installation import HookInstallation as HookInstallation
from .verbs import HookVerbs as HookVerbs
from .working import fire_test_event as fire_test_event
from .working import not_understood as not_understood
from .working import switched_off as switched_off

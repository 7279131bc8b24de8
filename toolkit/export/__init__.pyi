__all__: list[str]

from .writer import copy_bundle as copy_bundle
from .writer import write_bundle as write_bundle

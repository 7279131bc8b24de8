__all__: list[str]

from .estimator import refuse_unwritable as refuse_unwritable
from .writer import copy_bundle as copy_bundle
from .writer import write_bundle as write_bundle

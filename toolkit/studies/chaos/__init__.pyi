__all__: list[str]

from .healer import START as START
from .study import read_chaos_spec as read_chaos_spec
from .study import run_study as run_study

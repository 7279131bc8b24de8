__all__: list[str]

from .compaction import compact_store as compact_store
from .dataset import COMPLETENESS_SQL as COMPLETENESS_SQL
from .dataset import Dataset as Dataset
from .dataset import connect as connect
from .duplicates import Accounts as Accounts
from .duplicates import read_accounts as read_accounts
from .reconciliation import reconcile as reconcile
from .spool_tail import SpoolTail as SpoolTail
from .store import Addition as Addition
from .store import RecordStore as RecordStore
from .store import Rejection as Rejection

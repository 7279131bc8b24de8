__all__: list[str]

from .columns import COMPLETENESS_SQL as COMPLETENESS_SQL
from .compaction import compact_store as compact_store
from .dataset import Compaction as Compaction
from .dataset import Dataset as Dataset
from .duplicates import Accounts as Accounts
from .duplicates import read_accounts as read_accounts
from .engine import COMPACTING as COMPACTING
from .engine import EngineLimits as EngineLimits
from .engine import connect as connect
from .prices import ListPrices as ListPrices
from .prices import Money as Money
from .prices import PriceBook as PriceBook
from .prices import Unpriced as Unpriced
from .prices import installed_prices as installed_prices
from .prices import price_turn as price_turn
from .reading import read_store as read_store
from .reconciliation import reconcile as reconcile
from .snapshot import Snapshot as Snapshot
from .spool_tail import SpoolTail as SpoolTail
from .store import Addition as Addition
from .store import RecordStore as RecordStore
from .store import Rejection as Rejection
from .store import read_rejected as read_rejected
from .version import STORE_FORMAT as STORE_FORMAT
from .version import check_version as check_version

__all__: list[str]

from .base import ImportSink as ImportSink
from .base import Source as Source
from .base import SourceFile as SourceFile
from .catalogue import SOURCES as SOURCES
from .catalogue import open_source as open_source
from .importing import run_import as run_import
from .lines import decode_value as decode_value
from .paths import find_files as find_files
from .places import PLACES as PLACES
from .places import log_places as log_places
from .report import ImportReport as ImportReport
from .sorting import sort_logs as sort_logs
from .workers import usable_processes as usable_processes

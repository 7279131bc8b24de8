__all__: list[str]

from .check import TableCheck as TableCheck
from .check import check_tables as check_tables
from .form import map_schema as map_schema
from .suggestion import suggest_map as suggest_map

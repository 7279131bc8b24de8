__all__: list[str]

from .graph import Graph as Graph
from .stack import add_member as add_member
from .stack import to_onnx as to_onnx
from .verification import ROWS as ROWS
from .verification import probe_rows as probe_rows
from .verification import verify_graph as verify_graph
from .writer import CARD_NAME as CARD_NAME
from .writer import copy_bundle as copy_bundle
from .writer import write_bundle as write_bundle

"""Operations on files, each with what must hold whatever happened to it."""

from collections.abc import Mapping

from tests.faults.capturing import CAPTURING
from tests.faults.learning import LEARNING
from tests.faults.operation import Operation
from tests.faults.releasing import RELEASING
from tests.faults.storing import STORING

__all__ = ["OPERATIONS"]

OPERATIONS: Mapping[str, Operation] = {
    **STORING,
    **CAPTURING,
    **LEARNING,
    **RELEASING,
}

__all__: list[str]

from .base import CostCurve as CostCurve
from .base import Decision as Decision
from .base import Floats as Floats
from .base import Policy as Policy
from .base import Problem as Problem
from .base import Reason as Reason
from .base import Value as Value
from .cheapest import cheapest_supported as cheapest_supported
from .confidence import Confidence as Confidence
from .constraint import Constraint as Constraint
from .constraint import Permitted as Permitted
from .gain import Gain as Gain
from .hinge_level import HingeLevel as HingeLevel
from .ladder import Evidence as Evidence
from .ladder import Ladder as Ladder
from .ladder import Rung as Rung
from .ladder import groups_needed as groups_needed
from .level import CostLevel as CostLevel
from .offered import OFFERED_PLACES as OFFERED_PLACES
from .offered import distinct_axes as distinct_axes
from .offered import offered_columns as offered_columns
from .offered import with_offered_range as with_offered_range
from .rule_texts import RULE_TEXTS as RULE_TEXTS

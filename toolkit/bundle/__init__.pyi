__all__: list[str]

from .advice import ADVICE_NAME as ADVICE_NAME
from .advice import AdviceAxis as AdviceAxis
from .advice import AdviceCell as AdviceCell
from .advice import AdviceTable as AdviceTable
from .advice import Fidelity as Fidelity
from .feature_schema import Column as Column
from .feature_schema import FeatureSchema as FeatureSchema
from .feature_schema import Float32s as Float32s
from .golden import GOLDEN_NAME as GOLDEN_NAME
from .golden import TOLERANCE as TOLERANCE
from .golden import GoldenRows as GoldenRows
from .graph_check import INPUT_NAME as INPUT_NAME
from .graph_check import OUTPUT_NAME as OUTPUT_NAME
from .graph_check import graph_problem as graph_problem
from .manifest import DECISIONS as DECISIONS
from .manifest import MANIFEST_NAME as MANIFEST_NAME
from .manifest import Conformal as Conformal
from .manifest import Fallback as Fallback
from .manifest import Manifest as Manifest
from .reader import MODEL_NAME as MODEL_NAME
from .reader import Bundle as Bundle
from .reader import BundleModel as BundleModel
from .reader import read_bundle as read_bundle
from .support import Support as Support

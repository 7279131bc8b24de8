"""What the runtime loads: manifest, feature schema, graph, golden rows.

The only bridge between the experiments and the runtime. Nothing here needs more than
numpy, onnx and onnxruntime, and those two are imported when a bundle is loaded.
"""

from toolkit.bundle.advice import (
    ADVICE_NAME,
    AdviceAxis,
    AdviceCell,
    AdviceTable,
    Fidelity,
)
from toolkit.bundle.feature_schema import Column, FeatureSchema, Float32s
from toolkit.bundle.golden import GOLDEN_NAME, TOLERANCE, GoldenRows
from toolkit.bundle.graph_check import INPUT_NAME, OUTPUT_NAME, graph_problem
from toolkit.bundle.manifest import (
    DECISIONS,
    MANIFEST_NAME,
    Conformal,
    Fallback,
    Manifest,
)
from toolkit.bundle.reader import MODEL_NAME, Bundle, BundleModel, read_bundle
from toolkit.bundle.support import Support

__all__ = [
    "ADVICE_NAME",
    "DECISIONS",
    "GOLDEN_NAME",
    "INPUT_NAME",
    "MANIFEST_NAME",
    "MODEL_NAME",
    "OUTPUT_NAME",
    "TOLERANCE",
    "AdviceAxis",
    "AdviceCell",
    "AdviceTable",
    "Bundle",
    "BundleModel",
    "Column",
    "Conformal",
    "Fallback",
    "FeatureSchema",
    "Fidelity",
    "Float32s",
    "GoldenRows",
    "Manifest",
    "Support",
    "graph_problem",
    "read_bundle",
]

"""What the runtime loads: manifest, feature schema, graph, golden rows.

The only bridge between the experiments and the runtime. Nothing here needs more than
numpy, onnx and onnxruntime, and those two are imported when a bundle is loaded.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)

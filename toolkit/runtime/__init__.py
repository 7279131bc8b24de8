"""What a running swarm embeds: advice, monitoring, planning, healing, hooks, sinks.

Nothing here imports pandas, scikit-learn, MLflow or Optuna; the bundle is all it knows of
training. The organs (`batching`, `coordination`, `planning`, `healing`) do not know each
other: `loop` composes them.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)

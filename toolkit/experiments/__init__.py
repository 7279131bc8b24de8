"""Judge, tune, choose: the only room that knows MLflow and Optuna."""

from toolkit.experiments.spec import ExperimentSpec, read_spec

__all__ = ["ExperimentSpec", "read_spec"]

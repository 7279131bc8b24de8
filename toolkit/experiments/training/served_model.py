"""What MLflow runs when it serves a bundle: contexts in, decisions out.

MLflow loads this file as it is ("models from code"): nothing is pickled.
"""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel

from toolkit.bundle import Bundle, read_bundle
from toolkit.clock import SystemClock
from toolkit.policies import Decision, Problem, Reason, Value

__all__ = ["ServedLadder"]

ACTION_COLUMN = {"batch_size": "size", "agent_count": "agents"}


class ServedLadder(PythonModel):
    """The ladder of a bundle behind MLflow's interface."""

    def load_context(self, context: Any) -> None:
        """Read and verify the bundle among the model's artifacts."""
        self.bundle: Bundle = read_bundle(Path(context.artifacts["bundle"]))
        self.ladder = self.bundle.policy()

    def predict(
        self,
        context: Any,  # noqa: ARG002 - MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002 - MLflow's signature
    ) -> pd.DataFrame:
        """Decide for each row of context columns; missing columns are not known."""
        problems = map(self._problem, model_input.to_dict(orient="records"))
        return pd.DataFrame([_row(self._decide(problem)) for problem in problems])

    def _decide(self, problem: Problem) -> Decision:
        manifest = self.bundle.manifest
        if SystemClock().now() < manifest.expires_at:
            return self.ladder.decide(problem)
        expired = f"{manifest.expires_at:%Y-%m-%d %H:%M}"
        reason = Reason(code="bundle_expired", facts={"expired_at": expired})
        return self.ladder.by_rule(problem, reason)

    def _problem(self, values: dict[Any, Any]) -> Problem:
        manifest = self.bundle.manifest
        context: dict[str, Value] = {
            str(name): None if value is None or value != value else value
            for name, value in values.items()
        }
        return Problem(
            context=context,
            action_columns=(ACTION_COLUMN[manifest.decision],),
            actions=np.asarray(manifest.actions, dtype=np.float64)[:, None],
        )


def _row(decision: Decision) -> dict[str, Any]:
    return {
        "action": decision.label,
        "rule": decision.baseline,
        "rung": decision.rung or "rule",
        "reason": str(decision.reason),
        "expected_cost": _number(decision.expected_cost),
        "cost_low": _number(decision.cost_low),
        "cost_high": _number(decision.cost_high),
        "confidence": _number(decision.confidence),
    }


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


mlflow.models.set_model(ServedLadder())

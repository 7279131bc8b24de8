"""An experiment in three lines: a history, a decision, a run."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.clock import SystemClock
from toolkit.errors import UsageError
from toolkit.experiments.training.estimators import estimator_members
from toolkit.experiments.training.run import run_experiment
from toolkit.experiments.training.spec import (
    DECISIONS,
    ConstraintSpec,
    ExperimentSpec,
)
from toolkit.export import copy_bundle
from toolkit.history import open_store

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import BaseEstimator

    from toolkit.bundle import Bundle
    from toolkit.experiments.training.run import ExperimentOutcome
    from toolkit.history import History

__all__ = ["Experiment", "ExperimentResult"]

QUESTIONS = {
    "batch_size": "How many operations belong in one batch?",
    "agent_count": "How many agents belong on a task?",
}


class ExperimentResult:
    """What an experiment found: the policies compared, and a bundle to serve.

    Parameters
    ----------
    outcome : ExperimentOutcome
        Of the run.
    """

    def __init__(self, outcome: "ExperimentOutcome") -> None:
        self._outcome = outcome

    def __str__(self) -> str:
        """Write the report as Markdown."""
        return self._outcome.markdown

    @property
    def results(self) -> dict[str, Any]:
        """Everything that was found, as in `results.json`."""
        return self._outcome.results

    @property
    def bundle_folder(self) -> Path:
        """Where the run left its bundle."""
        return self._outcome.bundle

    def policies(self) -> "pd.DataFrame":
        """Compare the policies: one row each, rules and constants included.

        Returns
        -------
        DataFrame of shape (n_policies, n_figures)
            Without rows where no context was tried with several actions.
        """
        import pandas as pd

        return pd.DataFrame([row.to_json() for row in self._outcome.rows])

    def constraints(self) -> "pd.DataFrame":
        """Grade the constraints: how often each was kept, and what they cost.

        Returns
        -------
        DataFrame of shape (n_constraints, n_figures)
            On groups left out; `toolkit.plots.plot_constraints` draws it.
        """
        import pandas as pd

        return pd.DataFrame(self.results.get("constraints", {}).get("rows", []))

    def export(self, folder: Path | str) -> "Bundle":
        """Install a verified copy of the bundle where a runtime will load it.

        A bundle that is there already is swapped for the new one in one step.

        Parameters
        ----------
        folder : path or str

        Returns
        -------
        Bundle

        Raises
        ------
        BundleRefusedError
            The bundle fails a check.
        UsageError
            The folder holds something other than a bundle.
        """
        return copy_bundle(self._outcome.bundle, Path(folder).expanduser())


class Experiment:
    """Learns a decision from a history and grades it on groups left out.

    Parameters
    ----------
    history : History
        Its store is compacted first.
    decision : str
        `batch_size` or `agent_count`.
    seed : int
        Of folds, resamples and tuning.
    work : path or str, optional
        Holds tracking database, studies, report and bundle; a finished study is not
        tuned again. A folder of the decision's name in the history's, unless given; a
        history on object storage has none.
    spec : ExperimentSpec, optional
        Everything else that can be chosen; its decision and seed must be those above.
    estimators : mapping of str to estimator, optional
        Regressors of scikit-learn, pipelines included, that are members of the stack
        beside its own, by the name they have in reports.
    constraints : mapping of str to mapping, optional
        Outcomes that every answer must keep, as in a specification:
        ``{"p95_s": {"at_most": 30, "probability": 0.9}}``. Those of `spec` unless given.

    Raises
    ------
    UsageError
        There is no such decision, or the specification has another; a constraint is not
        written as one; one of the estimators is no regressor, or could not be exported; or the history is on
        object storage and `work` is not given.
    """

    def __init__(
        self,
        history: "History",
        *,
        decision: str,
        seed: int = 0,
        work: Path | str | None = None,
        spec: ExperimentSpec | None = None,
        estimators: "Mapping[str, BaseEstimator] | None" = None,
        constraints: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        if decision not in DECISIONS:
            raise UsageError.unknown("decision", decision, sorted(DECISIONS))
        default = ExperimentSpec(
            name=decision.replace("_", "-"),
            decision=decision,
            question=QUESTIONS[decision],
            seed=seed,
        )
        self.spec = default if spec is None else spec
        if (self.spec.decision, self.spec.seed) != (decision, seed):
            raise UsageError(
                f"the specification decides {self.spec.decision} with seed "
                f"{self.spec.seed}; got {decision} with seed {seed}"
            )
        if constraints is not None:
            self.spec = replace(self.spec, constraints=_constraints(constraints))
        self._members = estimator_members(estimators or {})
        self.history = history
        if work is None:
            work = history.folder / "experiments" / self.spec.name
        self.work = Path(work).expanduser()

    def run(
        self, report: Callable[[float, float, str], None] | None = None
    ) -> ExperimentResult:
        """Tune, compare, learn and write a bundle.

        Parameters
        ----------
        report : callable, optional
            Called with what is done of what, and what is going on.

        Returns
        -------
        ExperimentResult

        Raises
        ------
        NotEnoughDataError
            The history cannot answer the question.
        UsageError
            A constraint is on an outcome that the history does not know.
        """
        with open_store(self.history.place) as store:
            outcome = run_experiment(
                self.spec,
                store,
                work=self.work,
                now=SystemClock().now(),
                report=report or _silent,
                members=self._members,
            )
        return ExperimentResult(outcome)


def _silent(done: float, total: float, what: str) -> None:
    """Report no progress."""


def _constraints(
    given: Mapping[str, Mapping[str, float]],
) -> dict[str, ConstraintSpec]:
    """Check constraints as a specification's are."""
    from pydantic import ValidationError

    try:
        return {name: ConstraintSpec(**values) for name, values in given.items()}
    except (ValidationError, TypeError) as error:
        raise UsageError(
            f"`constraints` are {given!r}; write "
            '{"p95_s": {"at_most": 30, "probability": 0.9}}, with `at_most` above 0 and '
            "`probability` from 0.5 to 0.9999"
        ) from error

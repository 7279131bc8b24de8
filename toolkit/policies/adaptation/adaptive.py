"""The policy that answers from history until own runs say otherwise."""

from toolkit.policies import Decision, Problem, Reason
from toolkit.policies.adaptation.belief import Belief
from toolkit.policies.adaptation.measurement_prior import MeasurementPrior
from toolkit.policies.base import CostModel

__all__ = ["Adaptive"]


class Adaptive:
    """Answer from history until own runs say otherwise.

    Parameters
    ----------
    model : CostModel
        Predicts the curve from history.
    prior : MeasurementPrior
        How far it is to be trusted.
    name, version : str
    """

    def __init__(
        self,
        model: CostModel,
        prior: MeasurementPrior,
        *,
        name: str = "adaptive",
        version: str = "0",
    ) -> None:
        self.model = model
        self.prior = prior
        self.name = name
        self.version = version

    def believe(self, problem: Problem) -> Belief:
        """Begin with what history says of a problem.

        Parameters
        ----------
        problem : Problem

        Returns
        -------
        Belief
            Without a measurement yet; `Belief.observe` adds them.
        """
        curve = self.model.predict(problem)
        return Belief(self.prior, self.prior.points(problem), curve.log_cost)

    def decide(self, problem: Problem) -> Decision:
        """Answer without a run of one's own."""
        return self.answer(problem, self.believe(problem))

    def answer(self, problem: Problem, belief: Belief) -> Decision:
        """Answer after the runs in `belief`.

        Parameters
        ----------
        problem : Problem
        belief : Belief
            Of the same problem, as `believe` began it.

        Returns
        -------
        Decision
            Reason `measured` where the action was run, else `least_expected_cost`.
        """
        index = belief.answer()
        measured = index in belief.measured
        return Decision(
            index=index,
            label=problem.labels[index],
            action=tuple(map(float, problem.actions[index])),
            reason=Reason(
                code="measured" if measured else "least_expected_cost",
                facts={
                    "own_runs": len(belief.measured),
                    "weight_of_history": belief.weight_of_history(),
                },
            ),
            policy=self.name,
            version=self.version,
        )

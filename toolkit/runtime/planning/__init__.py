"""The planner: predicts a workflow, and follows it while it runs.

`PredictiveWorkflowOptimizer.predict` takes a task, what agents can do and what there is
to work with; `PlanFollower.observe` compares the run with the plan and tells of what it
calls for.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)

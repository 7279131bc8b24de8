r"""A seeded swarm whose best batch size and agent count are known in closed form.

Everything it emits is marked *simulated*, so that it trains no model unless a
specification says so aloud. It exists for tests: of statistics, monitors, policies and
whole loops, where the truth must be known.

Batches
    A batch of :math:`b` operations costs a turn :math:`T`, each operation :math:`c`,
    and each pair of operations a contention :math:`k`. An operation fails with
    probability :math:`f` and takes along the siblings before it, whose work is done
    again. With load :math:`l`, :math:`c` and :math:`k` are multiplied by :math:`1 + l`.

    .. math::
        E[cycle] = T + c b + (k + f c / 2) b (b - 1), \quad E[succeeded] = b (1 - f)

        cost(b) = rac{T / b + c + (k + f c / 2) (b - 1)}{1 - f},
        \qquad b^* = \sqrt{T / (k + f c / 2)}

Workflows
    The Universal Scalability Law (Gunther, 2007) with contention :math:`s` and crosstalk
    :math:`q`: :math:`makespan(n) = M (1 + s (n-1) + q n (n-1)) / n` and
    agent-seconds :math:`n \cdot makespan`. For time weight :math:`1-w` and money weight
    :math:`w` the best :math:`n` is the positive root of
    :math:`(1+w) q n^2 + w (s-q) n - (1-w)(1-s) = 0`, which for :math:`w = 0` is
    :math:`\sqrt{(1-s)/q}`.

Coordination
    Agents take turns reading and writing shared keys. An operation is a duplicate, and
    a read returns an older version, each with a probability that is set.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)

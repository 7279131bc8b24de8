from dataclasses import replace

from tests.runtime.coordination.agents import agent
from toolkit.notifier import Notification
from toolkit.runtime.coordination.alert_book import AlertBook
from toolkit.runtime.coordination.alerts import Alert, AlertKind, Priority

ALERT = Alert(
    kind=AlertKind.DUPLICATE_WORK,
    priority=Priority.HIGH,
    agent=None,
    at_s=1.0,
    value=0.4,
    threshold=0.2,
)


class Heard:
    """Keeps what it is notified of."""

    def __init__(self) -> None:
        self.all: list[Notification] = []

    def notify(self, notification: Notification) -> None:
        self.all.append(notification)


def test_an_alert_stands_with_the_swarm_or_with_its_agent() -> None:
    book, me = AlertBook(Heard()), agent("a")
    own = replace(ALERT, agent="a")
    book.open(None, ALERT)
    book.open(me, own)

    assert book.swarm == {AlertKind.DUPLICATE_WORK: ALERT}
    assert me.alerts == {AlertKind.DUPLICATE_WORK: own}


def test_one_alert_is_heard_once_an_instant_and_again_in_the_next() -> None:
    heard = Heard()
    book = AlertBook(heard)
    for _ in range(3):
        book.open(None, ALERT)
    assert len(heard.all) == 1

    book.begin_instant()
    book.open(None, ALERT)
    assert len(heard.all) == 2
    assert "the swarm" in heard.all[0].message


def test_alerts_that_differ_in_agent_kind_or_rank_are_each_heard() -> None:
    heard = Heard()
    book = AlertBook(heard)
    book.open(agent("a"), replace(ALERT, agent="a"))
    book.open(agent("b"), replace(ALERT, agent="b"))
    book.open(None, ALERT)
    book.open(None, ALERT, rank=1)
    book.open(None, replace(ALERT, kind=AlertKind.CONFLICTING_WRITES))

    assert len(heard.all) == 5

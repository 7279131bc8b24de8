from tests.testing.pool.conftest import LivingPool
from toolkit.records import Outcome
from toolkit.testing.pool import ActivityRecords, Task


def test_each_activity_becomes_one_record(living: LivingPool) -> None:
    living.pool.submit(
        [Task(task_id="t", operation_type="edit", duration_s=30.0)], agents=1
    )
    living.pool.spawn("a1")
    records = ActivityRecords(living.pool, start=living.clock.now())
    living.live(30.0)
    early = list(records.read())
    living.live(60.0)
    late = list(records.read())

    ids = [record.record_id for record in (*early, *late)]

    assert len(ids) == len(set(ids)) == 3
    assert late[-1].outcome is Outcome.SUCCEEDED

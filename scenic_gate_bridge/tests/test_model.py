"""The small words that everything speaks."""

from __future__ import annotations

import time
import uuid

from scenic_gate_bridge.model import new_id


def test_ids_are_uuids_of_version_7_and_of_their_time() -> None:
    before = time.time_ns() // 1_000_000
    ids = [new_id() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    read = [uuid.UUID(each) for each in ids]
    assert [str(each) for each in read] == ids
    assert {(each.version, each.variant) for each in read} == {(7, uuid.RFC_4122)}
    assert all(before <= each.int >> 80 <= after for each in read)
    assert len(set(ids)) == len(ids)

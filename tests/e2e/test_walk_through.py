"""``make run`` is a test: every expectation of its walk-through holds."""

from demo.walk_through import walk_through


def test_sold_printed_admitted_passed_consumed_and_in_the_books(park, tmp_path):
    assert walk_through(park, tmp_path / "tickets") == 0

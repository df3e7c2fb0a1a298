import math
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.tests import tagged

from ..exceptions import CapacityError
from .test_capacity import CapacityCommon

CAPACITY = 12
STOP = 85  # percent: 11 of 12 places are on sale
SHARES = {1: (4, 0), 2: (2, 5)}  # channel: (kept for it, at most)
DAYS = 2

number = st.integers(0, 7)
persons = st.integers(1, 6)
day = st.integers(0, DAYS - 1)
channel = st.integers(0, 2)
step = st.one_of(
    st.tuples(st.just("take"), day, channel, persons),
    st.tuples(st.just("late"), day, channel, persons),
    st.tuples(st.just("sell"), number),
    st.tuples(st.just("release"), number, st.none() | persons),
    st.tuples(st.just("move"), number, day),
    st.tuples(st.just("capacity"), day, st.integers(1, 15)),
    st.tuples(st.just("fold")),
)


class Model:
    """What the counts have to be, in plain Python."""

    def __init__(self):
        self.capacity = [CAPACITY] * DAYS
        self.lines = []  # [day, channel, persons, state]

    def taken(self, day, channel=None, state=None):
        return sum(
            line[2]
            for line in self.lines
            if line[0] == day
            and channel in (None, line[1])
            and state in (None, line[3])
        )

    def free(self, day, channel):
        capacity = self.capacity[day]
        left = min(capacity, math.ceil(capacity * STOP / 100)) - self.taken(day)
        for other, (kept, _most) in SHARES.items():
            if other != channel:
                left -= max(0, kept - self.taken(day, other))
        most = SHARES.get(channel, (0, 0))[1]
        return min(left, most - self.taken(day, channel)) if most else left


@tagged("post_install", "-at_install")
class TestCapacityState(CapacityCommon):
    """Any order of events leaves the counts that a plain model has."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        scheme = cls.env["scenic.capacity.scheme"].create(
            {
                "name": "Stop early",
                "level_ids": [
                    (
                        0,
                        0,
                        {
                            "name": "Red",
                            "percent": STOP,
                            "colour": "red",
                            "stops_sale": True,
                        },
                    )
                ],
            }
        )
        cls.channels = (cls.window, cls.agency, cls.ota)
        cls.pool = cls._pool(
            CAPACITY,
            scheme_id=scheme.id,
            share_ids=[
                (
                    0,
                    0,
                    {
                        "channel_id": cls.channels[index].id,
                        "guaranteed": kept,
                        "ceiling": most,
                    },
                )
                for index, (kept, most) in SHARES.items()
            ],
        )
        cls.dates = [cls.visit_date + timedelta(days=i) for i in range(DAYS)]
        cls.days = [
            cls.env["scenic.capacity.day"].create(
                {"pool_id": cls.pool.id, "date": date}
            )
            for date in cls.dates
        ]
        cls.env.flush_all()

    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(step, min_size=1, max_size=14))
    def test_counts_are_what_a_plain_model_has(self, steps):
        savepoint = self.env.cr.savepoint()
        try:
            model, lines = Model(), []
            for name, *arguments in steps:
                getattr(self, f"_do_{name}")(model, lines, *arguments)
                self._check(model, lines)
        finally:
            savepoint.rollback()
            self.env.invalidate_all()
            savepoint.close(rollback=False)

    def _do_take(self, model, lines, day, channel, persons):
        line = self._line(
            persons, channel=self.channels[channel], visit_date=self.dates[day]
        )
        fits = persons <= model.free(day, channel)
        self.assertEqual(self._succeeds(self.pools._take, line), fits)
        if fits:
            lines.append(line)
            model.lines.append([day, channel, persons, "held"])

    def _do_late(self, model, lines, day, channel, persons):
        line = self._line(
            persons, channel=self.channels[channel], visit_date=self.dates[day]
        )
        free = model.free(day, channel)
        hold = self.pools._take(line, "sold", force=True)
        self.assertEqual(hold.over, min(persons, max(0, persons - free)))
        lines.append(line)
        model.lines.append([day, channel, persons, "sold"])

    def _do_sell(self, model, lines, number):
        if number < len(lines):
            self.pools._sell(lines[number])
            model.lines[number][3] = "sold"

    def _do_release(self, model, lines, number, persons):
        if number < len(lines):
            self.pools._release(lines[number], persons)
            left = model.lines[number][2]
            model.lines[number][2] -= left if persons is None else min(left, persons)

    def _do_move(self, model, lines, number, day):
        if number >= len(lines) or not model.lines[number][2]:
            return
        old_day, channel, persons, state = model.lines[number]
        model.lines[number][2] = 0
        fits = persons <= model.free(day, channel)
        lines[number].booking_id.state = "confirmed" if state == "sold" else "held"
        self.assertEqual(
            self._succeeds(self.pools._move, lines[number], self.dates[day]), fits
        )
        if fits:
            lines[number].visit_date = self.dates[day]
            model.lines[number][0] = day
        model.lines[number][2] = persons

    def _do_capacity(self, model, lines, day, capacity):
        allowed = capacity >= model.capacity[day] or capacity >= model.taken(day)
        record = self.days[day]
        self.assertEqual(
            self._succeeds(lambda: record.write({"capacity_own": capacity})), allowed
        )
        if allowed:
            model.capacity[day] = capacity

    def _do_fold(self, model, lines):
        self.pools._fold()

    def _succeeds(self, call, *arguments):
        try:
            with self.env.cr.savepoint():
                call(*arguments)
        except CapacityError:
            return False
        return True

    def _check(self, model, lines):
        for day, date in enumerate(self.dates):
            unit = (self.pool.id, date, False)
            for index, channel in enumerate(self.channels):
                state = self.pools._state([unit], channel)[unit]
                self.assertEqual(
                    {name: state[name] for name in ("held", "sold", "free")},
                    {
                        "held": model.taken(day, state="held"),
                        "sold": model.taken(day, state="sold"),
                        "free": model.free(day, index),
                    },
                )
        for line, expected in zip(lines, model.lines, strict=True):
            self.assertEqual(line._capacity_holds()._live(), expected[2])

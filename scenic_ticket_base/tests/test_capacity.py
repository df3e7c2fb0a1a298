from datetime import datetime, timedelta

from odoo.tests import tagged

from ..exceptions import CapacityError
from .common import ScenicCommon


class CapacityCommon(ScenicCommon):
    number = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pools = cls.env["scenic.capacity.pool"]
        cls.window = cls.env.ref("scenic_ticket_base.channel_window")
        cls.agency = cls.env.ref("scenic_ticket_base.channel_agency")
        cls.ota = cls.env.ref("scenic_ticket_base.channel_ota")

    @classmethod
    def _pool(cls, capacity=10, site=None, kind="day", **values):
        return cls.pools.create(
            {
                "name": "Places",
                "site_id": (site or cls.scenic_area).id,
                "kind": kind,
                "capacity": capacity,
                "days_shown": 0,
                **values,
            }
        )

    @classmethod
    def _slot(cls, hour=10, day=None, site=None, **values):
        day = day or cls.visit_date
        start = datetime.combine(day, datetime.min.time()) + timedelta(hours=hour - 8)
        return cls.env["scenic.slot"].create(
            {
                "site_id": (site or cls.scenic_area).id,
                "date": day,
                "start": start,
                "end": start + timedelta(hours=1),
                **values,
            }
        )

    @classmethod
    def _line(cls, quantity=1, product=None, channel=None, **values):
        """Return a line of a held booking that has taken no places yet."""
        cls.number += 1
        product = product or cls.scenic_individual
        slot = values.pop("slot", None)
        booking = cls.env["scenic.booking"].create(
            {
                "name": f"B{cls.number}",
                "channel_id": (channel or cls.window).id,
                "external_ref": f"CAP-{cls.number}",
                "body_hash": "-",
                "company_id": cls.env.company.id,
            }
        )
        return cls.env["scenic.booking.line"].create(
            {
                "booking_id": booking.id,
                "product_id": product.id,
                "quantity": quantity,
                "visit_date": cls.visit_date,
                "slot_id": slot.id if slot else False,
                "amount_untaxed": 0,
                "amount_total": 0,
                **values,
            }
        )

    def _take(self, quantity=1, **values):
        line = self._line(quantity, **values)
        return self.pools._take(line)

    def _refused(self, code, call, *args, **values):
        with self.assertRaises(CapacityError) as caught:
            call(*args, **values)
        self.assertEqual(caught.exception.code, code, caught.exception)
        return caught.exception

    def _stand(self, pool, day=None, slot=None, channel=None):
        unit = (pool.id, day or self.visit_date, slot.id if slot else False)
        state = self.pools._state([unit], channel)[unit]
        return {name: state[name] for name in ("held", "sold", "free")}


@tagged("post_install", "-at_install")
class TestCapacity(CapacityCommon):
    def test_a4_last_place_is_sold_and_not_one_more(self):
        pool = self._pool(10)
        self._take(7)
        error = self._refused("SOLD_OUT", self._take, 4)
        self.assertEqual(error.left, 3)
        self._take(3)
        self.assertEqual(self._stand(pool), {"held": 10, "sold": 0, "free": 0})
        self._refused("SOLD_OUT", self._take, 1)

    def test_held_places_become_sold_and_free_again(self):
        pool = self._pool(10)
        line = self._line(4, free_persons=1)
        self.pools._take(line)
        self.assertEqual(self._stand(pool), {"held": 5, "sold": 0, "free": 5})
        self.pools._sell(line)
        self.assertEqual(self._stand(pool), {"held": 0, "sold": 5, "free": 5})
        self.pools._release(line, 2)
        self.assertEqual(self._stand(pool), {"held": 0, "sold": 3, "free": 7})
        self.pools._release(line)
        self.pools._release(line)
        self.assertEqual(self._stand(pool), {"held": 0, "sold": 0, "free": 10})

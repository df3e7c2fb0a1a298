from datetime import timedelta

from odoo import Command
from odoo.tests import Form, new_test_user, tagged

from .test_capacity import CapacityCommon

SETTINGS = (
    "scenic.capacity.pool",
    "scenic.capacity.share",
    "scenic.capacity.day",
    "scenic.capacity.scheme",
    "scenic.capacity.level",
    "scenic.slot.template",
    "scenic.slot",
    "scenic.reservation.rule",
)


@tagged("post_install", "-at_install")
class TestCapacityAccess(CapacityCommon):
    """F1: who may see and set capacities, through the door that clients use."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = cls._scenic_users("places")
        cls.portal = new_test_user(cls.env, "places_portal", "base.group_portal")
        cls.plain = new_test_user(cls.env, "places_plain", "base.group_user")
        scheme = cls.env.ref("scenic_ticket_base.capacity_scheme_80")
        pool = cls._pool(10, kind="slot", scheme_id=scheme.id)
        slot = cls._slot(10)
        line = cls._line(2, slot=slot)
        cls.records = {
            "scenic.capacity.pool": pool,
            "scenic.capacity.share": cls.env["scenic.capacity.share"].create(
                {"pool_id": pool.id, "channel_id": cls.agency.id, "guaranteed": 1}
            ),
            "scenic.capacity.day": cls.env["scenic.capacity.day"].create(
                {"pool_id": pool.id, "date": slot.date, "slot_id": slot.id}
            ),
            "scenic.capacity.scheme": scheme,
            "scenic.capacity.level": scheme.level_ids[0],
            "scenic.capacity.hold": cls.pools._take(line),
            "scenic.slot.template": cls.env["scenic.slot.template"].create(
                {"name": "Hourly", "site_id": cls.scenic_area.id}
            ),
            "scenic.slot": slot,
            "scenic.reservation.rule": cls.env["scenic.reservation.rule"].create(
                {"name": "Peak", "site_id": cls.scenic_area.id}
            ),
        }
        cls.env.flush_all()

    def test_nobody_writes_places(self):
        hold = self.records["scenic.capacity.hold"]
        for user in (*self.users.values(), self.portal, self.plain):
            for values in ({"persons": 1}, {"state": "released"}):
                self._assert_denied(user, hold._name, "create", [values])
                self._assert_denied(user, hold._name, "write", hold.ids, values)
            self._assert_denied(user, hold._name, "unlink", hold.ids)

    def test_only_the_manager_sets_capacities(self):
        others = [u for role, u in self.users.items() if role != "manager"]
        for user in (*others, self.portal, self.plain):
            for model in SETTINGS:
                ids = self.records[model].ids
                self._assert_denied(user, model, "create", [{}])
                self._assert_denied(user, model, "write", ids, {"create_uid": 1})
                self._assert_denied(user, model, "unlink", ids)
            template = self.records["scenic.slot.template"]
            self._assert_denied(user, template._name, "action_generate", template.ids)
        for user in (self.portal, self.plain):
            for model in (*SETTINGS, "scenic.capacity.hold"):
                ids = self.records[model].ids
                self._assert_denied(user, model, "read", ids, ["id"])

    def test_staff_sees_how_many_places_there_are(self):
        for role, user in self.users.items():
            for model, records in self.records.items():
                with self.subTest(role=role, model=model):
                    names = [
                        name
                        for name, field in records._fields.items()
                        if field._module == "scenic_ticket_base" and not field.groups
                    ]
                    [row] = self._rpc(user, model, "read", records[:1].ids, names)
                    self._rpc(user, model, "get_views", [(False, "list")])
            [row] = self._rpc(
                user,
                "scenic.capacity.day",
                "read",
                self.records["scenic.capacity.day"].ids,
                ["capacity", "held", "free"],
            )
            self.assertEqual((row["capacity"], row["held"], row["free"]), (10, 2, 8))

    def test_nothing_of_the_core_is_callable(self):
        line = self.records["scenic.capacity.hold"].booking_line_id
        for model, method, args in (
            ("scenic.capacity.pool", "_take", (line.ids,)),
            ("scenic.capacity.pool", "_release", (line.ids,)),
            ("scenic.capacity.pool", "_fold", ()),
            ("scenic.capacity.pool", "_adopt", ([],)),
            ("scenic.capacity.hold", "_free", (line.hold_ids.ids,)),
            ("scenic.slot.template", "_generate", ([],)),
            ("scenic.ticket", "_reserve", ([], "2031-01-01")),
        ):
            self._assert_denied(self.users["manager"], model, method, *args)

    def test_manager_sets_up_a_day_in_the_forms(self):
        env = self.env(user=self.users["manager"])
        with Form(env["scenic.capacity.pool"]) as form:
            form.name = "Cave"
            form.site_id = self.scenic_spot
            form.capacity = 30
            form.days_shown = 20
            with form.share_ids.new() as share:
                share.channel_id = self.agency
                share.guaranteed = 5
        pool = form.record
        day = pool.day_ids.filtered(lambda d: d.date == self.visit_date)
        day.capacity = 20
        self.assertEqual((day.capacity, day.free), (20, 20))
        line = self._line(8, product=self._cave())
        self.pools._take(line)
        day.invalidate_recordset()
        self.assertEqual((day.held, day.free), (8, 12))
        with Form(env["scenic.slot.template"]) as form:
            form.name = "Hourly"
            form.site_id = self.scenic_spot
        action = form.record.action_generate()
        self.assertTrue(env["scenic.slot"].search(action["domain"]))
        with Form(env["scenic.slot"]) as form:
            form.site_id = self.scenic_spot
            form.start = f"{self.visit_date} 12:00:00"
            form.end = f"{self.visit_date} 13:00:00"
        # 20:00 in Shanghai
        self.assertEqual(form.record.date, self.visit_date)
        self.assertIn("20:00–21:00", form.record.display_name)

    def _cave(self):
        return self._scenic_product(
            "Cave", "individual", 30, components=[(self.scenic_spot, 1, 1.0)]
        )

    def test_every_change_of_a_capacity_is_in_the_audit_trail(self):
        env = self.env(user=self.users["manager"])
        pool = self.records["scenic.capacity.pool"].with_env(env)
        day = self.records["scenic.capacity.day"].with_env(env)
        slot = self.records["scenic.slot"].with_env(env)
        logs = env["scenic.audit"]
        for record, values in (
            (pool, {"capacity": 12}),
            (day, {"capacity": 11}),
            (day, {"closed": True}),
            (slot, {"closed": True}),
        ):
            before = logs.search_count([])
            record.write(values)
            self.assertEqual(logs.search_count([]), before + 1, values)

    def test_timetables_and_day_lists_do_not_flood_the_audit_trail(self):
        logs = self.env["scenic.audit"]
        template = self.records["scenic.slot.template"]
        before = logs.search_count([])
        self.assertTrue(template._generate())
        self.records["scenic.capacity.pool"]._list_days()
        self.assertEqual(logs.search_count([]), before)

    def test_other_companies_and_sites_are_out_of_sight(self):
        stranger = self._scenic_stranger("places_stranger")
        limited = new_test_user(
            self.env, "places_limited", "scenic_ticket_base.group_scenic_manager"
        )
        limited.scenic_site_ids = [Command.set(self.scenic_spot.ids)]
        self.env.flush_all()
        shared = ("scenic.capacity.scheme", "scenic.capacity.level")
        for user in (stranger, limited):
            for model, records in self.records.items():
                if model in shared:
                    continue
                with self.subTest(user=user.login, model=model):
                    found = self._rpc(
                        user, model, "search", [("id", "in", records.ids)]
                    )
                    self.assertFalse(found)
                self._assert_denied(user, model, "read", records.ids, ["id"])
                if model != "scenic.capacity.hold":
                    self._assert_denied(
                        user, model, "write", records.ids, {"create_uid": 1}
                    )

    def test_places_are_limited_whoever_asks(self):
        """A seller who sees neither pool nor slot cannot sell around them."""
        slot = self.records["scenic.slot"]
        stranger = new_test_user(self.env, "places_public", "base.group_portal")
        pools = self.pools.with_user(stranger)
        found = pools._availability(
            self.scenic_individual.with_user(stranger),
            "window",
            self.visit_date,
            self.visit_date + timedelta(days=1),
        )
        self.assertEqual(found[0]["slot_id"], slot.id)
        self.assertEqual(found[0]["free"], 7)
        line = self._line(9, slot=slot)
        self._refused("SOLD_OUT", pools._take, line.sudo())

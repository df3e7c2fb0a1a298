from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import GateCommon

CONFIG = ("scenic.zone", "scenic.gate", "scenic.lane", "scenic.device")
READERS = (
    "supervisor",
    "gate_operator",
    "customer_service",
    "finance",
    "manager",
    "auditor",
)


@tagged("post_install", "-at_install")
class TestRights(GateCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = cls._scenic_users("rights", (*READERS, "cashier"))
        cls.employee = new_test_user(cls.env, "rights_employee", "base.group_user")
        cls.portal = new_test_user(cls.env, "rights_portal", "base.group_portal")

    def test_who_reads_the_log(self):
        event = self._pass(self._today_ticket())
        for role in READERS:
            found = event.with_user(self.users[role]).search([("id", "=", event.id)])
            self.assertEqual(found.mapped("phase"), ["passed"], role)
        for user in (self.users["cashier"], self.employee, self.portal):
            with self.assertRaises(AccessError):
                event.with_user(user).search([])

    def test_who_configures(self):
        records = (self.zone, self.gate, self.lane, self.device)
        for role, user in self.users.items():
            for record in records:
                record = record.with_user(user)
                self.assertTrue(record.read(["name"]))
                if role == "manager":
                    record.write({"name": record.name})
                    continue
                with self.assertRaises(AccessError):
                    record.write({"name": "mine"})
                with self.assertRaises(AccessError):
                    record.unlink()
                with self.assertRaises(AccessError):
                    record.create({"name": "mine"})

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_others_see_nothing(self):
        for user in (self.employee, self.portal):
            for model in CONFIG:
                with self.assertRaises(AccessError):
                    self.env[model].with_user(user).search([])

    def test_who_makes_keys(self):
        for role, user in self.users.items():
            device = self.device.with_user(user)
            if role == "manager":
                device.action_generate_key()
                device.action_revoke()
                continue
            with self.assertRaises(AccessError):
                device.action_generate_key()
            with self.assertRaises(AccessError):
                device.action_revoke()
            with self.assertRaises(AccessError):
                self.env["scenic.device.key"].with_user(user).create({})

    def test_other_company_is_out_of_sight(self):
        event = self._pass(self._today_ticket())
        stranger = self._scenic_stranger("rights_stranger")
        for record in (self.zone, self.gate, self.lane, self.device, event):
            stranger_record = record.with_user(stranger)
            self.assertFalse(stranger_record.search([("id", "=", record.id)]))
            with self.assertRaises(AccessError):
                stranger_record.read(["display_name"])

    def test_roles_can_open_their_screens(self):
        """The lists and forms load for each role that has a menu for them."""
        event = self._pass(self._today_ticket(), assumed=True)
        for role in READERS:
            env = self.env(user=self.users[role])
            for model, record in (
                ("scenic.pass.event", event),
                ("scenic.lane", self.lane),
                ("scenic.zone", self.zone),
                ("scenic.device", self.device),
            ):
                for view_type in ("list", "form"):
                    view = env[model].get_view(view_type=view_type)
                    names = env[model].get_views([(view["id"], view_type)])["models"]
                    fields = [
                        name
                        for name in names[model]["fields"]
                        if f'name="{name}"' in view["arch"]
                    ]
                    self.assertTrue(
                        env[model]
                        .browse(record.id)
                        .web_read({name: {} for name in fields})
                    )

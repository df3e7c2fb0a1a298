from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user, tagged

from .common import STAFF, ScenicCommon

SEALED = (
    "scenic.booking",
    "scenic.booking.line",
    "scenic.ticket",
    "scenic.entitlement",
    "scenic.credential",
)


@tagged("post_install", "-at_install")
class TestAccess(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = cls._scenic_users("access")
        cls.portal = new_test_user(cls.env, "access_portal", "base.group_portal")
        cls.plain = new_test_user(cls.env, "access_plain", "base.group_user")
        cls.ticket = cls._scenic_sell(cls.scenic_individual)
        cls.entry = cls.env["scenic.revenue.entry"]._recognise(
            cls.ticket.entitlement_ids, 1, cls.visit_date
        )
        cls.records = {
            "scenic.booking": cls.ticket.booking_id,
            "scenic.booking.line": cls.ticket.booking_line_id,
            "scenic.ticket": cls.ticket,
            "scenic.entitlement": cls.ticket.entitlement_ids,
            "scenic.credential": cls.ticket.credential_ids,
            "scenic.revenue.entry": cls.entry,
            "scenic.signing.key": cls.ticket.credential_ids.signing_key_id,
            "scenic.site": cls.scenic_area,
            "scenic.validity.rule": cls.scenic_rule,
            "scenic.ticket.component": cls.scenic_individual.scenic_component_ids,
        }
        cls.env.flush_all()

    def test_nobody_writes_what_the_api_makes(self):
        models = (*SEALED, "scenic.revenue.entry", "scenic.signing.key")
        for user in (*self.users.values(), self.portal, self.plain):
            for model in models:
                ids = self.records[model].ids
                values = {"create_uid": user.id}
                self._assert_denied(user, model, "create", [values])
                self._assert_denied(user, model, "write", ids, values)
                self._assert_denied(user, model, "unlink", ids)

    def test_private_methods_are_not_callable(self):
        ids = self.ticket.ids
        for model, method, args in (
            ("scenic.booking", "_hold", ("window", "X", [])),
            ("scenic.booking", "_confirm", (self.ticket.booking_id.ids,)),
            ("scenic.ticket", "_refund", (ids, "R", "r")),
            ("scenic.ticket", "_qr_token", (ids,)),
            ("scenic.ticket", "_barcode_number", (ids,)),
            ("scenic.ticket", "_write_state", (ids, {"state": "valid"})),
            ("scenic.ticket", "_page_url", (ids,)),
            ("scenic.signing.key", "_data", ()),
            ("scenic.signing.key", "_private_key", ([1],)),
            ("scenic.credential", "_lookup", ("x",)),
            ("scenic.revenue.entry", "_recognise", (1, 1, "2026-01-01")),
        ):
            self._assert_denied(self.users["manager"], model, method, *args)

    def test_staff_reads_what_it_works_with(self):
        for role in STAFF:
            for model in (*SEALED, "scenic.site", "scenic.validity.rule"):
                with self.subTest(role=role, model=model):
                    records = self.records[model]
                    rows = self._rpc(
                        self.users[role], model, "read", records.ids, self._own(model)
                    )
                    self.assertEqual(len(rows), len(records))

    def _own(self, model):
        """Return the fields of this module that staff may read."""
        return [
            name
            for name, field in self.env[model]._fields.items()
            if field._module == "scenic_ticket_base" and not field.groups
        ]

    def test_every_role_opens_its_screens(self):
        """Views ask for more fields, of other add-ons too."""
        for role in STAFF:
            models = ["scenic.ticket", "scenic.booking"]
            if role in ("finance", "auditor", "manager"):
                models.append("scenic.revenue.entry")
            if role in ("auditor", "manager"):
                models += ["scenic.site", "scenic.validity.rule"]
            for model in models:
                with self.subTest(role=role, model=model):
                    Form(self.records[model].with_user(self.users[role]))

    def test_money_is_for_finance_and_auditor(self):
        for role in STAFF:
            allowed = role in ("finance", "auditor", "manager")
            if allowed:
                self._rpc(
                    self.users[role], "scenic.revenue.entry", "read", self.entry.ids
                )
            else:
                self._assert_denied(
                    self.users[role], "scenic.revenue.entry", "read", self.entry.ids
                )

    def test_keyed_hash_is_hidden(self):
        ids = self.ticket.credential_ids.ids
        for role in STAFF:
            self._assert_denied(
                self.users[role], "scenic.credential", "read", ids, ["lookup"]
            )

    def test_link_of_a_ticket_is_for_those_who_print(self):
        """Whoever has its secret shows the codes."""
        self.ticket._portal_ensure_token()
        self.env.flush_all()
        allow_export = self.env.ref("base.group_allow_export")
        for role in ("gate_operator", "finance", "auditor"):
            user = self.users[role]
            user.group_ids += allow_export
            for call in (
                ("read", self.ticket.ids, ["access_token"]),
                ("search", [("access_token", "=like", "a%")]),
                ("export_data", self.ticket.ids, ["access_token"]),
                ("formatted_read_group", [], ["access_token"], ["__count"]),
            ):
                self._assert_denied(user, "scenic.ticket", *call)
            self.assertNotIn(
                "access_token",
                self._rpc(user, "scenic.ticket", "read", self.ticket.ids)[0],
            )
        self._rpc(
            self.users["cashier"],
            "scenic.ticket",
            "read",
            self.ticket.ids,
            ["access_token"],
        )

    def test_f5_finance_sees_no_name_on_a_ticket(self):
        self.scenic_individual.scenic_real_name = "visitor"
        ticket = self._scenic_sell(
            self.scenic_individual, visitors=[self._scenic_visitor(1)]
        )
        finance = self.users["finance"]
        for call in (
            ("read", ticket.ids, ["visitor_id"]),
            ("web_read", ticket.ids, {"visitor_id": {"fields": {}}}),
            ("formatted_read_group", [], ["visitor_id"], ["__count"]),
            ("search", [("visitor_id", "ilike", "游客")]),
        ):
            self._assert_denied(finance, "scenic.ticket", *call)
        [row] = self._rpc(finance, "scenic.ticket", "read", ticket.ids)
        self.assertNotIn("游客", str(row))
        self._rpc(
            self.users["gate_operator"],
            "scenic.ticket",
            "read",
            ticket.ids,
            ["visitor_id"],
        )

    def test_strangers_read_nothing(self):
        for user in (self.portal, self.plain):
            for model, records in self.records.items():
                self._assert_denied(user, model, "read", records.ids)
                with self.subTest(user=user.login, model=model):
                    try:
                        found = self._rpc(user, model, "search", [])
                    except AccessError:
                        continue
                    # an add-on may let agencies read what is their own
                    self.assertFalse(set(found) & set(records.ids))

    def test_configuration_is_for_the_manager(self):
        for role in STAFF:
            for model in (
                "scenic.site",
                "scenic.validity.rule",
                "scenic.ticket.component",
            ):
                ids = self.records[model].ids
                if role == "manager":
                    self._rpc(self.users[role], model, "write", ids, {"name": "New"})
                else:
                    self._assert_denied(
                        self.users[role], model, "write", ids, {"name": "New"}
                    )

    def test_manager_makes_a_ticket_product_without_code(self):
        values = {
            "name": "New ticket",
            "type": "service",
            "service_tracking": "scenic_ticket",
            "scenic_site_id": self.scenic_area.id,
            "scenic_validity_rule_id": self.scenic_rule.id,
            "scenic_component_ids": [
                (0, 0, {"name": "Gate", "site_id": self.scenic_area.id})
            ],
        }
        manager = self.users["manager"]
        [product_id] = self._rpc(manager, "product.template", "create", [values])
        product = self.env["product.template"].browse(product_id)
        self.assertTrue(product.scenic_class_code)
        views = self._rpc(
            manager, "product.template", "get_views", [(False, "form"), (False, "list")]
        )
        self.assertIn("scenic_component_ids", views["views"]["form"]["arch"])
        self._rpc(
            manager,
            "product.template",
            "read",
            [product_id],
            ["scenic_summary", "scenic_warning"],
        )
        self._assert_denied(
            self.users["supervisor"], "product.template", "create", [values]
        )

    def test_auditor_changes_nothing(self):
        auditor = self.users["auditor"]
        self._assert_denied(auditor, "scenic.ticket", "action_print", self.ticket.ids)
        self._assert_denied(auditor, "scenic.signing.key", "action_rotate", [])
        self._assert_denied(auditor, "scenic.ticket", "message_post", self.ticket.ids)
        self.assertEqual(self.ticket.print_count, 0)

    def test_reading_is_not_printing(self):
        """A print is a means of entry."""
        for role in ("gate_operator", "finance", "auditor"):
            self._assert_denied(
                self.users[role], "scenic.ticket", "action_print", self.ticket.ids
            )
            report = self.env["ir.actions.report"].with_user(self.users[role])
            with self.subTest(role=role), self.assertRaises(AccessError):
                report._render_qweb_html(
                    "scenic_ticket_base.action_report_scenic_ticket", self.ticket.ids
                )
        self._rpc(
            self.users["cashier"], "scenic.ticket", "action_print", self.ticket.ids
        )
        self.assertEqual(self.ticket.print_count, 1)

    def test_another_company_sees_nothing(self):
        stranger = self._scenic_stranger("access_other")
        for model in (*SEALED, "scenic.revenue.entry", "scenic.site"):
            self._assert_denied(stranger, model, "read", self.records[model].ids)
            found = self._rpc(stranger, model, "search", [])
            self.assertFalse(set(found) & set(self.records[model].ids))
        self._assert_denied(
            stranger,
            "scenic.ticket.component",
            "read",
            self.records["scenic.ticket.component"].ids,
        )

    def test_group_ladder(self):
        manager = self.users["manager"]
        for role in STAFF:
            group = f"scenic_ticket_base.group_scenic_{role}"
            self.assertEqual(manager.has_group(group), role != "auditor", role)
        self.assertTrue(
            self.users["supervisor"].has_group(
                "scenic_ticket_base.group_scenic_cashier"
            )
        )

import csv
import io

import openpyxl
import psycopg2.errors

from odoo import fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from ..tools.mask import mask_text, mask_values
from .common import ScenicCommon, ScenicMixin


@tagged("post_install", "-at_install")
class TestAudit(ScenicCommon):
    def _trail(self, *domain):
        return self.env["scenic.audit"].search([*domain], order="id")

    def _of(self, records):
        return self._trail(
            ("res_model", "=", records._name), ("res_id", "in", records.ids)
        )

    # --- append-only ---------------------------------------------------

    def test_nobody_writes_by_the_orm(self):
        event = self._of(self.scenic_area)[:1]
        admin = self.env.ref("base.user_admin")
        for record in (event, event.with_user(admin), event.sudo()):
            with self.assertRaisesRegex(AccessError, "cannot be changed"):
                record.write({"reason": "nothing happened"})
            with self.assertRaisesRegex(AccessError, "cannot be changed"):
                record.reason = "nothing happened"
            with self.assertRaisesRegex(AccessError, "cannot be deleted"):
                record.unlink()
            with self.assertRaisesRegex(AccessError, "by the system"):
                record.create({"action": "config_write"})
            with self.assertRaisesRegex(AccessError, "by the system"):
                record.copy()
        event.invalidate_recordset()
        self.assertFalse(event.reason)

    @mute_logger("odoo.sql_db")
    def test_nobody_writes_by_sql(self):
        event = self._of(self.scenic_area)[:1]
        for query in (
            "UPDATE scenic_audit SET reason = 'x' WHERE id = %s",
            "DELETE FROM scenic_audit WHERE id = %s",
            "TRUNCATE scenic_audit CASCADE",
            "SET LOCAL session_replication_role = replica; DELETE FROM scenic_audit "
            "WHERE id = %s",
        ):
            with (
                self.assertRaisesRegex(
                    psycopg2.errors.RestrictViolation, "append-only"
                ),
                self.env.cr.savepoint(),
            ):
                self.env.cr.execute(query, [event.id] if "%s" in query else None)

    # --- log -----------------------------------------------------------

    def test_one_statement_for_any_number(self):
        sites = self.env["scenic.site"].create(
            [{"name": f"S{i}", "code": f"S{i}"} for i in range(40)]
        )
        sites.mapped("display_name")
        self.env.flush_all()
        counts = []
        for some in (sites[:1], sites):
            before = self.env.cr.sql_log_count
            self.env["scenic.audit"]._log("closure", some, reason="Storm")
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts, [1, 1])
        self.assertEqual(len(self._trail(("action", "=", "closure"))), 41)

    def test_what_is_kept(self):
        user = new_test_user(
            self.env, "audit_super", "scenic_ticket_base.group_scenic_supervisor"
        )
        ticket = self._scenic_sell(self.scenic_individual)
        self.env["scenic.audit"].with_user(user)._log(
            "ticket_void",
            ticket,
            reason=" Paid twice ",
            before={"state": "valid"},
            after={"state": "void"},
            document=ticket.booking_id,
            device="Window 2",
        )
        event = self._of(ticket)[-1]
        self.assertRecordValues(
            event,
            [
                {
                    "user_id": user.id,
                    "login": "audit_super",
                    "action": "ticket_void",
                    "name": ticket.name,
                    "company_id": ticket.company_id.id,
                    "site_number": ticket.site_id.id,
                    "site_name": ticket.site_id.complete_name,
                    "reason": "Paid twice",
                    "before": {"state": "valid"},
                    "after": {"state": "void"},
                    "document": ticket.booking_id.name,
                    "document_model": "scenic.booking",
                    "document_id": ticket.booking_id.id,
                    "device": "Window 2",
                    "changes": "State: Valid → Void",
                }
            ],
        )

    def test_values_of_each_record(self):
        sites = self.scenic_area | self.scenic_spot
        self.env["scenic.audit"]._log(
            "closure",
            sites,
            before={site.id: {"name": f"old {site.id}"} for site in sites},
        )
        for site in sites:
            self.assertEqual(
                self._of(site)[-1].before, {"name": f"old {site.id}"}, site.name
            )

    def test_unknown_action_is_a_fault(self):
        with self.assertRaises(ValueError):
            self.env["scenic.audit"]._log("whatever", self.scenic_area)

    # --- masks ---------------------------------------------------------

    def test_numbers_of_persons_are_masked(self):
        for number in (
            "11010519491231002X",
            "11010519491231002x",
            "810000199408230021",
            "H12345678",
            "M1234567890",
            "E12345678",
            "EA1234567",
            "13800138000",
            "+86 13800138000",
            "somebody@example.com",
        ):
            with self.subTest(number=number):
                masked = mask_text(f"证件{number}，已核")
                self.assertNotIn(number, masked)
                self.assertTrue(masked.endswith(f"••••{number[-4:]}，已核"))
        for harmless in ("0000012345", "2026-12-01", "INV/2026/00012", "BOOK00017"):
            self.assertEqual(mask_text(harmless), harmless)

    def test_secrets_are_left_out(self):
        self.assertEqual(
            mask_values(
                {
                    "password": "hunter2hunter2",
                    "access_token": "abc",
                    "key_hash": "",
                    "doc_number": "A1234567890",
                    "nested": {"phone": "13800138000", "count": 3, "on": True},
                    "list": ["110105194912310021", 5],
                }
            ),
            {
                "password": "••••",
                "access_token": "••••",
                "key_hash": "",
                "doc_number": "••••7890",
                "nested": {"phone": "••••8000", "count": 3, "on": True},
                "list": ["••••0021", 5],
            },
        )

    def test_reason_is_masked(self):
        self.env["scenic.audit"]._log(
            "closure", self.scenic_area, reason="See 11010519491231002X"
        )
        self.assertEqual(self._of(self.scenic_area)[-1].reason, "See ••••002X")

    # --- configuration (F2) ---------------------------------------------

    def test_f2_settings_before_and_after(self):
        rule = self.env["scenic.validity.rule"].create({"name": "Rule", "days": 2})
        rule.write({"days": 3, "name": "Rule"})
        rule.write({"name": "Rule"})
        rule.unlink()
        trail = self._trail(
            ("res_model", "=", "scenic.validity.rule"), ("res_id", "=", rule.id)
        )
        self.assertEqual(
            trail.mapped("action"), ["config_create", "config_write", "config_unlink"]
        )
        self.assertEqual(trail[0].after["days"], 2)
        self.assertEqual((trail[1].before, trail[1].after), ({"days": 2}, {"days": 3}))
        self.assertEqual(trail[2].before["days"], 3)

    def test_f2_refused_change_leaves_no_trace(self):
        self._scenic_sell(self.scenic_individual)
        before = len(self._of(self.scenic_area))
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.scenic_area.code = "OTHER"
        self.assertEqual(len(self._of(self.scenic_area)), before)

    def test_f2_ticket_product_and_its_price(self):
        template = self.scenic_individual.product_tmpl_id
        template.list_price = 120
        event = self._of(template)[-1]
        self.assertEqual(event.before, {"list_price": 100.0})
        self.assertEqual(event.after, {"list_price": 120.0})
        template.description = "Not about tickets"
        self.assertEqual(self._of(template)[-1], event)
        item = self.env["product.pricelist.item"].create(
            {
                "pricelist_id": self.env["product.pricelist"]
                .create({"name": "Season"})
                .id,
                "applied_on": "1_product",
                "product_tmpl_id": template.id,
                "compute_price": "fixed",
                "fixed_price": 80,
            }
        )
        item.fixed_price = 70
        event = self._of(item)[-1]
        self.assertEqual(event.before, {"fixed_price": 80.0})
        self.assertEqual(event.after, {"fixed_price": 70.0})

    def test_f2_other_products_are_no_business_of_ours(self):
        product = self.env["product.template"].create({"name": "Ice", "list_price": 5})
        product.list_price = 6
        item = self.env["product.pricelist.item"].create(
            {
                "pricelist_id": self.env["product.pricelist"]
                .create({"name": "Season"})
                .id,
                "applied_on": "1_product",
                "product_tmpl_id": product.id,
                "fixed_price": 4,
            }
        )
        self.assertFalse(self._of(product) | self._of(item))


@tagged("post_install", "-at_install")
class TestAuditExport(ScenicMixin, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.auditor = new_test_user(
            cls.env,
            "export_auditor",
            "scenic_ticket_base.group_scenic_auditor",
            password="export_auditor",
            tz="Asia/Shanghai",
            lang="en_US",
        )
        cls.manager = new_test_user(
            cls.env,
            "export_manager",
            "scenic_ticket_base.group_scenic_manager",
            password="export_manager",
        )
        cls.audit = cls.env["scenic.audit"]
        for number, reason in enumerate(("Storm", "=1+1", "山洪\n预警", "+x", "Flood")):
            cls.audit._log(
                "closure",
                cls.scenic_area if number % 2 else cls.scenic_spot,
                reason=reason,
                before={"name": f"old {number}"},
                after={"name": f"new {number}"},
                device=f"Window {number}",
            )
        cls.domain = [("action", "=", "closure")]
        cls.env.flush_all()

    def _export(self, user, file_type, domain=None, ids=()):
        """Press the buttons as a client does; return the answer of the download."""
        self.authenticate(user.login, user.login)
        action = self._call(
            "scenic.audit",
            "action_export",
            [list(ids)],
            {"context": {"active_domain": domain or self.domain}},
        )
        export_id = self._call(
            "scenic.audit.export",
            "create",
            [{"file_type": file_type}],
            {"context": action["context"]},
        )
        action = self._call("scenic.audit.export", "action_download", [[export_id]])
        return self.url_open(action["url"])

    def _call(self, model, method, args, kwargs=None):
        params = {"model": model, "method": method, "args": args}
        answer = self.url_open(
            "/web/dataset/call_kw",
            json={"params": {**params, "kwargs": kwargs or {}}},
        ).json()
        if "error" in answer:
            raise AssertionError(answer["error"]["data"]["name"])
        return answer["result"]

    def _rows(self, domain=None):
        """Return what the export has to hold."""
        env = self.env(user=self.auditor, context={"lang": "en_US"})
        return [
            {
                "id": event.id,
                "time": fields.Datetime.context_timestamp(
                    event.with_context(tz="Asia/Shanghai"), event.event_time
                ).replace(tzinfo=None),
                "login": event.login,
                "name": event.name,
                "changes": event.changes,
                "reason": event.reason or "",
                "device": event.device or "",
            }
            for event in env["scenic.audit"].search(domain or self.domain)
        ]

    def _read_xlsx(self, content):
        book = openpyxl.load_workbook(io.BytesIO(content))
        [head, *rows] = [list(row) for row in book.active.iter_rows(values_only=True)]
        return head, rows

    def test_xlsx_holds_the_rows_of_the_filter(self):
        answer = self._export(self.auditor, "xlsx")
        self.assertEqual(answer.status_code, 200)
        self.assertIn("audit_trail.xlsx", answer.headers["Content-Disposition"])
        head, rows = self._read_xlsx(answer.content)
        self.assertEqual(
            head[:5], ["ID", "Time", "Login", "User", "Action"], "columns by name"
        )
        self.assertEqual(
            [
                {
                    "id": row[0],
                    "time": row[1],
                    "login": row[2],
                    "name": row[7],
                    "changes": row[8],
                    "reason": row[9] or "",
                    "device": row[11] or "",
                }
                for row in rows
            ],
            self._rows(),
        )
        self.assertEqual(len(rows), 5)
        self.assertEqual(rows[0][4], "Site Closed")

    def test_csv_holds_the_same_and_no_formula(self):
        answer = self._export(self.auditor, "csv")
        text = answer.content.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text)))[1:]
        self.assertEqual(
            [int(row[0]) for row in rows], [row["id"] for row in self._rows()]
        )
        self.assertEqual(
            [row[9] for row in rows], ["Flood", "'+x", "山洪\n预警", "'=1+1", "Storm"]
        )

    def test_selected_rows_only(self):
        ids = [row["id"] for row in self._rows()[:2]]
        _head, rows = self._read_xlsx(
            self._export(self.auditor, "xlsx", ids=ids).content
        )
        self.assertEqual([row[0] for row in rows], ids)

    def test_nothing_found_is_an_empty_table(self):
        answer = self._export(
            self.auditor, "xlsx", domain=[("reason", "=", "never given")]
        )
        head, rows = self._read_xlsx(answer.content)
        self.assertTrue(head)
        self.assertFalse(rows)

    def test_an_export_is_noted(self):
        self._export(self.auditor, "csv")
        event = self.audit.search([("action", "=", "audit_export")], limit=1)
        self.assertEqual(event.user_id, self.auditor)
        self.assertEqual(event.after["rows"], 5)
        self.assertEqual(event.remote_addr, "127.0.0.1")

    def test_only_the_auditor_exports(self):
        with (
            self.assertRaisesRegex(AssertionError, "AccessError"),
            mute_logger("odoo.http"),
        ):
            self._export(self.manager, "xlsx")
        export = self.env["scenic.audit.export"].with_user(self.auditor).create({})
        for login in ("export_manager", None):
            self.authenticate(login, login)
            with mute_logger("odoo.http"):
                answer = self.url_open(
                    f"/scenic/audit/export/{export.id}", allow_redirects=False
                )
            self.assertNotEqual(answer.status_code, 200)
        self.assertFalse(self.audit.search([("action", "=", "audit_export")]))

    @mute_logger("odoo.http")
    def test_an_export_of_somebody_else(self):
        other = new_test_user(
            self.env, "export_other", "scenic_ticket_base.group_scenic_auditor"
        )
        export = self.env["scenic.audit.export"].with_user(other).create({})
        self.authenticate("export_auditor", "export_auditor")
        answer = self.url_open(f"/scenic/audit/export/{export.id}")
        self.assertEqual(answer.status_code, 403)

    def test_other_companies_stay_out(self):
        company = self.env["res.company"].create({"name": "Other Park"})
        site = self.env["scenic.site"].create(
            {"name": "Far", "code": "FAR", "company_id": company.id}
        )
        self.audit._log("closure", site)
        _head, rows = self._read_xlsx(self._export(self.auditor, "xlsx").content)
        self.assertEqual(len(rows), 5)

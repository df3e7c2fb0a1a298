import inspect
import json
import uuid
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.scenic_ticket_base.tools import t1
from odoo.addons.scenic_ticket_gate.tools import gate_text

from . import (
    test_device_decisions,
    test_entry_rules,
    test_inside,
    test_shared_media,
    test_staff,
)
from .common import GateMixin

DENIALS = (
    "UNKNOWN FORGED NOT_PAID NOT_YET_VALID EXPIRED USED IN_USE REFUNDED VOID FROZEN "
    "WRONG_SITE WRONG_DIRECTION LANE_UNKNOWN LANE_CLOSED"
).split()


#: What house rules refuse; their tests are in other files.
RULED = (
    "WRONG_DAY BLACKOUT CLOSED_TODAY TOO_EARLY TOO_LATE SLOT_NOT_YET SLOT_OVER "
    "DAILY_USED TOO_SOON INSIDE OUT_OF_SEQUENCE CHOICE_USED FIRST_USE_OVER "
    "VISITOR_BLOCKED MEDIUM_FROZEN RESERVATION_NEEDED PARK_FULL ENTRY_STOPPED "
    "STAFF_LANE STAFF_HOURS SEQUENCE"
).split()


class GateHttpCase(GateMixin, HttpCase):
    def _post(self, path, body, key=True, headers=None):
        """Send a body as it is; return the response."""
        self.env.flush_all()
        headers = {"Content-Type": "application/json", **(headers or {})}
        if key:
            headers["Authorization"] = f"Bearer {self.key if key is True else key}"
        data = body if isinstance(body, bytes) else json.dumps(body)
        response = self.url_open(
            f"/scenic/gate/v1/{path}",
            data=data,
            headers=headers,
            timeout=60,
            method="POST",
        )
        self.env.invalidate_all()
        return response

    def _call(self, path, params, **options):
        """Call a method that must succeed; return its result."""
        body = {"jsonrpc": "2.0", "id": 7, "method": "call", "params": params}
        response = self._post(path, body, **options)
        self.assertEqual(response.status_code, 200, response.text)
        answer = response.json()
        self.assertEqual({"jsonrpc", "id", "result"}, set(answer))
        self.assertEqual(("2.0", 7), (answer["jsonrpc"], answer["id"]))
        return answer["result"]

    def _validate(self, *scans):
        return self._call("validate", {"scans": list(scans)})["results"]

    def _report(self, *events):
        results = self._call("report", {"events": list(events)})["results"]
        self.assertEqual(
            [r["event_id"] for r in results], [e["event_id"] for e in events]
        )
        return [result["code"] for result in results]

    def _assert_denied(self, code, value, **values):
        [result] = self._validate(self._scan(value, **values))
        self.assertEqual(result["code"], code)
        self.assertEqual(result["decision"], "deny")
        self.assertEqual(result["passes"], 0)
        self.assertFalse(result["repeat"])
        for text in (result["text"], result["remedy"]):
            self.assertTrue(text["en"].isascii() and text["en"])
            self.assertTrue(text["zh"] and not text["zh"].isascii())
        return result

    def _assert_error(self, response, status, rpc_code, code, rpc_id=None):
        self.assertEqual(response.status_code, status, response.text)
        self.assertEqual(response.headers["Content-Type"][:16], "application/json")
        self.assertNotIn("Traceback", response.text)
        self.assertNotIn("set-cookie", {name.lower() for name in response.headers})
        answer = response.json()
        self.assertEqual({"jsonrpc", "id", "error"}, set(answer))
        self.assertEqual(answer["id"], rpc_id)
        error = answer["error"]
        self.assertEqual(error["code"], rpc_code)
        self.assertEqual(error["data"]["code"], code)
        self.assertEqual({"code", "text"}, set(error["data"]))
        self.assertTrue(error["data"]["text"]["en"])
        self.assertTrue(error["data"]["text"]["zh"])
        return error


@tagged("post_install", "-at_install")
class TestGateDecisions(GateHttpCase):
    """Every code that the API promises, over the wire."""

    def test_admit(self):
        ticket = self._today_ticket()
        scan = self._scan(ticket._qr_token())
        [result] = self._validate(scan)
        server_time = result.pop("server_time")
        self.assertRegex(server_time, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(
            result,
            {
                "request_id": scan["request_id"],
                "decision": "admit",
                "code": "ADMIT",
                "passes": 1,
                "repeat": False,
                "again": False,
                "text": {"en": "Welcome", "zh": "欢迎光临"},
                "remedy": {"en": "", "zh": ""},
                "ticket": {
                    "name": ticket.name,
                    "product": "Adult 成人票",
                    "persons": 1,
                    "left": 0,
                    "right": ticket.entitlement_ids.id,
                },
            },
        )
        self.assertEqual(self._counts(ticket), [(1, 1, 0)])
        self.assertEqual(ticket.state, "valid")

    def test_no_cookie(self):
        response = self._post(
            "validate",
            {
                "jsonrpc": "2.0",
                "id": None,
                "method": "call",
                "params": {"scans": [self._scan("nonsense")]},
            },
        )
        self.assertEqual(response.status_code, 200)
        self.assertNotIn("set-cookie", {name.lower() for name in response.headers})

    def test_admit_by_barcode(self):
        ticket = self._today_ticket()
        [result] = self._validate(self._scan(ticket._barcode_number(), kind="barcode"))
        self.assertEqual(result["code"], "ADMIT")
        event = self.env["scenic.pass.event"].search(
            [("uid", "=", result["request_id"])]
        )
        self.assertEqual(event.credential_kind, "barcode")

    def test_admit_tolerates_reader(self):
        ticket = self._today_ticket()
        token = ticket._qr_token()
        [result] = self._validate(self._scan(f" {token.lower()}\r\n"))
        self.assertEqual(result["code"], "ADMIT")

    def test_language_of_product_is_chinese_where_there_is_one(self):
        self.env["res.lang"]._activate_lang("zh_CN")
        template = self.scenic_individual.product_tmpl_id
        template.with_context(lang="en_US").name = "Adult"
        template.with_context(lang="zh_CN").name = "成人票"
        ticket = self._today_ticket()
        [result] = self._validate(self._scan(ticket._qr_token()))
        self.assertEqual(result["ticket"]["product"], "成人票")

    def test_unknown(self):
        for value in (
            "",
            "hello",
            "0" * 22,
            "T1",
            "a\0b",
            "\ud800",
            "😀" * 512,
            "%s %(x)s {}",
            "'; DROP TABLE scenic_ticket; --",
        ):
            result = self._assert_denied("UNKNOWN", value)
            self.assertIsNone(result["ticket"])

    def test_unknown_when_kind_does_not_fit(self):
        ticket = self._today_ticket()
        self._assert_denied("UNKNOWN", ticket._qr_token(), kind="barcode")
        self._assert_denied("UNKNOWN", ticket._barcode_number(), kind="qr")
        self.assertEqual(self._counts(ticket), [(1, 0, 0)])

    def test_unknown_in_another_company(self):
        company = self.env["res.company"].create({"name": "Other Park"})
        site = self.env["scenic.site"].create(
            {"name": "Other", "code": "OTHER", "company_id": company.id}
        )
        zone = self.env["scenic.zone"].create({"name": "Other", "site_id": site.id})
        gate = self.env["scenic.gate"].create({"name": "G", "to_zone_id": zone.id})
        device = self.env["scenic.device"].create({"name": "o", "site_id": site.id})
        self._lane("L1", gate_id=gate.id, device_id=device.id)
        ticket = self._today_ticket()
        own_key, self.key = self.key, device._generate_key()
        result = self._assert_denied("UNKNOWN", ticket._qr_token())
        self.assertIsNone(result["ticket"])
        self.key = own_key
        self.assertEqual(self._counts(ticket), [(1, 0, 0)])

    def test_forged(self):
        ticket = self._today_ticket()
        token = ticket._qr_token()
        other = "A" if token[-10] != "A" else "B"
        forged = token[:-10] + other + token[-9:]
        result = self._assert_denied("FORGED", forged)
        self.assertIsNone(result["ticket"])
        self.assertEqual(self._counts(ticket), [(1, 0, 0)])

    def test_forged_with_own_key(self):
        """A code signed by somebody else for a ticket that exists."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (
            Ed25519PrivateKey,
        )

        ticket = self._today_ticket()
        payload, _raw, _signature = t1.parse(ticket._qr_token())
        token = t1.sign(Ed25519PrivateKey.generate(), self.scenic_area.code, payload)
        self._assert_denied("FORGED", token)
        self.assertEqual(self._counts(ticket), [(1, 0, 0)])

    def test_not_paid(self):
        ticket = self._today_ticket()
        self._set_ticket(ticket, state="held")
        self._assert_denied("NOT_PAID", ticket._qr_token())

    def test_not_yet_valid(self):
        day = self.visit_date + timedelta(days=3)
        ticket = self._today_ticket(visit_date=day)
        result = self._assert_denied("NOT_YET_VALID", ticket._qr_token())
        self.assertEqual(result["text"]["en"], f"Not valid before {day}")
        self.assertEqual(
            result["remedy"]["zh"], f"请于{day.year}年{day.month}月{day.day}日再来"
        )
        self.assertEqual(result["ticket"]["left"], 1)

    def test_expired(self):
        ticket = self._today_ticket()
        self.env.cr.execute(
            "UPDATE scenic_entitlement SET valid_from = %s, valid_to = %s "
            "WHERE ticket_id = %s",
            ["2026-05-01 16:00:00", "2026-05-03 16:00:00", ticket.id],
        )
        result = self._assert_denied("EXPIRED", ticket._qr_token())
        # 16:00 UTC is midnight at the site, and the end is exclusive
        self.assertEqual(result["text"]["en"], "Expired: was valid until 2026-05-03")
        self.assertEqual(result["text"]["zh"], "已过期：有效期至2026年5月3日")

    def test_expired_by_state(self):
        ticket = self._today_ticket()
        self._set_ticket(ticket, state="expired")
        self._assert_denied("EXPIRED", ticket._qr_token())

    def test_used_names_when_and_where(self):
        ticket = self._today_ticket()
        [result] = self._validate(self._scan(ticket._qr_token()))
        self._report(self._event("passed", result["request_id"]))
        self.env.cr.execute(
            "UPDATE scenic_site SET tz = 'Asia/Shanghai' WHERE id = %s",
            [self.scenic_area.id],
        )
        result = self._assert_denied("USED", ticket._qr_token(), lane="L2")
        event = self.env["scenic.pass.event"].search(
            [("ticket_id", "=", ticket.id), ("phase", "=", "passed")]
        )
        when = fields.Datetime.context_timestamp(
            event.with_context(tz="Asia/Shanghai"), event.event_time
        )
        self.assertEqual(
            result["text"]["en"],
            f"Already used on {when:%Y-%m-%d %H:%M} at South Gate, Lane 1",
        )
        self.assertEqual(
            result["text"]["zh"],
            f"已于{when.year}年{when.month}月{when.day}日 {when:%H:%M}"
            "在South Gate Lane 1使用",
        )

    def test_used_wins_over_expired(self):
        """Who used a ticket yesterday is told so, not that it expired."""
        ticket = self._today_ticket()
        [result] = self._validate(self._scan(ticket._qr_token()))
        self._report(self._event("passed", result["request_id"]))
        self._set_window(ticket, -48, -24)
        self._assert_denied("USED", ticket._qr_token())

    def test_in_use(self):
        ticket = self._today_ticket()
        self._validate(self._scan(ticket._qr_token()))
        self._assert_denied("IN_USE", ticket._qr_token(), lane="L2")

    def test_refunded(self):
        ticket = self._today_ticket()
        ticket._refund("RF1", "changed plans")
        self._assert_denied("REFUNDED", ticket._qr_token())
        self._assert_denied("REFUNDED", ticket._barcode_number())

    def test_void(self):
        ticket = self._today_ticket()
        ticket._void("misprint")
        self._assert_denied("VOID", ticket._qr_token())

    def test_void_when_replaced(self):
        ticket = self._today_ticket()
        qr = ticket.sudo().credential_ids.filtered(lambda c: c.kind == "qr")
        qr.active = False
        result = self._assert_denied("VOID", ticket._qr_token())
        self.assertIn("replaced", result["text"]["en"])
        [result] = self._validate(self._scan(ticket._barcode_number()))
        self.assertEqual(result["code"], "ADMIT")

    def test_frozen(self):
        ticket = self._today_ticket()
        ticket._freeze("dispute")
        self._assert_denied("FROZEN", ticket._qr_token())
        ticket._unfreeze("settled")
        [result] = self._validate(self._scan(ticket._qr_token()))
        self.assertEqual(result["code"], "ADMIT")

    def test_wrong_site_names_the_place(self):
        ticket = self._today_ticket()
        result = self._assert_denied("WRONG_SITE", ticket._qr_token(), lane="C1")
        self.assertEqual(result["remedy"]["en"], "Please go to Test Hill")

    def test_wrong_direction(self):
        ticket = self._today_ticket()
        token = ticket._qr_token()
        self._assert_denied("WRONG_DIRECTION", token, lane="X1")
        self._assert_denied("WRONG_DIRECTION", token, direction="out")
        self._assert_denied("WRONG_DIRECTION", token, direction="out", lane="X1")
        self.assertEqual(self._counts(ticket), [(1, 0, 0)])

    def test_lane_unknown(self):
        ticket = self._today_ticket()
        result = self._assert_denied("LANE_UNKNOWN", ticket._qr_token(), lane="Z9")
        self.assertEqual(result["ticket"]["name"], ticket.name)
        event = self.env["scenic.pass.event"].search(
            [("uid", "=", result["request_id"])]
        )
        self.assertFalse(event.lane_id)
        self.assertEqual(event.lane_code, "Z9")

    def test_lane_of_another_device_is_unknown(self):
        other = self.env["scenic.device"].create(
            {"name": "north-1", "site_id": self.scenic_area.id}
        )
        self._lane("N1", device_id=other.id)
        self._assert_denied("LANE_UNKNOWN", "x", lane="N1")

    def test_lane_closed(self):
        token = self._today_ticket()._qr_token()
        self.lane._switch("locked", "test")
        self._assert_denied("LANE_CLOSED", token)
        self.lane._switch("emergency", "test")
        self._assert_denied("LANE_CLOSED", token)
        self.lane._switch("exit", "test", ends_emergency=True)
        self._assert_denied("WRONG_DIRECTION", token)
        self.lane.action_controlled()
        self.lane.active = False
        self._assert_denied("LANE_CLOSED", token)
        self.gate.active = False
        self._assert_denied("LANE_CLOSED", token, lane="L2")

    def test_no_code_is_missing_here(self):
        """The tests above cover what the model knows, and the other way round."""
        codes = dict(self.env["scenic.pass.event"]._fields["code"].selection)
        self.assertEqual(
            set(codes) - {"ADMIT", "OK", "CONFLICT"} - set(gate_text.DEVICE_CODES),
            set(DENIALS) | set(RULED),
        )
        self.assertEqual(
            set(codes)
            - {"OK", "CONFLICT"}
            - set(gate_text.DEVICE_CODES)
            - set(gate_text.TEXTS),
            set(),
        )
        tests = " ".join(name for name in dir(self) if name.startswith("test_"))
        for code in DENIALS:
            self.assertIn(f"test_{code.lower()}", tests)
        tests = "".join(
            map(
                inspect.getsource,
                (
                    test_device_decisions,
                    test_entry_rules,
                    test_inside,
                    test_shared_media,
                    test_staff,
                ),
            )
        )
        for code in RULED:
            self.assertIn(f'"{code}"', tests)

    def test_combo_opens_each_place_by_its_own_entries(self):
        ticket = self._today_ticket(self.scenic_combo)
        token = ticket._qr_token()
        [area] = self._validate(self._scan(token))
        [cave] = self._validate(self._scan(token, lane="C1"))
        self.assertEqual((area["code"], cave["code"]), ("ADMIT", "ADMIT"))
        self.assertEqual((area["ticket"]["left"], cave["ticket"]["left"]), (0, 1))
        self.assertEqual(self._counts(ticket), [(1, 1, 0), (2, 1, 0)])

    def test_group_opens_for_all_that_are_left(self):
        ticket = self._today_ticket(self.scenic_group, 30)
        token = ticket._qr_token()
        [result] = self._validate(self._scan(token))
        self.assertEqual(result["passes"], 30)
        self.assertEqual(result["text"]["en"], "Welcome, 30 people")
        self._assert_denied("IN_USE", token, lane="L2")
        request_id = result["request_id"]
        self.assertEqual(
            self._report(
                self._event("passed", request_id, count=12),
                self._event("annulled", request_id, count=18),
            ),
            ["OK", "OK"],
        )
        self.assertEqual(self._counts(ticket), [(30, 0, 12)])
        self.assertEqual(ticket.state, "part_used")
        [result] = self._validate(self._scan(token))
        self.assertEqual((result["passes"], result["ticket"]["left"]), (18, 0))

    def test_list_keeps_order(self):
        first, second = self._today_ticket(quantity=2)
        scans = [
            self._scan(second._qr_token()),
            self._scan("nonsense"),
            self._scan(first._qr_token()),
            self._scan(second._qr_token(), lane="L2"),
        ]
        results = self._validate(*scans)
        self.assertEqual(
            [r["request_id"] for r in results], [s["request_id"] for s in scans]
        )
        self.assertEqual(
            [r["code"] for r in results], ["ADMIT", "UNKNOWN", "ADMIT", "IN_USE"]
        )

    def test_repeat_gives_the_first_decision(self):
        ticket = self._today_ticket()
        scan = self._scan(ticket._qr_token())
        [first] = self._validate(scan)
        [again] = self._validate(scan)
        self.assertTrue(again["repeat"])
        for result in (first, again):
            result.pop("repeat")
            result.pop("server_time")
        self.assertEqual(first, again)
        self.assertEqual(self._counts(ticket), [(1, 1, 0)])

    def test_repeat_within_a_list(self):
        ticket = self._today_ticket()
        scan = self._scan(ticket._qr_token())
        results = self._validate(scan, scan)
        self.assertEqual([r["repeat"] for r in results], [False, True])
        self.assertEqual([r["code"] for r in results], ["ADMIT", "ADMIT"])
        self.assertEqual(self._counts(ticket), [(1, 1, 0)])

    def test_repeat_of_a_refusal_after_the_ticket_changed(self):
        ticket = self._today_ticket()
        ticket._freeze("dispute")
        scan = self._scan(ticket._qr_token())
        [first] = self._validate(scan)
        ticket._unfreeze("settled")
        [again] = self._validate(scan)
        self.assertEqual(
            (first["code"], again["code"], again["repeat"]), ("FROZEN", "FROZEN", True)
        )


@tagged("post_install", "-at_install")
class TestGateReport(GateHttpCase):
    def test_passed_uses_the_entry(self):
        ticket = self._today_ticket()
        [result] = self._validate(self._scan(ticket._qr_token()))
        event = self._event("passed", result["request_id"])
        self.assertEqual(self._report(event), ["OK"])
        self.assertEqual(self._counts(ticket), [(1, 0, 1)])
        self.assertEqual(ticket.state, "used")
        self.assertEqual(self._report(event), ["REPEAT"])
        self.assertEqual(self._counts(ticket), [(1, 0, 1)])

    def test_all_types(self):
        kinds = (
            "exit forced tailgating wrong_direction fault fault_cleared link_down "
            "link_up"
        ).split()
        events = [self._event(kind, note="备注") for kind in kinds]
        self.assertEqual(self._report(*events), ["OK"] * len(kinds))
        kept = self.env["scenic.pass.event"].search(
            [("uid", "in", [e["event_id"] for e in events])]
        )
        self.assertEqual(set(kept.mapped("phase")), set(kinds))
        self.assertEqual(set(kept.mapped("note")), {"备注"})

    def test_an_alarm_names_its_picture(self):
        """The name only: the picture stays on the bridge."""
        photo, other = str(uuid.uuid4()), str(uuid.uuid4())
        [ticket] = self._today_ticket()
        [result] = self._validate(self._scan(ticket._qr_token()))
        events = [
            self._event("forced", photo=photo),
            # of an admission, which takes the longer way
            self._event("tailgating", result["request_id"], photo=other),
            self._event("pinch"),
            self._event("fault", photo=photo),
        ]
        self.assertEqual(self._report(*events), ["OK"] * len(events))
        kept = self.env["scenic.pass.event"].search(
            [("uid", "in", [event["event_id"] for event in events])], order="id"
        )
        self.assertEqual(kept.mapped("photo"), [photo, other, False, False])
        self.assertEqual(kept.mapped("has_photo"), [True, True, False, False])
        [fault] = kept.filtered(lambda event: event.phase == "fault")
        self.assertFalse(fault.detail)

    def test_short_alarm(self):
        """Fields that mean nothing for an alarm may be left out."""
        event = {
            name: value
            for name, value in self._event("fault").items()
            if name in ("event_id", "seq", "lane", "type", "at")
        }
        self.assertEqual(self._report(event), ["OK"])

    def test_lane_unknown_keeps_the_fact(self):
        event = self._event("exit", lane="Z9")
        self.assertEqual(self._report(event), ["LANE_UNKNOWN"])
        kept = self.env["scenic.pass.event"].search([("uid", "=", event["event_id"])])
        self.assertEqual((kept.lane_id.id, kept.lane_code), (False, "Z9"))

    def test_five_hundred(self):
        events = [self._event("exit") for _ in range(500)]
        self.assertEqual(self._report(*events), ["OK"] * 500)
        self.assertEqual(self._report(*events), ["REPEAT"] * 500)


@tagged("post_install", "-at_install")
class TestGateEnvelope(GateHttpCase):
    """Nothing but a right request does anything."""

    def setUp(self):
        super().setUp()
        self.before = self.env["scenic.pass.event"].search_count([])

    def tearDown(self):
        self.assertEqual(self.env["scenic.pass.event"].search_count([]), self.before)
        super().tearDown()

    def _envelope(self, params, **values):
        return {"jsonrpc": "2.0", "id": 1, "method": "call", "params": params, **values}

    def test_parse_error(self):
        for body in (
            b"",
            b"{",
            b"\xff\xfe\x00",
            '{"jsonrpc": "2.0", "x": "\xe4"}'.encode("latin-1"),
            b"[" * 100_000,
            b'{"jsonrpc": NaN}',
            b'{"id": ' + b"9" * 5000 + b"}",
        ):
            self._assert_error(self._post("validate", body), 400, -32700, "PARSE_ERROR")

    def test_invalid_request(self):
        for body in (
            [],
            "text",
            1,
            {},
            {"method": "call", "params": {}},
            {"jsonrpc": "1.0", "method": "call", "params": {}},
            {"jsonrpc": "2.0", "method": "execute", "params": {}},
            {"jsonrpc": "2.0", "method": "call"},
            {"jsonrpc": "2.0", "method": "call", "params": []},
        ):
            self._assert_error(
                self._post("report", json.dumps(body).encode()),
                400,
                -32600,
                "INVALID_REQUEST",
            )

    def test_invalid_request_keeps_id(self):
        body = {"jsonrpc": "2.0", "id": "abc", "method": "call", "params": 3}
        self._assert_error(
            self._post("validate", body), 400, -32600, "INVALID_REQUEST", "abc"
        )

    def test_huge_body(self):
        body = self._envelope({"scans": [], "filler": "x" * (5 * 1024 * 1024)})
        error = self._assert_error(
            self._post("validate", body), 400, -32600, "INVALID_REQUEST"
        )
        self.assertIn("4194304", error["message"])

    def test_content_type_does_not_matter(self):
        for content_type in ("text/plain", "application/x-www-form-urlencoded"):
            response = self._post(
                "validate", self._envelope({}), headers={"Content-Type": content_type}
            )
            self._assert_error(response, 400, -32602, "INVALID_PARAMS", 1)

    def _assert_params(self, path, params, field):
        response = self._post(path, self._envelope(params))
        error = self._assert_error(response, 400, -32602, "INVALID_PARAMS", 1)
        self.assertTrue(
            error["data"]["text"]["en"].startswith(f"{field}: "),
            error["data"]["text"]["en"],
        )
        self.assertTrue(error["data"]["text"]["zh"].startswith(f"{field}："))

    def test_invalid_scans(self):
        scan = self._scan("x")
        for params, field in (
            ({}, "scans"),
            ({"scans": []}, "scans"),
            ({"scans": {}}, "scans"),
            ({"scans": [scan] * 51}, "scans"),
            ({"scans": [scan, None]}, "scans[1]"),
        ):
            self._assert_params("validate", params, field)
        for name, value, field in (
            ("request_id", None, "request_id"),
            ("request_id", scan["request_id"].upper(), "request_id"),
            ("request_id", scan["request_id"] + "\n", "request_id"),
            ("request_id", 5, "request_id"),
            ("seq", 0, "seq"),
            ("seq", "1", "seq"),
            ("seq", 1.0, "seq"),
            ("seq", True, "seq"),
            ("seq", 2**31, "seq"),
            ("lane", "", "lane"),
            ("lane", "L" * 33, "lane"),
            ("lane", "L\0", "lane"),
            ("lane", "\ud800", "lane"),
            ("lane", ["L1"], "lane"),
            ("direction", "both", "direction"),
            ("direction", ["in"], "direction"),
            ("credential", None, "credential"),
            ("credential", "T1", "credential"),
            ("credential", {"kind": "face", "value": "x"}, "credential.kind"),
            ("credential", {"kind": "qr"}, "credential.value"),
            ("credential", {"kind": "qr", "value": "x" * 513}, "credential.value"),
            ("at", "2026-12-01", "at"),
            ("at", "2026-12-01T01:02:03", "at"),
            ("at", "2026-13-01T01:02:03Z", "at"),
            ("at", "0001-01-01T00:00:00+14:00", "at"),
            ("at", "9999-12-31T23:59:59-14:00", "at"),
            ("at", 1764550923, "at"),
        ):
            self._assert_params(
                "validate",
                {"scans": [scan, {**scan, name: value}]},
                f"scans[1].{field}",
            )

    def test_invalid_events(self):
        event = self._event("passed", str(uuid.uuid4()))
        for params, field in (
            ({"events": []}, "events"),
            ({"events": [event] * 501}, "events"),
            ({"events": ["x"]}, "events[0]"),
        ):
            self._assert_params("report", params, field)
        for name, value in (
            ("event_id", "1"),
            ("type", "returned"),
            ("type", "authorised"),
            ("type", None),
            ("request_id", None),
            ("request_id", "x"),
            ("count", None),
            ("count", 0),
            ("count", -1),
            ("count", 1001),
            ("direction", ""),
            ("assumed", "yes"),
            ("assumed", 1),
            ("note", "x" * 513),
            ("note", "a\0b"),
            ("at", None),
        ):
            self._assert_params(
                "report",
                {"events": [event, {**event, name: value}]},
                f"events[1].{name}",
            )

    def test_invalid_heartbeat(self):
        lane = {
            "lane": "L1",
            "link": "up",
            "mode": "controlled",
            "granted": 0,
            "completed": 0,
            "timed_out": 0,
            "revoked": 0,
            "outstanding": 0,
        }
        beat = {"seq": 1, "version": "1", "outbox": 0, "unresolved": 0, "lanes": [lane]}
        for name, value, field in (
            ("seq", None, "seq"),
            ("version", 1, "version"),
            ("version", "x" * 65, "version"),
            ("outbox", -1, "outbox"),
            ("unresolved", "0", "unresolved"),
            ("lanes", None, "lanes"),
            ("lanes", [lane] * 65, "lanes"),
            ("lanes", [lane, lane], "lanes[1].lane"),
            ("lanes", [{**lane, "link": "?"}], "lanes[0].link"),
            ("lanes", [{**lane, "mode": "open"}], "lanes[0].mode"),
            ("lanes", [{**lane, "granted": None}], "lanes[0].granted"),
        ):
            self._assert_params("heartbeat", {**beat, name: value}, field)
        self.assertFalse(self.device.last_seen)

    def test_internal_error(self):
        with (
            patch.object(
                type(self.env["scenic.device"]),
                "_gate_validate",
                side_effect=RuntimeError("secret detail"),
            ),
            mute_logger("odoo.http"),
        ):
            response = self._post(
                "validate", self._envelope({"scans": [self._scan("x")]})
            )
        self._assert_error(response, 500, -32603, "INTERNAL_ERROR", 1)
        self.assertNotIn("secret detail", response.text)

    def test_key_is_asked_for_first(self):
        """Who has no key learns nothing about the parameters."""
        for path in ("validate", "report", "heartbeat"):
            for body in (b"{", json.dumps(self._envelope({})).encode()):
                self._assert_error(
                    self._post(path, body, key=None),
                    401,
                    -32001,
                    "DEVICE_KEY_INVALID",
                )

    def test_wrong_keys(self):
        for key in (
            "sgk_" + "A" * 43,
            "sgk_",
            self.key[:-1],
            self.key + "A",
            "x" * 100_00,
            self.device.sudo().key_hash,
        ):
            response = self._post("heartbeat", self._envelope({}), key=key)
            self._assert_error(response, 401, -32001, "DEVICE_KEY_INVALID")
            self.assertEqual(response.headers["WWW-Authenticate"], "Bearer")

    def test_dead_keys(self):
        body = self._envelope({"scans": []})
        self._assert_error(
            self._post("validate", body), 400, -32602, "INVALID_PARAMS", 1
        )
        old_key, self.key = self.key, self.device._generate_key()
        self._assert_error(
            self._post("validate", body, key=old_key), 401, -32001, "DEVICE_KEY_INVALID"
        )
        self._assert_error(
            self._post("validate", body), 400, -32602, "INVALID_PARAMS", 1
        )
        self.device.active = False
        self._assert_error(
            self._post("validate", body), 401, -32001, "DEVICE_KEY_INVALID"
        )
        self.device.active = True
        self.device.action_revoke()
        self._assert_error(
            self._post("validate", body), 401, -32001, "DEVICE_KEY_INVALID"
        )

    def test_revoked_key_in_a_stale_cache(self):
        """A worker that has not heard of the revocation lets nobody in either."""
        self.env.cr.execute(
            "UPDATE scenic_device SET state = 'revoked' WHERE id = %s",
            [self.device.id],
        )
        with patch.object(
            type(self.env["scenic.device"]),
            "_id_of_key",
            return_value=self.device.id,
        ):
            for path, params in (
                ("validate", {"scans": [self._scan("x")]}),
                ("report", {"events": [self._event("exit")]}),
                (
                    "heartbeat",
                    {
                        "seq": 1,
                        "version": "",
                        "outbox": 0,
                        "unresolved": 0,
                        "lanes": [],
                    },
                ),
            ):
                self._assert_error(
                    self._post(path, self._envelope(params)),
                    401,
                    -32001,
                    "DEVICE_KEY_INVALID",
                    1,
                )

    def test_user_api_key_is_no_device_key(self):
        user = new_test_user(
            self.env, "gate_api_user", "scenic_ticket_base.group_scenic_manager"
        )
        api_key = (
            self.env["res.users.apikeys"]
            .with_user(user)
            .sudo()
            ._generate(None, "test", fields.Datetime.now() + timedelta(days=1))
        )
        self._assert_error(
            self._post("heartbeat", self._envelope({}), key=api_key),
            401,
            -32001,
            "DEVICE_KEY_INVALID",
        )

    def test_session_is_no_device_key(self):
        self.authenticate("admin", "admin")
        self._assert_error(
            self._post("heartbeat", self._envelope({}), key=None),
            401,
            -32001,
            "DEVICE_KEY_INVALID",
        )

    def test_device_key_opens_nothing_else(self):
        response = self.url_open(
            "/json/2/scenic.ticket/search_read",
            data=json.dumps({"domain": []}),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self.key}",
            },
        )
        self.assertEqual(response.status_code, 401)
        response = self.url_open(
            "/web/dataset/call_kw",
            data=json.dumps(
                self._envelope(
                    {
                        "model": "scenic.ticket",
                        "method": "search_read",
                        "args": [[]],
                        "kwargs": {},
                    }
                )
            ),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self.key}",
            },
        )
        self.assertNotIn("result", response.json())

    @mute_logger("odoo.http")
    def test_get_is_refused(self):
        response = self.url_open("/scenic/gate/v1/validate")
        self.assertEqual(response.status_code, 405)

    def test_unknown_method_is_refused_in_the_envelope(self):
        for key in (True, "sgk_" + "x" * 43):
            response = self._post("guess", self._envelope({}), key=key)
            self.assertEqual(response.status_code, 400)
            code = response.json()["error"]["data"]["code"]
            self.assertEqual(code, "INVALID_REQUEST")

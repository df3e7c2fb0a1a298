import base64
import json
import time
from datetime import timedelta
from unittest import mock

from odoo import api, fields
from odoo.tests import tagged
from odoo.tools import SQL

from odoo.addons.scenic_ticket_base.tests.parallel import ParallelCase
from odoo.addons.scenic_ticket_gate.tools import gate_schema

from .common import GateCommon, GateMixin
from .test_gate_api import GateHttpCase

OTHERS_END = 600  # seconds


class FeedMixin(GateMixin):
    """Asks for the copy of the tickets as a device does."""

    @classmethod
    def _scenic_setup(cls):
        super()._scenic_setup()
        cls.device.decides = "offline"
        cls.born = cls._now(seconds=-1)

    def _sync(self, cursor=None, limit=100, device=None, born=None, now=None):
        self.env.flush_all()
        device = (device or self.device).sudo()
        values = gate_schema.check_sync(
            {"cursor": cursor, "limit": limit, "born": born or self.born}
        )
        return json.loads(device._gate_sync(device.key_hash, values, now))

    def _sync_all(self, cursor=None, **values):
        """Return ``(cursor, {id: ticket}, [gone])`` after all pages."""
        tickets, gone = {}, []
        while True:
            answer = self._sync(cursor, **values)
            cursor = answer["cursor"]
            tickets.update({t["id"]: t for t in answer["tickets"]})
            gone += answer["gone"]
            if not answer["more"]:
                return cursor, tickets, gone

    def _right(self, ticket, cursor=None, **values):
        """Return the first right of a ticket as the feed tells it."""
        return self._sync_all(cursor, **values)[1][ticket.id]["rights"][0]


@tagged("post_install", "-at_install")
class TestFeed(FeedMixin, GateCommon):
    def test_ticket_as_told(self):
        ticket = self._today_ticket()
        _cursor, tickets, _gone = self._sync_all()
        told = tickets[ticket.id]
        self.assertEqual(told["name"], ticket.name)
        self.assertEqual(told["state"], "valid")
        self.assertEqual(told["persons"], 1)
        self.assertEqual(told["visit_date"], fields.Date.to_string(self.visit_date))
        self.assertEqual(
            told["media"],
            [[c.lookup, c.kind, c.state] for c in ticket.credential_ids.sudo()],
        )
        [right] = told["rights"]
        entitlement = ticket.entitlement_ids
        self.assertEqual(right["id"], entitlement.id)
        self.assertEqual(
            right["from"], f"{entitlement.valid_from:%Y-%m-%dT%H:%M:%S}.000Z"
        )
        self.assertEqual(
            (right["total"], right["used"], right["held"], right["today"]),
            (1, 0, 0, None),
        )
        self.assertEqual(float(right["value"]), ticket.amount_total)

    def test_only_what_the_lanes_lead_to(self):
        company = self.env["res.company"].create({"name": "Other Park"})
        site = self.env["scenic.site"].create(
            {"name": "Other", "code": "OTHER", "company_id": company.id}
        )
        foreign = self.env["scenic.device"].create(
            {"name": "o", "site_id": site.id, "decides": "site"}
        )
        near = self.env["scenic.device"].create(
            {"name": "near", "site_id": self.scenic_area.id, "decides": "site"}
        )
        for device in (foreign, near):
            device._generate_key()
        self._lane("L1", device_id=near.id, gate_id=self.gate_cave.id)
        area_only = self._today_ticket()
        combo = self._today_ticket(self.scenic_combo)
        self.assertGreaterEqual(set(self._sync_all()[1]), {area_only.id, combo.id})
        cursor, tickets, _gone = self._sync_all(device=near)
        self.assertIn(combo.id, tickets)
        self.assertNotIn(area_only.id, tickets)
        # of a ticket all rights are told: one may forbid the other
        self.assertEqual(
            [r["id"] for r in tickets[combo.id]["rights"]],
            combo.entitlement_ids.sorted("id").ids,
        )
        self.assertEqual(self._sync_all(device=foreign)[1:], ({}, []))
        # another lane, another copy
        self._lane("L2", device_id=near.id, gate_id=self.gate.id)
        answer = self._sync(cursor, device=near)
        self.assertTrue(answer["reset"])
        self.assertIn(area_only.id, self._sync_all(device=near)[1])

    def test_over_for_more_than_a_day(self):
        fresh, over = self._today_ticket(), self._today_ticket()
        self._set_window(fresh, -40, -23)
        self._set_window(over, -60, -25)
        tickets = self._sync_all()[1]
        self.assertIn(fresh.id, tickets)
        self.assertNotIn(over.id, tickets)

    def test_pages(self):
        tickets = self._today_ticket(quantity=5)
        seen, cursor = [], None
        while True:
            answer = self._sync(cursor, limit=2)
            self.assertLessEqual(len(answer["tickets"]), 2)
            self.assertFalse(answer["reset"])
            seen += [t["id"] for t in answer["tickets"]]
            cursor = answer["cursor"]
            if not answer["more"]:
                break
        self.assertEqual(len(seen), len(set(seen)))
        self.assertGreaterEqual(set(seen), set(tickets.ids))

    def test_any_other_cursor_begins_anew(self):
        ticket = self._today_ticket()
        cursor = self._sync_all()[0]
        stage, xid, last, scope = cursor.split(".")
        for other in ("", "x", f"{stage}.0.{last}.{scope}", cursor[:-1], cursor + "0"):
            answer = self._sync(other)
            self.assertTrue(answer["reset"], other)
            self.assertIn(ticket.id, [t["id"] for t in answer["tickets"]])
        self.assertFalse(self._sync(cursor)["reset"])
        # a journal that begins later has less to tell
        self.env.invalidate_all()
        self.device._generate_key()
        self.assertTrue(self._sync(cursor, born=self._now())["reset"])
        self.assertTrue(xid.isdigit())

    def test_the_database_is_known_by_an_unprivileged_role(self):
        [[allowed]] = self.env.execute_query(
            SQL(
                "SELECT has_function_privilege('public', %s, 'execute')",
                "pg_control_system()",
            )
        )
        self.assertTrue(allowed)

    def test_what_others_did(self):
        """A device adds its own journal to what it is told of the others."""
        other = self.env["scenic.device"].create(
            {"name": "other", "site_id": self.scenic_area.id, "decides": "offline"}
        )
        other._generate_key()
        self._lane("L1", device_id=other.id)
        ticket = self._today_ticket(self.scenic_group, quantity=5)
        token = ticket._qr_token()
        [mine] = self._validate(self._scan(token))
        self._report(self._event("passed", mine["request_id"], count=2))
        counts = ("total", "used", "held")

        def told(device):
            right = self._right(ticket, device=device)
            return [right[name] for name in counts], right["today"]

        self.assertEqual(told(self.device), ([5, 0, 0], None))
        told_other, today = told(other)
        self.assertEqual(told_other, [5, 2, 3])
        self.assertEqual((today["used"], today["entered"], today["gone"]), (2, 2, 0))
        # whoever keeps no journal is told of everybody
        device_sudo = self.device.sudo()
        values = gate_schema.check_sync({})
        page = json.loads(device_sudo._gate_sync(device_sudo.key_hash, values))
        [right] = [t for t in page["tickets"] if t["id"] == ticket.id][0]["rights"]
        self.assertEqual([right[name] for name in counts], [5, 2, 3])
        # staff give one back: no journal knows
        passed = self.env["scenic.pass.event"].search(
            [("ticket_id", "=", ticket.id), ("phase", "=", "passed")]
        )
        self.env["scenic.pass.review"].create(
            {
                "event_ids": passed.ids,
                "decision": "give_back",
                "reason": "counted twice",
            }
        ).action_confirm()
        self.assertEqual(told(self.device)[0], [5, -1, 0])
        self.assertEqual(told(self.device)[1]["entered"], -1)
        self.assertEqual(told(other)[0], [5, 1, 3])
        # and an exit of another lane that read the code
        exit_ = self._event(
            "exit", lane="L1", credential={"kind": "qr", "value": token}
        )
        self._report(exit_, device=other)
        self.assertEqual(told(self.device)[1]["gone"], 1)

    def test_recent_entries_of_others(self):
        self.scenic_individual.scenic_component_ids.reentry_minutes = 30
        other = self.env["scenic.device"].create(
            {"name": "other", "site_id": self.scenic_area.id, "decides": "offline"}
        )
        other._generate_key()
        self._lane("L1", device_id=other.id)
        ticket = self._today_ticket()
        self._pass(ticket)
        [[at, people]] = self._right(ticket, device=other)["recent"]
        self.assertEqual(people, 1)
        self.assertEqual(self._right(ticket)["recent"], [])
        self.assertLessEqual(at, self._now())

    def test_a_second_journal_with_one_key_gets_no_copy(self):
        """It would not be told what the first one did, and admit the same people."""
        device = self.device.sudo()
        twin = gate_schema.check_sync({"born": self._now()})
        self._sync()
        self.assertEqual(device._gate_sync(device.key_hash, twin), "KEY_SHARED")
        self._sync()
        # a rotated key is a key of the same journal
        self.env.invalidate_all()
        device._rotate_key()
        self._sync()
        self.assertEqual(device._gate_sync(device.key_hash, twin), "KEY_SHARED")
        # a new key is for a computer that was reset, whatever its journal
        self.env.invalidate_all()
        device._generate_key()
        self.env.flush_all()
        json.loads(device._gate_sync(device.key_hash, twin))
        # and who may not decide for a time begins anew
        self.env.invalidate_all()
        device.decides = "no"
        device.decides = "site"
        self._sync()

    def test_no_feed_for_a_device_that_does_not_decide(self):
        self.device.decides = "no"
        values = gate_schema.check_sync({"born": self.born})
        device = self.device.sudo()
        self.env.flush_all()
        self.assertEqual(device._gate_sync(device.key_hash, values), "")
        self.assertIsNone(device._gate_sync("0" * 64, values))


@tagged("post_install", "-at_install")
class TestConfig(FeedMixin, GateCommon):
    def _config(self, version=None, now=None):
        self.env.flush_all()
        device = self.device.sudo()
        values = gate_schema.check_config({"version": version})
        answer = device._gate_config(device.key_hash, values, now)
        self.env.invalidate_all()
        return json.loads(answer)

    def test_settings_as_told(self):
        self.env["scenic.opening.hours"].create(
            {
                "name": "Daily",
                "site_id": self.scenic_area.id,
                "time_open": 8.0,
                "time_close": 17.5,
                "last_admission": 30,
            }
        )
        pool = self.env["scenic.capacity.pool"].create(
            {
                "name": "Inside",
                "site_id": self.scenic_area.id,
                "kind": "instant",
                "capacity": 1000,
            }
        )
        self._today_ticket()
        told = self._config()
        self.assertFalse(told["unchanged"])
        self.assertEqual((told["device"], told["decides"]), ("south-1", "offline"))
        self.assertIn("TESTHILL", told["site_codes"])
        self.assertEqual(
            told["offline"],
            {
                "max_age_hours": 24,
                "admit_unsynced": True,
                "max_unsynced": 100,
                "kinds": ["qr", "barcode", "ic_card", "id_document"],
            },
        )
        site = next(s for s in told["sites"] if s["id"] == self.scenic_area.id)
        self.assertEqual(len(site["days"]), 15)
        self.assertEqual(
            site["days"][fields.Date.to_string(self.visit_date)],
            {"open": [480, 1020], "reservation": "none"},
        )
        lanes = {lane["lane"]: lane for lane in told["lanes"]}
        self.assertEqual(lanes["L1"]["into"], [pool.id])
        self.assertTrue(lanes["L1"]["counted"])
        self.assertEqual((lanes["C1"]["into"], lanes["C1"]["out_of"]), ([], []))
        self.assertIn(
            {"id": pool.id, "capacity": 1000, "stop_at": None},
            [{k: p[k] for k in ("id", "capacity", "stop_at")} for p in told["pools"]],
        )
        component = self.scenic_combo.scenic_component_ids[1]
        self.assertIn(
            (component.id, self.scenic_spot.id, self.scenic_combo.scenic_class_code),
            [(c["id"], c["site"], c["product_class"]) for c in told["components"]],
        )
        secret = self.env["scenic.signing.key"]._data().lookup_secret
        self.assertEqual(base64.b64decode(told["lookup_key"]), secret)
        key = self.env["scenic.signing.key"]._active()
        self.assertIn({"kid": key.kid, "key": key.public_key}, told["public_keys"])

    def test_d4_which_members_show_a_finger(self):
        """Told to devices with sensors only: a name for the template, and of which
        tickets; withdrawn or long over, it is not told any more."""
        year = self.env["scenic.validity.rule"].create(
            {
                "name": "A year",
                "mode": "period",
                "period_count": 1,
                "period_unit": "year",
            }
        )
        product = self._scenic_product(
            "Annual 年卡",
            "member",
            300,
            scenic_validity_rule_id=year.id,
            scenic_real_name="visitor",
            scenic_id_scope="none",
            scenic_revenue_trigger="straight_line",
        )
        visitors = [self._scenic_visitor(1)]
        ticket = self._scenic_sell(product, visit_date=None, visitors=visitors)
        card = ticket.membership_id
        card.action_give_fingerprint()
        self.assertNotIn("fingerprints", self._config())
        self.device.has_fingerprint = True
        told = {"ref": card.fingerprint_ref, "tickets": [ticket.name]}
        later = fields.Datetime.now() + timedelta(minutes=1)
        config = self._config(now=later)
        self.assertEqual(config["fingerprints"], [told])
        self.assertEqual(config["device"], "south-1")
        over = ticket.entitlement_ids.valid_to + timedelta(days=30)
        self.assertEqual(
            self._config(now=over - timedelta(seconds=1))["fingerprints"], [told]
        )
        self.assertEqual(self._config(now=over)["fingerprints"], [])
        card.action_withdraw_fingerprint()
        self.assertEqual(
            self._config(now=later + timedelta(minutes=1))["fingerprints"], []
        )

    def test_version(self):
        # made on first use, which in a new database would be the first answer
        self.env["scenic.signing.key"]._active()
        now = fields.Datetime.now()
        first = self._config(now=now)
        self.assertEqual(self.device.config_version, first["version"])
        # the same settings again, told as a whole: nothing but the time differs
        self.assertEqual(
            self._config(now=now + timedelta(milliseconds=1)),
            {**first, "server_time": mock.ANY},
        )
        self.assertEqual(
            self._config(first["version"], now),
            {
                "version": first["version"],
                "unchanged": True,
                "server_time": first["server_time"],
            },
        )
        self.lane.name = "Another Name"
        second = self._config(first["version"], now + timedelta(seconds=11))
        self.assertFalse(second["unchanged"])
        self.assertNotEqual(second["version"], first["version"])
        # the days move on
        third = self._config(second["version"], now + timedelta(days=1))
        self.assertNotEqual(third["version"], second["version"])

    def test_no_look_up_key_for_a_device_that_does_not_decide(self):
        self.device.decides = "no"
        self.assertIsNone(self._config()["lookup_key"])

    def test_closed_and_always_open(self):
        told = self._config()
        site = next(s for s in told["sites"] if s["id"] == self.scenic_area.id)
        day = fields.Date.to_string(self.visit_date)
        self.assertIsNone(site["days"][day]["open"])
        self.env["scenic.opening.hours"].create(
            {"name": "Shut", "site_id": self.scenic_area.id, "closed": True}
        )
        told = self._config()
        site = next(s for s in told["sites"] if s["id"] == self.scenic_area.id)
        self.assertEqual(site["days"][day]["open"], [])


@tagged("post_install", "-at_install")
class TestFeedHttp(FeedMixin, GateHttpCase):
    def test_routes(self):
        ticket = self._today_ticket()
        answer = self._call("sync", {"cursor": None, "limit": 2000, "born": self.born})
        self.assertIn(ticket.id, [t["id"] for t in answer["tickets"]])
        config = self._call("config", {"version": None})
        self.assertTrue(
            self._call("config", {"version": config["version"]})["unchanged"]
        )

    def test_errors(self):
        for params, field in (
            ({"born": self.born, "limit": 2001}, "limit"),
            ({"born": self.born, "cursor": 5}, "cursor"),
            ({"born": "yesterday"}, "born"),
        ):
            self._refused("sync", params, 400, "INVALID_PARAMS", field)
        self._refused("config", {"version": 1}, 400, "INVALID_PARAMS", "version")
        self._call("sync", {"born": self.born})
        self._refused("sync", {"born": self._now()}, 409, "KEY_SHARED")
        self.device.decides = "no"
        self._refused("sync", {"born": self.born}, 403, "DEVICE_DECIDES_NOTHING")
        self.device.action_revoke()
        self._refused("sync", {"born": self.born}, 401, "DEVICE_KEY_INVALID")
        self._refused("config", {}, 401, "DEVICE_KEY_INVALID")

    def _refused(self, path, params, status, code, field=""):
        body = {"jsonrpc": "2.0", "id": 1, "method": "call", "params": params}
        response = self._post(path, body)
        self.assertEqual(response.status_code, status, response.text)
        error = response.json()["error"]
        self.assertEqual(error["data"]["code"], code)
        self.assertIn(field, error["data"]["text"]["en"])


@tagged("post_install", "-at_install")
class TestFeedParallel(ParallelCase):
    """The feed against transactions that commit in any order."""

    def setUp(self):
        super().setUp()
        with self._env() as env:
            site = env["product.product"].browse(self.product_id).scenic_site_id
            zone = env["scenic.zone"].create({"name": "P", "site_id": site.id})
            gate = env["scenic.gate"].create({"name": "P", "to_zone_id": zone.id})
            device = env["scenic.device"].create(
                {"name": f"p-{self.tag}", "site_id": site.id, "decides": "offline"}
            )
            device._generate_key()
            lane = env["scenic.lane"].create(
                {
                    "code": "L1",
                    "name": "L1",
                    "gate_id": gate.id,
                    "device_id": device.id,
                }
            )
            self.device_id, self.key_hash = device.id, device.key_hash
            self.made[:0] = [
                ("scenic.lane", lane.ids),
                ("scenic.device", device.ids),
                ("scenic.gate", gate.ids),
                ("scenic.zone", zone.ids),
            ]

    def _page(self, cursor=None, limit=2000):
        with self._env() as env:
            device = env["scenic.device"].browse(self.device_id)
            values = {"cursor": cursor, "limit": limit, "born": "2020-01-01T00:00:00"}
            return json.loads(device._gate_sync(self.key_hash, values))

    def _pages(self, cursor=None, limit=2000):
        """Return ``(cursor, ids told)`` of all pages."""
        told = []
        while True:
            answer = self._page(cursor, limit)
            cursor = answer["cursor"]
            told += [t["id"] for t in answer["tickets"]]
            if not answer["more"]:
                return cursor, told

    def _touch(self, cr, ticket_id):
        cr.execute(
            "UPDATE scenic_ticket SET persons_refunded = persons_refunded "
            "+ CASE WHEN persons_refunded = 0 THEN 1 ELSE -1 END WHERE id = %s "
            "RETURNING pg_current_xact_id()::text::bigint",
            [ticket_id],
        )
        return cr.fetchone()[0]

    def test_commits_out_of_order(self):
        first, second, third = self._sell("ORDER", 3)
        cursor, told = self._pages()
        self.assertEqual(told, [first, second, third])
        with self.registry.cursor() as slow:
            slow_xid = self._touch(slow, first)
            with self.registry.cursor() as quick:
                quick_xid = self._touch(quick, second)
            # the later transaction has committed before the earlier one
            self.assertLess(slow_xid, quick_xid)
            cursor, told = self._pages(cursor)
            self.assertNotIn(first, told)
            between = int(cursor.split(".")[1])
            self.assertLessEqual(between, slow_xid)
        with self.registry.cursor() as last:
            self._touch(last, third)
        cursor, later = self._pages(cursor)
        self.assertEqual(set(told + later), {first, second, third})
        self.assertEqual(self._pages(cursor)[1], [])

    def test_a_commit_during_the_full_copy(self):
        """A ticket that was passed by is told afterwards."""
        [first] = self._sell("FIRST")
        with self.registry.cursor() as slow:
            env = api.Environment(slow, api.SUPERUSER_ID, {})
            [early] = self._hold(env, "EARLY")._confirm().ids
            env.flush_all()
            others = self._sell("LATE", 3)
            self.assertGreater(others[0], early)
            answer = self._page(limit=3)
            self.assertEqual([t["id"] for t in answer["tickets"]], [first, *others[:2]])
        _cursor, told = self._pages(answer["cursor"], limit=3)
        self.assertIn(early, told)
        self.assertIn(others[2], told)

    def test_a_page_within_one_transaction(self):
        tickets = self._sell("BIG", 5)
        cursor, _told = self._pages()
        with self.registry.cursor() as cr:
            for ticket_id in tickets:
                self._touch(cr, ticket_id)
        told = []
        for size in (2, 2, 1):
            answer = self._page(cursor, limit=2)
            cursor = answer["cursor"]
            self.assertEqual(len(answer["tickets"]), size)
            told += [t["id"] for t in answer["tickets"]]
        self.assertEqual(told, tickets)

    def _prune(self):
        """Forget old changes; return how many are gone and how many are left."""
        with self._env() as env:
            removed = env["scenic.device"]._cron_prune_changes()
            env.cr.execute("SELECT count(*) FROM scenic_gate_change")
            return removed, env.cr.fetchone()[0]

    def test_pruned(self):
        [ticket] = self._sell("PRUNE")
        cursor, _told = self._pages()
        with self.registry.cursor() as cr:
            self._touch(cr, ticket)
        with self.registry.cursor() as cr:
            cr.execute("UPDATE scenic_gate_change SET at = at - interval '15 days'")
        # what is newer than a transaction that runs in any database of the cluster
        # stays: the tests of another one may hold one as long as a class takes
        deadline = time.monotonic() + OTHERS_END
        removed, left = self._prune()
        while left and time.monotonic() < deadline:
            time.sleep(0.2)
            more, left = self._prune()
            removed += more
        self.assertTrue(removed)
        self.assertEqual(self._prune(), (0, 0))
        answer = self._page(cursor)
        self.assertTrue(answer["reset"])
        self.assertIn(ticket, [t["id"] for t in answer["tickets"]])
        cursor, _told = self._pages(answer["cursor"])
        self.assertFalse(self._page(cursor)["reset"])

    def test_restored_into_another_cluster(self):
        """Numbers of transactions of a backup mean nothing where it is restored."""
        [ticket] = self._sell("RESTORED")
        cursor, _told = self._pages()
        far = 10**15
        with self.registry.cursor() as cr:
            cr.execute("UPDATE scenic_gate_change_kept SET kept_from = %s", [f"{far}"])
            cr.execute("UPDATE scenic_gate_change_kept SET cluster = 1")
            cr.execute(
                "INSERT INTO scenic_gate_change (xid, ticket_id, at)"
                " VALUES (%s, %s, now() - interval '15 days')",
                [f"{far}", ticket],
            )
        # begun anew once at most: an old transaction of another database may hold the
        # number back from which this cluster's log is whole
        answer = self._page(cursor)
        if answer["reset"]:
            answer = self._page(answer["cursor"])
        self.assertEqual((answer["reset"], answer["more"]), (False, False))
        with self._env() as env:
            env["scenic.device"]._cron_prune_changes()
        with self.registry.cursor() as cr:
            self._touch(cr, ticket)
        answer = self._page(answer["cursor"])
        self.assertEqual((answer["reset"], answer["more"]), (False, False))
        self.assertEqual([t["id"] for t in answer["tickets"]], [ticket])

    def test_pruned_beside_a_transaction_that_still_runs(self):
        """Nobody's copy has to begin before it, again and again."""
        first, second = self._sell("OLD", 2)
        with self.registry.cursor() as slow:
            self._touch(slow, first)
            with self.registry.cursor() as quick:
                self._touch(quick, second)
            with self.registry.cursor() as cr:
                cr.execute("UPDATE scenic_gate_change SET at = at - interval '15 days'")
            with self._env() as env:
                env["scenic.device"]._cron_prune_changes()
            answer = self._page(self._page()["cursor"])
            self.assertEqual((answer["reset"], answer["more"]), (False, False))

    def test_what_changes_a_ticket(self):
        [ticket] = self._sell("CHANGE")
        cursor, _told = self._pages()
        for query, is_told in (
            ("UPDATE scenic_ticket SET state = 'frozen' WHERE id = %s", True),
            ("UPDATE scenic_ticket SET print_count = 1 WHERE id = %s", False),
            (
                "UPDATE scenic_entitlement SET entries_used = 1 WHERE ticket_id = %s",
                True,
            ),
            (
                "UPDATE scenic_entitlement SET amount_recognised = 1 "
                "WHERE ticket_id = %s",
                False,
            ),
            (
                "UPDATE scenic_credential SET state = 'frozen' WHERE ticket_id = %s",
                True,
            ),
            ("UPDATE scenic_credential SET issue = 1 WHERE ticket_id = %s", False),
        ):
            with self.registry.cursor() as cr:
                cr.execute(query, [ticket])
            cursor, told = self._pages(cursor)
            self.assertEqual(told, [ticket] if is_told else [], query)

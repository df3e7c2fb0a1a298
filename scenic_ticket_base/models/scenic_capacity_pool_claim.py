"""Decides who gets the last places, and whether a capacity may be lowered.

The decision is made by ``sql/capacity.sql``; this calls it and waits for others.
"""

import json
import logging
import time

import psycopg2.errors

from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools import SQL, format_date

from ..exceptions import CapacityError
from ..tools.autonomous import fetch_beside, has_own_transaction, side_cursor

_logger = logging.getLogger(__name__)
# How long a buyer waits for those who are taking the last places at this moment.
WAIT_SECONDS = 5.0


class ScenicCapacityPool(models.Model):
    _inherit = "scenic.capacity.pool"

    @api.model
    def _claim(self, requests, force, template):
        """Claim places for this transaction.

        :param list requests: dicts with pool, date, slot, channel, persons; each pool,
            date, slot and channel once
        :return: for each request how many persons are beyond the capacity
        :raise CapacityError:
        """
        self._flush_places()
        until = time.monotonic() + WAIT_SECONDS
        expired = False
        while True:
            answer = self._decide(
                requests,
                lambda xid, own, asked: SQL(
                    "SELECT scenic_capacity_take(%s, %s, %s::xid8, %s, %s)",
                    asked,
                    own,
                    xid,
                    fields.Datetime.now(),
                    force,
                ),
            )
            if answer["status"] == "taken":
                return answer["over"]
            if answer["status"] == "wait":
                if time.monotonic() < until:
                    self._wait_for(answer["owners"], until)
                    continue
                raise CapacityError(
                    self.env._(
                        "The last places are being sold at this moment. Please try "
                        "again in a minute."
                    )
                )
            if not expired and not answer["state"]["closed"]:
                expired = True
                if self._expire_overdue(requests):
                    continue
            self._raise_short(requests[answer["request"]], answer["state"], template)

    @api.model
    def _lower(self, changes):
        """Lower capacities, or refuse if more is taken.

        :param list changes: ``(pool, date, slot, capacity)``; without a date the
            default of the pool
        :raise CapacityError: CAPACITY_TAKEN
        """
        changes = [
            {
                "pool": pool.id,
                "date": fields.Date.to_string(day) if day else None,
                "slot": (slot and slot.id) or None,
                "capacity": capacity,
            }
            for pool, day, slot, capacity in changes
        ]
        if not changes:
            return
        self._flush_places()
        until = time.monotonic() + WAIT_SECONDS
        while True:
            answer = self._decide(
                changes,
                lambda xid, own, asked: SQL(
                    "SELECT scenic_capacity_lower(%s, %s, %s::xid8, %s, %s)",
                    asked,
                    own,
                    xid,
                    fields.Datetime.now(),
                    fields.Date.context_today(self),
                ),
            )
            if answer["status"] == "ok":
                return
            if answer["status"] == "wait" and time.monotonic() < until:
                self._wait_for(answer["owners"], until)
                continue
            break
        if answer["status"] == "wait":
            raise CapacityError(
                self.env._("Places are being sold at this moment. Please try again."),
                code="CAPACITY_TAKEN",
            )
        first = answer["buckets"][0]
        # sudo: places are counted for all, whatever the user may read
        slot_sudo = self.env["scenic.slot"].sudo().browse(first["slot"] or ())
        raise CapacityError(
            self.env._(
                "“%(pool)s” on %(when)s: %(taken)s places are taken, so the capacity "
                "cannot be %(capacity)s. To sell nothing more, close that day or slot.",
                pool=self.browse(first["pool"]).name,
                when=slot_sudo.display_name
                or format_date(self.env, fields.Date.to_date(first["date"])),
                taken=first["taken"],
                capacity=first["capacity"],
            ),
            code="CAPACITY_TAKEN",
        )

    @api.model
    def _fold(self):
        """Fold the changes of all buckets into their counts and drop old claims."""
        cr = self.env.cr
        # pylint: disable-next=no-search-all
        pools = self.with_context(active_test=False).search([]).ids
        lock_and_fold = SQL(
            "SELECT scenic_capacity_lock(%s); "
            "SELECT scenic_capacity_fold(NULL); "
            "DELETE FROM scenic_capacity_claim c "
            "WHERE pg_visible_in_snapshot(c.xid, pg_current_snapshot()) "
            "OR c.xid >= pg_snapshot_xmax(pg_current_snapshot())",
            pools,
        )
        if has_own_transaction(cr):
            with side_cursor(cr.dbname) as side:
                side.execute(lock_and_fold)
        else:
            cr.execute(lock_and_fold)

    # ------------------------------------------------------------------
    # The decision, see sql/capacity.sql
    # ------------------------------------------------------------------

    def _flush_places(self):
        """Let SQL see what this transaction changed."""
        for name in (
            "scenic.capacity.hold",
            "scenic.capacity.pool",
            "scenic.capacity.day",
            "scenic.capacity.share",
            "scenic.capacity.level",
            "scenic.slot",
        ):
            self.env[name].flush_model()

    def _decide(self, requests, statement):
        """Run a decision where it sees what is committed now.

        Pools and slots that this transaction made itself are unknown there; nobody
        else can know them, so they are decided here.
        """
        cr = self.env.cr
        if not has_own_transaction(cr):
            cr.execute(statement(None, "[]", json.dumps(requests)))
            return cr.fetchone()[0]
        buckets = [
            bucket_of(request["pool"], request["date"], request["slot"])
            for request in requests
            if request.get("date")
        ]
        cr.execute(
            SQL(
                "SELECT pg_current_xact_id()::text, pg_advisory_xact_lock("
                "hashtext('scenic_capacity_owner'), "
                "scenic_capacity_owner(pg_current_xact_id())), ("
                "SELECT COALESCE(jsonb_agg(to_jsonb(o)), '[]')::text FROM ("
                "SELECT bucket, channel_id AS channel, sum(held) AS held, "
                "sum(sold) AS sold FROM scenic_capacity_delta "
                "WHERE (bucket = ANY(%s) OR %s) AND xid = pg_current_xact_id() "
                "AND at = transaction_timestamp() GROUP BY 1, 2) o)",
                buckets,
                len(buckets) < len(requests),
            )
        )
        xid, _lock, own = cr.fetchone()
        [answer] = fetch_beside(cr.dbname, statement(xid, own, json.dumps(requests)))
        unknown = answer.get("unknown")
        if not unknown:
            return answer
        cr.execute(statement(None, "[]", json.dumps([requests[i] for i in unknown])))
        here = cr.fetchone()[0]
        if here["status"] != answer["status"]:
            if "request" in here:
                here["request"] = unknown[here["request"]]
            return here
        if "over" in here:
            for position, over in zip(unknown, here["over"], strict=True):
                answer["over"][position] = over
        return answer

    def _wait_for(self, owners, until):
        """Wait until other transactions are over, or it is too late.

        It is this transaction's own connection that waits, so PostgreSQL finds out
        when they wait for each other.
        """
        cr = self.env.cr
        began = time.monotonic()
        try:
            with cr.savepoint(flush=False):
                cr.execute(
                    "SELECT set_config('lock_timeout', %s, true)",
                    [f"{max(1, round((until - began) * 1000))}ms"],
                )
                for owner in sorted(owners or []):
                    cr.execute(
                        "SELECT pg_advisory_xact_lock_shared("
                        "hashtext('scenic_capacity_owner'), %s)",
                        [owner],
                        log_exceptions=False,
                    )
                cr.execute("SELECT set_config('lock_timeout', '0', true)")
        except psycopg2.errors.LockNotAvailable:
            return
        if time.monotonic() - began < 0.01:
            # it lost its lock by a savepoint that failed, but goes on
            time.sleep(0.02)

    def _expire_overdue(self, requests):
        """Expire bookings of these buckets whose time is over; tell if any was.

        They expire in a transaction of their own: whether this one succeeds does not
        matter to them, and its snapshot is too old to touch them. A booking that is
        being confirmed at this moment is locked and left alone.
        """
        self.env["scenic.booking"].flush_model(["state", "held_until"])
        rows = self.env.execute_query(
            SQL(
                "SELECT b.id FROM scenic_booking b WHERE b.state = 'held' "
                "AND b.held_until <= %s AND EXISTS (SELECT FROM scenic_booking_line l "
                "JOIN scenic_capacity_hold h ON h.booking_line_id = l.id "
                "WHERE l.booking_id = b.id AND h.state = 'held' "
                "AND h.bucket = ANY(%s)) ORDER BY b.id",
                fields.Datetime.now(),
                [bucket_of(r["pool"], r["date"], r["slot"]) for r in requests],
            )
        )
        ids = [id_ for (id_,) in rows]
        if not ids:
            return False
        cr = self.env.cr
        # sudo: whoever wants the places; the time is over for everybody
        mine_sudo = self.env["scenic.booking"].sudo().browse(ids)
        if has_own_transaction(cr):
            try:
                with side_cursor(cr.dbname) as side:
                    side.execute("SELECT set_config('lock_timeout', '2s', true)")
                    # several buyers: one expires, the others find it done
                    side.execute(
                        "SELECT pg_advisory_xact_lock("
                        "hashtext('scenic_capacity_expire'), 0)",
                        log_exceptions=False,
                    )
                    there = api.Environment(side, SUPERUSER_ID, {})["scenic.booking"]
                    known = there.browse(ids).exists()
                    known._expire()
            except psycopg2.OperationalError:
                _logger.info("overdue bookings could not be expired", exc_info=True)
                return False
            mine_sudo = mine_sudo.browse(set(ids) - set(known.ids))
        mine_sudo._expire()
        return True

    def _raise_short(self, request, state, template):
        """Say why there is no place, and what to do."""
        # sudo: the names of a pool that the seller may not be able to read
        pool_sudo = self.sudo().browse(request["pool"])
        channel_sudo = self.env["scenic.channel"].sudo().browse(request["channel"])
        slot_sudo = self.env["scenic.slot"].sudo().browse(request["slot"] or ())
        wanted = request["persons"]
        left = max(0, state["free"])
        day = fields.Date.to_date(request["date"])
        found = self._next_free(template, channel_sudo, day, slot_sudo, wanted)
        values = {
            "pool": pool_sudo.name,
            "when": slot_sudo.display_name or format_date(self.env, day),
            "wanted": wanted,
            "left": left,
            "channel": channel_sudo.name,
            "next": self._next_text(found),
        }
        taken = state["held"] + state["sold"] + state["pending"]
        code = "SOLD_OUT"
        if state["closed"]:
            code = "SLOT_CLOSED" if slot_sudo else "SALES_STOPPED"
            left = 0
            text = self.env._("“%(pool)s” is closed on %(when)s. %(next)s", **values)
        elif state["on_sale"] < state["capacity"] and taken >= state["on_sale"]:
            code = "SALES_STOPPED"
            text = self.env._(
                "“%(pool)s” on %(when)s: sales are stopped, the alert level is "
                "reached. %(next)s",
                **values,
            )
        elif state["free_all"] >= wanted:
            code = "CHANNEL_SOLD_OUT"
            text = self.env._(
                "“%(pool)s” on %(when)s: the channel %(channel)s has %(left)s places "
                "left, %(wanted)s are wanted. Other channels have more. %(next)s",
                **values,
            )
        elif left:
            text = self.env._(
                "“%(pool)s” on %(when)s: only %(left)s places are left, %(wanted)s "
                "are wanted. %(next)s",
                **values,
            )
        else:
            text = self.env._("“%(pool)s” on %(when)s is sold out. %(next)s", **values)
        raise CapacityError(text.strip(), code=code, left=left, next_free=found)


def bucket_of(pool_id, day, slot_id):
    """Return the number of a bucket, as ``scenic_capacity_bucket`` does."""
    if slot_id:
        return (pool_id << 32) + slot_id
    return (pool_id << 32) + fields.Date.to_date(day).toordinal()

import psycopg2.errors

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError
from odoo.tools import SQL, format_date

from ..exceptions import BookingError
from ..tools.lock_first import locks_first
from .scenic_credential import LIVE_STATES


class ScenicTicketHolder(models.Model):
    """Who a ticket, or a place in a group, was booked for.

    While a holder is live, the scope key keeps the same person from getting another
    ticket of the same scope; the database answers for that.
    """

    _name = "scenic.ticket.holder"
    _description = "Ticket Holder"
    _inherit = ["scenic.bulk"]
    _order = "id"
    _rec_name = "visitor_id"

    visitor_id = fields.Many2one(
        "scenic.visitor", required=True, readonly=True, index=True, ondelete="restrict"
    )
    booking_line_id = fields.Many2one(
        "scenic.booking.line",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    ticket_id = fields.Many2one(
        "scenic.ticket", readonly=True, index="btree_not_null", ondelete="restrict"
    )
    company_id = fields.Many2one(
        related="booking_line_id.company_id", store=True, index=True
    )
    site_id = fields.Many2one(
        "scenic.site", required=True, readonly=True, index=True, ondelete="restrict"
    )
    visit_date = fields.Date(readonly=True)
    doc_masked = fields.Char(related="visitor_id.doc_masked")
    doc_kind = fields.Selection(related="visitor_id.doc_kind")
    scope_key = fields.Char(
        readonly=True,
        help="Of what the person may have one only: site and day, time slot, or kind "
        "of ticket. Empty: as many as wanted.",
    )
    live = fields.Boolean(
        required=True,
        readonly=True,
        default=True,
        help="Not given back, cancelled or handed on to another person.",
    )
    released_at = fields.Datetime(string="Released on", readonly=True)

    _scope_unique = models.UniqueIndex(
        "(visitor_id, scope_key) WHERE live AND scope_key IS NOT NULL",
        "This document has a ticket for that day already.",
    )

    # ------------------------------------------------------------------
    # For the booking
    # ------------------------------------------------------------------

    @api.model
    def _check_visitors(self, template, quantity, free_persons, visitors, final=False):
        """Check that a line has the right number of visitors.

        :param template: ``product.template``
        :param visitors: what the line names, a list or records
        :param bool final: nobody comes later; before that some may be missing
        :raise BookingError: ``VISITORS_MISSING``, ``VISITORS_TOO_MANY``
        """
        count, most = len(visitors), quantity + free_persons
        if count > most:
            raise BookingError(
                self.env._(
                    "“%(product)s”: %(count)s visitors were named for %(most)s.",
                    product=template.display_name,
                    count=count,
                    most=most,
                ),
                code="VISITORS_TOO_MANY",
            )
        level = template.scenic_real_name
        if (
            final
            and level == "visitor"
            # a roster may be completed until the gate
            and template.scenic_ticket_kind != "group"
            and count < quantity
        ):
            raise BookingError(
                self.env._(
                    "“%(product)s” needs the name and document of every visitor: "
                    "%(count)s of %(quantity)s are known.",
                    product=template.display_name,
                    count=count,
                    quantity=quantity,
                ),
                code="VISITORS_MISSING",
            )

    @api.model
    def _register_visitors(self, line, visitors):
        """Register visitors who join a line later; see :meth:`_register_lines`."""
        return self._register_lines([(line, visitors)], proof_seen=False)

    @api.model
    def _register_lines(self, pairs, proof_seen=True):
        """Register visitors for booking lines, all of them or none.

        Real names need a document; without them a name is enough. To be called in
        the transaction of the hold, or later for a line that lacks visitors.

        :param pairs: ``[(scenic.booking.line, [visitor values])]``, the values as
            ``scenic.visitor._find_or_create_many`` takes them
        :param bool proof_seen: the proof that was checked at the sale, if one was,
            is that of these visitors
        :return: the ``scenic.ticket.holder`` records, as superuser
        :raise BookingError: ``VISITORS_TOO_MANY``, ``VISITOR_DOCUMENT``, ``ID_TAKEN``,
            ``GUARDIAN_MISSING`` and what is wrong with a document
        :raise EligibilityError: the concession is not for one of them
        """
        # sudo: no user has the right to create visitors or holders
        holders_sudo = self.sudo()
        values_list = []
        for line, visitors in pairs:
            line_sudo = line.sudo()
            template = line_sudo.product_id.product_tmpl_id
            self._check_visitors(
                template,
                line_sudo.quantity,
                line_sudo.free_persons,
                [*line_sudo.holder_ids.filtered("live"), *visitors],
            )
            for values in visitors:
                holders_sudo._check_document(template, values)
                values_list.append(values)
        if not values_list:
            return holders_sudo.browse()
        companies = {line.company_id for line, _visitors in pairs}
        [company] = companies
        visitors_sudo = self.env["scenic.visitor"]._find_or_create_many(
            values_list, company
        )
        known, start = [], 0
        for line, visitors in pairs:
            end = start + len(visitors)
            known.append((line, visitors_sudo[start:end]))
            self._check_concession(line, visitors, visitors_sudo[start:end], proof_seen)
            start = end
        return self._register_known(known)

    @api.model
    def _check_concession(self, line, visitors, visitors_sudo, proof_seen):
        """Check that a concession is for these visitors, by their documents.

        What was said of a birth date counts only where no document tells it.
        """
        line_sudo = line.sudo()  # sudo: callers answer for the right
        if not line_sudo.product_id.product_tmpl_id._scenic_concessions():
            return
        facts = [
            {**values, "birth_date": birth_date or values.get("birth_date")}
            for values, birth_date in zip(
                visitors, [v.birth_date for v in visitors_sudo], strict=True
            )
        ]
        self.env["scenic.eligibility"]._check(
            line_sudo.product_id,
            {
                "visit_date": line_sudo.visit_date,
                "visitors": facts,
                "accepted": line_sudo.holder_ids.filtered("live")._facts(),
                "proof_checked": proof_seen and line_sudo.proof_checked,
            },
        )

    def _facts(self):
        """Return what concessions ask of these holders, as far as it is known."""
        return [{"birth_date": holder.visitor_id.birth_date} for holder in self]

    @api.model
    def _register_known(self, pairs):
        """Register visitors who are on record; see :meth:`_register_lines`.

        :param pairs: ``[(scenic.booking.line, scenic.visitor records)]`` of one
            booking
        :raise BookingError: ``ID_TAKEN``, ``GUARDIAN_MISSING``, ``VISITOR_BLOCKED``
        """
        # sudo: no user has the right to create holders
        holders_sudo = self.sudo()
        rows, seen = [], {}
        for line, visitors in pairs:
            line_sudo = line.sudo()
            site = line_sudo.site_id
            today = fields.Date.context_today(self.with_context(tz=site.tz))
            self.env["scenic.blacklist"]._check(visitors, today, line_sudo.visit_date)
            for visitor in visitors:
                row = holders_sudo._prepare_holder(line_sudo, visitor.id)
                holders_sudo._once_per_order(line_sudo, row, seen)
                rows.append(row)
        created_sudo = holders_sudo._insert(rows)
        # sudo: no user has the right to write holders
        booking_sudo = pairs[0][0].sudo().booking_id
        everybody_sudo = booking_sudo.line_ids.holder_ids.filtered("live")
        everybody_sudo.visitor_id._check_guardian(booking_sudo.company_id)
        created_sudo._keep_visitors()
        return created_sudo

    @api.model
    def _check_document(self, template, values):
        if template.scenic_real_name != "none" and not (
            isinstance(values, dict) and values.get("doc_number")
        ):
            raise BookingError(
                self.env._(
                    "“%(product)s” is sold with real names: the document of a visitor "
                    "is missing.",
                    product=template.display_name,
                ),
                code="VISITOR_DOCUMENT",
            )

    @api.model
    def _prepare_holder(self, line, visitor_id):
        return {
            "visitor_id": visitor_id,
            "booking_line_id": line.id,
            "company_id": line.company_id.id,
            "site_id": line.site_id.id,
            "visit_date": line.visit_date,
            "scope_key": self._scope_key(
                line.product_id.product_tmpl_id,
                line.site_id,
                line.visit_date,
                line.slot_id,
            ),
        }

    @api.model
    def _scope_key(self, template, site, visit_date, slot):
        """Return of what one document may buy one, or False.

        A ticket without a visit date counts for the day of its sale.
        """
        scope = template.scenic_id_scope
        if template.scenic_real_name == "none" or scope in (False, "none"):
            return False
        day = visit_date or fields.Date.context_today(self.with_context(tz=site.tz))
        if scope == "type":
            return f"type:{template.id}:{day}"
        if scope == "slot" and slot:
            return f"slot:{site.id}:{day}:{slot.id}"
        return f"day:{site.id}:{day}"

    @api.model
    def _once_per_order(self, line, row, seen):
        """With one person per order, the person counts once, not for each line."""
        if not _stands_for_all(line):
            return
        if line.booking_id not in seen:
            seen[line.booking_id] = {
                (holder.visitor_id.id, holder.scope_key)
                for holder in line.booking_id.line_ids.holder_ids
                if holder.live
            }
        key = (row["visitor_id"], row["scope_key"])
        if key in seen[line.booking_id]:
            row["scope_key"] = False
        seen[line.booking_id].add(key)

    @api.model
    def _insert(self, rows):
        """Create holders; the database refuses a second ticket of one scope.

        :raise BookingError: ``ID_TAKEN``
        """
        self._check_free(rows)
        try:
            with self.env.cr.savepoint():
                return self._bulk_create(rows)
        except psycopg2.errors.UniqueViolation as error:
            # lock: another order took the document at this moment; the framework
            # calls again, and then it is seen
            raise ConcurrencyError("ticket holder") from error

    @api.model
    def _check_free(self, rows):
        """Check that no visitor has, or gets, two live tickets of one scope."""
        wanted = set()
        taken = None
        for row in rows:
            key = (row["visitor_id"], row["scope_key"])
            if row["scope_key"]:
                taken = taken or (row if key in wanted else None)
                wanted.add(key)
        if not wanted:
            return
        found = self._find_taken(wanted)
        if found:
            # sudo: whoever buys; the time of those orders is over for everybody
            bookings_sudo = self.env["scenic.booking"].sudo()
            if bookings_sudo.browse(id_ for _v, _key, id_ in found)._expire():
                found = self._find_taken(wanted)
        if found and not taken:
            by_key = {(row["visitor_id"], row["scope_key"]): row for row in rows}
            taken = by_key[tuple(found[0][:2])]
        if taken:
            self._raise_taken(taken)

    @api.model
    def _find_taken(self, wanted):
        """Return who has what is wanted.

        :param set wanted: ``{(visitor id, scope key)}``
        :return: list of ``(visitor id, scope key, booking id)``
        """
        self.flush_model()
        return self.env.execute_query(
            SQL(
                "SELECT h.visitor_id, h.scope_key, l.booking_id "
                "FROM scenic_ticket_holder h "
                "JOIN scenic_booking_line l ON l.id = h.booking_line_id "
                "WHERE h.live AND (h.visitor_id, h.scope_key) IN %s",
                tuple(wanted),
            )
        )

    @api.model
    def _refusals(self, template, visit_date, slot, visitors):
        """Tell who could not have a ticket; nothing changes, the sale decides.

        :param template: ``product.template``
        :param date visit_date: maybe None
        :param slot: ``scenic.slot``, maybe empty
        :param visitors: ``scenic.visitor`` records
        :return: dict of ids of visitors to the ``BookingError`` that a sale would raise
        """
        # sudo: callers answer for the right to sell
        holders_sudo = self.sudo()
        site = template.scenic_site_id
        today = fields.Date.context_today(self.with_context(tz=site.tz))
        key = holders_sudo._scope_key(template, site, visit_date, slot)
        result = {}
        for visitor_id in visitors.ids:
            try:
                self.env["scenic.blacklist"]._check(
                    visitors.browse(visitor_id), today, visit_date
                )
            except BookingError as error:
                result[visitor_id] = error
        if not key or not visitors:
            return result
        found = holders_sudo._find_taken({(id_, key) for id_ in visitors.ids})
        for visitor_id, _key, booking_id in found:
            if not holders_sudo.env["scenic.booking"].browse(booking_id)._is_over():
                row = {"visitor_id": visitor_id, "visit_date": visit_date}
                result.setdefault(visitor_id, holders_sudo._taken_error(row))
        return result

    @api.model
    def _raise_taken(self, row):
        raise self._taken_error(row)

    @api.model
    def _taken_error(self, row):
        visitor = self.env["scenic.visitor"].browse(row["visitor_id"])
        day = row["visit_date"] or fields.Date.context_today(self)
        return BookingError(
            self.env._(
                "The document ending in %(last)s has a ticket for %(date)s already.",
                last=visitor.doc_last4 or "–",
                date=format_date(self.env, day),
            ),
            code="ID_TAKEN",
        )

    # ------------------------------------------------------------------
    # For the tickets
    # ------------------------------------------------------------------

    @api.model
    def _assign(self, tickets):
        """Give new tickets of confirmed lines to their holders, document included.

        Each individual ticket gets one visitor, a group ticket all of its line. With
        one person per order the document opens every ticket of the line.

        :raise BookingError: ``VISITORS_MISSING``
        """
        # sudo: no user has the right to write tickets, holders and credentials
        tickets_sudo = tickets.sudo()
        lines_sudo = tickets_sudo.booking_line_id
        self._check_complete(lines_sudo)
        by_line = {}
        for ticket_sudo in tickets_sudo.sorted("id"):
            by_line.setdefault(ticket_sudo.booking_line_id, []).append(ticket_sudo)
        shares = []
        for line_sudo, line_tickets in by_line.items():
            holders_sudo = line_sudo.holder_ids.filtered("live").sorted("id")
            if not _stands_for_all(line_sudo):
                # tickets that come later are for those who came later
                holders_sudo = holders_sudo.filtered(lambda h: not h.ticket_id)
            shares += _share(line_sudo, line_tickets, holders_sudo)
        self._hand_out(shares)

    @api.model
    def _hand_out(self, shares):
        """Give tickets to holders.

        :param list shares: ``[(ticket, holders)]``, as superuser
        """
        media, holder_of, visitor_of = [], {}, {}
        shares = [share for share in shares if share[1]]
        if not shares:
            return
        # by their ids: a union for each ticket would take the square of their number
        # sudo: no user has the right to write holders
        holders_sudo = self.sudo().browse(
            dict.fromkeys(id_ for _ticket, group in shares for id_ in group._ids)
        )
        tickets_sudo = holders_sudo.env["scenic.ticket"].browse(
            dict.fromkeys(ticket.id for ticket, _group in shares)
        )
        for ticket_sudo, group_sudo in shares:
            for holder_sudo in group_sudo:
                if not holder_sudo.ticket_id:
                    holder_of.setdefault(holder_sudo.id, ticket_sudo.id)
                if holder_sudo.visitor_id.doc_lookup:
                    media.append((ticket_sudo, holder_sudo.visitor_id))
            if not ticket_sudo.visitor_id:
                visitor_of[ticket_sudo.id] = group_sudo[0].visitor_id.id
        self._write_pairs("scenic_ticket_holder", "ticket_id", holder_of)
        self._write_pairs("scenic_ticket", "visitor_id", visitor_of)
        holders_sudo.invalidate_recordset(["ticket_id"])
        tickets_sudo.invalidate_recordset(
            ["visitor_id", "holder_ids", "holders_missing"]
        )
        self._issue_documents(media)
        holders_sudo._keep_visitors()

    @api.model
    def _complete_roster(self, line, visitors, reason=None):
        """Add visitors to a confirmed line that lacks some, until the first use.

        :param visitors: as for :meth:`_register_lines`
        :return: the new holders, as superuser
        :raise BookingError, TicketUsedError, TicketStateError:
        """
        line_sudo = line.sudo()  # sudo: callers answer for the right
        tickets_sudo = line_sudo.ticket_ids.filtered(lambda t: t.state in LIVE_STATES)
        tickets_sudo._lock()
        tickets_sudo._check_state(("valid", "frozen"))
        tickets_sudo._check_unused()
        new_sudo = self._register_visitors(line, visitors)
        self._hand_out(_share(line_sudo, tickets_sudo.sorted("id"), new_sudo))
        if not all(holder_sudo.ticket_id for holder_sudo in new_sudo):
            raise BookingError(
                self.env._("Every ticket of this line has its visitor already."),
                code="VISITORS_TOO_MANY",
            )
        self.env["scenic.audit"]._log(
            "holder_change",
            line_sudo.booking_id,
            reason=reason,
            after={"holders": [v._audit_name() for v in new_sudo.visitor_id]},
        )
        return new_sudo

    @api.model
    def _set_visitors(self, line, visitors, reason=None):
        """Make these, and nobody else, the visitors of a line.

        Who was there before stays; who is not named any more is released; the tickets
        of those go to the new ones, in order. To be called after date, slot and
        number of persons were changed, and before :meth:`_assign` of new tickets.

        :param visitors: all who come, as for :meth:`_register_lines`
        :return: the live holders of the line, as superuser
        :raise BookingError, TicketUsedError, TicketStateError:
        """
        line_sudo = line.sudo()  # sudo: callers answer for the right
        live_sudo = line_sudo.holder_ids.filtered("live").sorted("id")
        wanted_sudo = self.env["scenic.visitor"]._find_or_create_many(
            visitors, line_sudo.company_id
        )
        gone_sudo = live_sudo.filtered(lambda h: h.visitor_id not in wanted_sudo)
        new = [
            values
            for values, visitor_sudo in zip(
                visitors,
                [wanted_sudo.browse(id_) for id_ in wanted_sudo._ids],
                strict=True,
            )
            if visitor_sudo not in live_sudo.visitor_id
        ]
        issued_sudo = gone_sudo.filtered("ticket_id")
        for holder_sudo, values in zip(issued_sudo, new, strict=False):
            holder_sudo._replace(values, reason)
        new = new[len(issued_sudo) :]
        rest_sudo = gone_sudo.filtered("live")
        rest_sudo._release()
        rest_sudo.ticket_id._take_documents(rest_sudo.visitor_id)
        if new:
            new_sudo = self._register_visitors(line, new)
            tickets_sudo = line_sudo.ticket_ids.filtered(
                lambda t: t.state in LIVE_STATES
            )
            self._hand_out(_share(line_sudo, tickets_sudo.sorted("id"), new_sudo))
        return line_sudo.holder_ids.filtered("live")

    @api.model
    def _check_complete(self, lines_sudo):
        for line_sudo in lines_sudo:
            template = line_sudo.product_id.product_tmpl_id
            self._check_visitors(
                template,
                line_sudo.quantity,
                line_sudo.free_persons,
                line_sudo.holder_ids.filtered("live"),
                final=True,
            )
        for booking_sudo in lines_sudo.booking_id:
            lines = booking_sudo.line_ids
            named = lines.filtered(_stands_for_all)
            if named and not lines.holder_ids.filtered("live"):
                raise BookingError(
                    self.env._(
                        "“%(product)s” needs the name and document of one person.",
                        product=named[0].product_id.display_name,
                    ),
                    code="VISITORS_MISSING",
                )

    @api.model
    def _write_pairs(self, table, column, values):
        """Write one column of many rows in one statement."""
        if not values:
            return
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                "UPDATE %s r SET %s = v.value FROM (VALUES %s) AS v (id, value) "
                "WHERE r.id = v.id",
                SQL.identifier(table),
                SQL.identifier(column),
                SQL(", ").join(
                    SQL("(%s::integer, %s::integer)", *pair) for pair in values.items()
                ),
            )
        )

    @api.model
    def _issue_documents(self, media):
        """Let documents open tickets.

        :param list media: ``[(ticket, visitor)]``, as superuser
        """
        # sudo: no user has the right to write holders
        self.env["scenic.credential"].sudo()._bulk_create(
            [
                {
                    "ticket_id": ticket.id,
                    "company_id": ticket.company_id.id,
                    "kind": "id_document",
                    "lookup": visitor.doc_lookup,
                    "last_four": visitor.doc_last4,
                    "active": True,
                }
                for ticket, visitor in dict.fromkeys(media)
            ]
        )

    def _keep_visitors(self):
        """Keep the data of these visitors until the last of the tickets is over."""
        last_days = self.visitor_id._last_days()
        for visitor in self.visitor_id:
            if visitor.id in last_days:
                day = visitor._shred_day(visitor.company_id, last_days[visitor.id])
                if not visitor.shred_on or visitor.shred_on < day:
                    visitor.shred_on = day

    def _release(self):
        """Free the documents: what they were bought for is given back."""
        # sudo: no user has the right to write holders
        live_sudo = self.sudo().filtered("live")
        live_sudo.write({"live": False, "released_at": fields.Datetime.now()})
        live_sudo.flush_recordset()

    def _move(self):
        """Take over date and slot of the booking lines after a change.

        :raise BookingError: ``ID_TAKEN``, a document has a ticket for the new day
        """
        # sudo: no user has the right to write holders
        holders_sudo = self.sudo().filtered("live")
        rows = []
        for holder_sudo in holders_sudo:
            line_sudo = holder_sudo.booking_line_id
            row = holder_sudo._prepare_holder(line_sudo, holder_sudo.visitor_id.id)
            if not holder_sudo.scope_key:
                row["scope_key"] = False
            rows.append(row)
        holders_sudo._change_scope(rows)
        holders_sudo._keep_visitors()

    def _reserve_day(self, day, slot):
        """Let documents of tickets without a date stand for a day that is reserved.

        :param day: None: nothing is reserved any more
        :raise BookingError: ``ID_TAKEN``, a document has a ticket for that day
        """
        # sudo: no user has the right to write holders
        holders_sudo = self.sudo().filtered(
            lambda h: (
                h.live
                and not h.visit_date
                # who stands for a whole order counts once for it, not for each ticket
                and not _stands_for_all(h.booking_line_id)
            )
        )
        rows = []
        for holder_sudo in holders_sudo:
            line_sudo = holder_sudo.booking_line_id
            template = line_sudo.product_id.product_tmpl_id
            scope_key = day and self._scope_key(template, line_sudo.site_id, day, slot)
            rows.append(
                {
                    **holder_sudo._prepare_holder(line_sudo, holder_sudo.visitor_id.id),
                    "scope_key": scope_key or False,
                }
            )
        holders_sudo._change_scope(rows)

    def _change_scope(self, rows):
        """Write date and scope of holders.

        :param rows: one for each of these holders, as :meth:`_prepare_holder` makes it
        :raise BookingError: ``ID_TAKEN``
        """
        changed = [
            (holder, row)
            for holder, row in zip(self, rows, strict=True)
            if (holder.scope_key, holder.visit_date)
            != (row["scope_key"], row["visit_date"])
        ]
        moving = [(h, row) for h, row in changed if h.scope_key != row["scope_key"]]
        self._check_free([row for _holder, row in moving])
        try:
            with self.env.cr.savepoint():
                for (visit_date, scope_key), group in _grouped(changed):
                    group.write({"visit_date": visit_date, "scope_key": scope_key})
                    group.flush_recordset()
        except psycopg2.errors.UniqueViolation as error:
            # lock: another order took the document at this moment; called again
            raise ConcurrencyError("ticket holder") from error

    @locks_first(lambda holder: holder.sudo().ticket_id._lock_names())  # sudo: ids
    def _replace(self, values, reason):
        """Hand a ticket on to another person, until its first use (换人).

        :param dict values: the new visitor, as for :meth:`_register_lines`
        :return: the new holder, as superuser
        :raise BookingError: ``VISITOR_FIXED`` if the product does not allow it
        :raise TicketUsedError, TicketStateError, ReasonMissingError:
        """
        self.ensure_one()
        # sudo: no user has the right to write holders; callers answer for the right
        holder_sudo = self.sudo()
        template = holder_sudo.booking_line_id.product_id.product_tmpl_id
        if not template.scenic_visitor_change or holder_sudo.ticket_id.membership_id:
            raise BookingError(
                self.env._(
                    "“%(product)s” stays with the person it was sold to.",
                    product=template.display_name,
                ),
                code="VISITOR_FIXED",
            )
        ticket_sudo = holder_sudo.ticket_id
        if _stands_for_all(holder_sudo.booking_line_id):
            ticket_sudo = holder_sudo.booking_line_id.ticket_ids.filtered(
                lambda t: t.state in LIVE_STATES
            )
        ticket_sudo = ticket_sudo._lock_for_change(reason)
        holder_sudo.invalidate_recordset()
        if not holder_sudo.live:
            raise BookingError(
                self.env._("This person does not hold the ticket any more."),
                code="VISITOR_RELEASED",
            )
        ticket_sudo._check_state(("held", "valid"))
        ticket_sudo._check_unused()
        old_visitor_sudo = holder_sudo.visitor_id
        holder_sudo._release()
        new_sudo = self._register_visitors(holder_sudo.booking_line_id, [values])
        if ticket_sudo:
            new_sudo.ticket_id = ticket_sudo[0]
            ticket_sudo._hand_on(old_visitor_sudo, new_sudo.visitor_id, reason)
            new_sudo._keep_visitors()
        self.env["scenic.audit"]._log(
            "holder_change",
            ticket_sudo or holder_sudo,
            reason=reason,
            before={"holder": old_visitor_sudo._audit_name()},
            after={"holder": new_sudo.visitor_id._audit_name()},
        )
        return new_sudo


def _stands_for_all(line):
    """Tell whether one person stands for all tickets of a line."""
    return line.product_id.scenic_real_name == "order"


def _share(line, tickets, holders):
    """Return ``[(ticket, holders)]`` of a line, as many to a ticket as it has room.

    Who finds no room is left out.
    """
    if not holders:
        return []
    if _stands_for_all(line):
        return [(ticket, holders) for ticket in tickets]
    shares = []
    for ticket in tickets:
        seated = len(ticket.holder_ids.filtered("live"))
        room = max(ticket.persons - ticket.persons_refunded - seated, 0)
        shares.append((ticket, holders[:room]))
        holders = holders[room:]
    return shares


def _grouped(changed):
    groups = {}
    for holder, row in changed:
        key = (row["visit_date"], row["scope_key"])
        groups[key] = groups.get(key, holder.browse()) | holder
    return groups.items()

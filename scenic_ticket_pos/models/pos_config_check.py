"""Check at the window: any ticket, what happened to it, and the remedy."""

from odoo import models
from odoo.tools import format_amount

from odoo.addons.scenic_ticket_base.tools.lock_first import lock_first

from ..exceptions import WindowChangeError, WindowCheckError


class PosConfig(models.Model):
    _inherit = "pos.config"

    def scenic_check(self, text):
        """Open the case of a ticket that somebody brings to the window.

        :param str text: as scanned or typed: a code, a card, a document, or the
            number of the ticket
        :return: list of cases, see ``scenic.ticket._pos_case``; a document may have
            several tickets
        :raise WindowCheckError: CHECK_UNKNOWN, CHECK_TEXT
        """
        self._scenic_check_desk()
        text = self._scenic_text(text)
        tickets = self._scenic_tickets_of(text)
        if not tickets and text.isdecimal():
            tickets = self.env["scenic.ticket"].search(
                [
                    ("name", "in", [text, text.zfill(10)]),
                    ("company_id", "=", self.company_id.id),
                ]
            )
        if not tickets:
            raise WindowCheckError(
                self.env._(
                    "No ticket of this park is found by “%(text)s”. Clean the code and "
                    "scan it again, or type the number of the ticket. A ticket of "
                    "another company is checked at its own window.",
                    text=text[:40],
                ),
                code="CHECK_UNKNOWN",
            )
        return [ticket._pos_case() for ticket in tickets]

    # ------------------------------------------------------------
    # Another day or slot
    # ------------------------------------------------------------

    def scenic_change_quote(self, ticket_id, visit_date, slot_id=None):
        """Tell what another day or slot costs; nothing changes.

        :param int ticket_id: ``scenic.ticket``; the tickets of its line move together
        :param str visit_date: the new day
        :param int slot_id: ``scenic.slot``, where the day is visited by slot
        :return: dict of ``difference`` (below zero: paid back), ``fee``, ``text`` of
            both, ``tickets`` (how many move), ``lines``: values of the order that
            moves the money, none if none moves
        :raise WindowChangeError, BookingError, TicketStateError: not possible
        """
        self._scenic_check_desk()
        [ticket] = self._scenic_own_tickets([ticket_id])
        # sudo: what a change costs does not depend on who asks
        ticket_sudo = ticket.sudo()
        change = ticket_sudo._pos_prepare_change(visit_date, slot_id)
        ticket_sudo._pos_check_other_visit(change)
        cost = ticket_sudo._pos_change_quote(visit_date, slot_id)
        return {
            "difference": cost["difference_total"],
            "fee": cost["change_fee"],
            "text": self._scenic_cost_text(cost),
            "tickets": len(ticket_sudo._pos_moved_together()),
            "lines": self._scenic_change_values(ticket_sudo, cost),
        }

    def _scenic_cost_text(self, cost):
        """What the cashier tells the visitor before a change."""
        currency = self.company_id.currency_id
        difference, fee = cost["difference_total"], cost["change_fee"]
        amount = format_amount(self.env, abs(difference), currency)
        if difference > 0:
            texts = [self.env._("To pay: %(amount)s", amount=amount)]
        elif difference < 0:
            texts = [self.env._("To pay back: %(amount)s", amount=amount)]
        else:
            texts = [self.env._("No difference in price")]
        if fee:
            text = format_amount(self.env, fee, currency)
            texts.append(self.env._("Fee of the change: %(fee)s", fee=text))
        return "\n".join(texts)

    def _scenic_change_values(self, ticket_sudo, cost):
        """Return the lines of the order that takes or pays back what a change costs."""
        if not cost["difference_total"] and not cost["change_fee"]:
            return []
        sold_sudo = ticket_sudo.pos_order_line_id
        taxes_sudo = sold_sudo.tax_ids or ticket_sudo.product_id.taxes_id
        wanted = [(ticket_sudo.product_id, cost["difference_total"], taxes_sudo)]
        if cost["change_fee"]:
            # sudo: the product of the module, whoever may read it
            fee_sudo = self.env.ref("scenic_ticket_pos.product_change_fee").sudo()
            # with the taxes of the ticket: what it is a fee for decides on them
            wanted.append((fee_sudo, cost["change_fee"], taxes_sudo))
        values = []
        for product_sudo, amount, taxes_sudo in wanted:
            taxes_sudo = taxes_sudo._filter_taxes_by_company(self.company_id)
            included = all(taxes_sudo.mapped("price_include"))
            values.append(
                {
                    "product_id": product_sudo.id,
                    "qty": -1 if amount < 0 else 1,
                    "price_unit": abs(amount)
                    if included
                    else self._scenic_price_without(taxes_sudo, abs(amount)),
                    "tax_ids": taxes_sudo.ids,
                }
            )
        return values

    def _scenic_price_without(self, taxes, amount):
        """Return the price, not rounded, that comes to an amount with its taxes."""
        base_line = taxes._prepare_base_line_for_taxes_computation(
            {},
            currency_id=self.company_id.currency_id,
            price_unit=amount,
            quantity=1,
            tax_ids=taxes,
            special_mode="total_included",
        )
        taxes._add_tax_details_in_base_line(base_line, self.company_id)
        return base_line["tax_details"]["raw_total_excluded_currency"]

    def scenic_change(self, ticket_id, visit_date, slot_id, key):
        """Change day or slot where that costs nothing; the tickets get new codes.

        What costs something, or pays something back, is changed by the order that
        moves the money.

        :param str key: the window's word for this request
        :return: the changed tickets to print, as ``scenic_collect`` gives them
        :raise WindowChangeError: CHANGE_COSTS, there is a difference; CHANGE_SAME
        """
        self._scenic_check_desk()
        [ticket] = self._scenic_own_tickets([ticket_id])
        # sudo: only the names of the locks
        names = ticket.sudo()._lock_names()
        return lock_first(
            self.env,
            names,
            lambda: self._scenic_change(ticket.id, visit_date, slot_id, key),
        )

    def _scenic_change(self, ticket_id, visit_date, slot_id, key):
        [ticket] = self._scenic_own_tickets([ticket_id])
        # sudo: the right to serve was checked; nobody may write tickets
        ticket_sudo = ticket.sudo()
        change = ticket_sudo._pos_prepare_change(visit_date, slot_id)
        booking_sudo = ticket_sudo.booking_id
        request_key = f"window change {key}"
        requests_sudo = self.env["scenic.booking.request"].sudo()
        known_sudo = requests_sudo.search(
            [
                ("booking_id", "=", booking_sudo.id),
                ("key", "=", request_key),
            ]
        )
        if not known_sudo:
            ticket_sudo._pos_check_other_visit(change)
            cost = ticket_sudo._pos_change_quote(visit_date, slot_id)
            if cost["difference_total"] or cost["change_fee"]:
                raise WindowChangeError(
                    self.env._(
                        "This change costs something by now. Choose the day again to "
                        "take or pay back the difference."
                    ),
                    code="CHANGE_COSTS",
                )
        moved_sudo = ticket_sudo._pos_moved_together().sorted("number")
        # what was paid stays as it is, to the cent of its tax
        change.update(
            price_unit=ticket_sudo.booking_line_id.price_unit,
            amount_untaxed=sum(moved_sudo.mapped("amount_untaxed")),
            amount_total=sum(moved_sudo.mapped("amount_total")),
        )
        booking_sudo._amend(
            [change], self.env._("Changed at %(window)s", window=self.name), request_key
        )
        due_sudo = moved_sudo.filtered(lambda t: t._pos_is_due())
        printed_sudo = moved_sudo - due_sudo
        if not known_sudo:
            printed_sudo._count_print("receipt", self.name, booking_sudo)
        return self._scenic_print_data(printed_sudo, ticket.booking_id)

    # ------------------------------------------------------------
    # New code
    # ------------------------------------------------------------

    def scenic_reissue(self, ticket_id, issue, reason):
        """Give a ticket a new code; the old one opens nothing from this moment on.

        :param int issue: the issue of the code that the cashier was shown: a request
            that is sent again, or from two windows, makes one new code
        :param str reason: for the audit trail
        :return: the ticket to print, as ``scenic_collect`` gives it
        :raise WindowCheckError: CHECK_ISSUE, somebody replaced the code meanwhile
        """
        self._scenic_check_desk()
        [ticket] = self._scenic_own_tickets([ticket_id])
        # sudo: only the names of the locks
        names = ticket.sudo()._lock_names()
        return lock_first(
            self.env, names, lambda: self._scenic_reissue(ticket.id, issue, reason)
        )

    def _scenic_reissue(self, ticket_id, issue, reason):
        [ticket] = self._scenic_own_tickets([ticket_id])
        # sudo: the right to serve was checked; nobody may write tickets
        ticket_sudo = ticket.sudo()
        ticket_sudo._lock()
        refusal = ticket_sudo._pos_reissue_refusal()
        if refusal:
            raise WindowCheckError(refusal, code="CHECK_STATE")
        if ticket_sudo._code("qr").issue != issue:
            raise WindowCheckError(
                self.env._(
                    "The code of ticket %(ticket)s was replaced meanwhile. Scan the "
                    "newer paper, or look at the ticket again.",
                    ticket=ticket.name,
                ),
                code="CHECK_ISSUE",
            )
        ticket_sudo._reissue(reason)
        ticket_sudo._count_print("receipt", self.name, ticket.booking_id)
        return self._scenic_print_data(ticket_sudo, ticket.booking_id)

    # ------------------------------------------------------------
    # Money back
    # ------------------------------------------------------------

    def scenic_ticket_refund(self, ticket_id, persons=None):
        """Tell what refunding this very ticket gives back, and by which line.

        :param int persons: so many of a group; None: all that are left
        :return: as ``pos.order.scenic_refund_quote`` tells it of a line, with
            ``order_id``, ``line_id`` (that sold it), ``persons``
        """
        self._scenic_check_desk()
        [ticket] = self._scenic_own_tickets([ticket_id])
        # sudo: the order that sold it may be of another window
        ticket_sudo = ticket.sudo()
        origin_sudo = ticket_sudo.pos_order_line_id
        if not origin_sudo:
            raise WindowCheckError(
                ticket_sudo._pos_refund_refusal(), code="CHECK_ELSEWHERE"
            )
        wanted = persons if type(persons) is int and persons > 0 else None
        return {
            **origin_sudo._scenic_ticket_quote(ticket_sudo, wanted),
            "order_id": origin_sudo.order_id.id,
            "line_id": origin_sudo.id,
        }

    def scenic_exception(self, ticket_id, user_id, pin, reason):
        """Let a supervisor grant a refund beyond the policy, by PIN at the window.

        The cashier asks and the supervisor decides, as in the office: both are kept.

        :param int user_id: the supervisor, ``res.users``
        :param str pin: as the supervisor typed it
        :param str reason: why the rules should not hold this time
        :return: ``{"granted": bool, "message": why not, or False}``; a wrong PIN is
            an answer and no error, for its count has to stay
        :raise OverrideError, RefundError: there is nothing to grant
        """
        self._scenic_check_desk()
        [ticket] = self._scenic_own_tickets([ticket_id])
        pins = self.env["scenic.window.pin"]
        names = [pins._lock_name(user_id), *ticket.sudo()._lock_names()]  # sudo: ids
        return lock_first(
            self.env,
            names,
            lambda: self._scenic_exception(ticket.id, user_id, pin, reason),
        )

    def _scenic_exception(self, ticket_id, user_id, pin, reason):
        [ticket] = self._scenic_own_tickets([ticket_id])
        # sudo: who may decide, for whoever asks
        ticket_sudo = ticket.sudo()
        pins = self.env["scenic.window.pin"]
        supervisor = pins._approvers(ticket_sudo, self.env.user).filtered(
            # 7.0 is another name to the lock, and no other user
            lambda user: type(user_id) is int and user.id == user_id
        )
        if not supervisor:
            return {
                "granted": False,
                "message": self.env._(
                    "This person may not decide on it. Choose another supervisor."
                ),
            }
        refusal = pins._refuse(supervisor, pin)
        if refusal:
            return {"granted": False, "message": refusal}
        override = self.env["scenic.refund.override"]._request(ticket, reason)
        override.with_user(supervisor).with_context(
            allowed_company_ids=self.company_id.ids
        )._decide("approved")
        return {"granted": True, "message": False}

    def scenic_approvers(self, ticket_id):
        """Return who can grant an exception by PIN: ``[{"id", "name"}]``."""
        self._scenic_check_desk()
        [ticket] = self._scenic_own_tickets([ticket_id])
        # sudo: names of supervisors, for the cashier to choose from
        approvers = self.env["scenic.window.pin"]._approvers(
            ticket.sudo(), self.env.user
        )
        return [{"id": user.id, "name": user.name} for user in approvers]

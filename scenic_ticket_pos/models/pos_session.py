import math

from odoo import api, models

from odoo.addons.scenic_ticket_base.tools.lock_first import lock_first

from ..exceptions import WindowRightError, WindowShiftError
from .scenic_ticket import CASHIER_GROUP


class PosSession(models.Model):
    _inherit = "pos.session"

    @api.model
    def _load_pos_data_models(self, config):
        return super()._load_pos_data_models(config) + [
            "scenic.site",
            "scenic.validity.rule",
            "scenic.slot",
            "scenic.ticket",
            "scenic.membership",
        ]

    @api.model
    def _load_pos_data_relations(self, model, fields):
        relations = super()._load_pos_data_relations(model, fields)
        if model == "pos.order.line":
            for name in (
                "scenic_ticket_ids",
                "scenic_refunded_ticket_ids",
                "scenic_changed_ticket_ids",
            ):
                if name in relations:
                    # The server links tickets; the window never sends them back.
                    relations[name]["compute"] = True
            for name in ("scenic_refund_ticket_id", "scenic_change_ticket_id"):
                if name in relations:
                    # The window keeps no tickets over a reload of its page; what a
                    # line is about must not get lost with them.
                    relations[name] = {
                        "name": name,
                        "type": "integer",
                        "compute": False,
                        "related": False,
                    }
        return relations

    # ------------------------------------------------------------
    # SHIFTS
    # ------------------------------------------------------------

    def scenic_shift_data(self):
        """Return what the cashier is about to hand over: see ``scenic.shift``.

        :raise WindowShiftError: SHIFT_NONE, there is nothing to hand over
        """
        self._scenic_check_window()
        return self.env["scenic.shift"]._own(self)._pos_data()

    def scenic_hand_over(self, shift_id, counted, remark="", bills=None):
        """Close the shift of the cashier with what he has counted.

        Sent again, the same gives the first answer.

        :param int shift_id: the shift that :meth:`scenic_shift_data` told
        :param dict counted: ``{payment method id: amount}``
        :param str remark: what the cashier knows about a difference
        :param dict bills: ``{value: number}`` of notes and coins
        :return: the sheet as it was closed, to be printed
        """
        self._scenic_check_window()
        shifts = self.env["scenic.shift"]
        counted = self._scenic_amounts(counted, int)
        bills = self._scenic_amounts(bills or {}, float)
        if not isinstance(shift_id, int) or any(
            value <= 0 or number < 0 or number % 1 for value, number in bills.items()
        ):
            self._scenic_raise_unreadable()
        args = (
            shift_id,
            counted,
            str(remark or "").strip(),
            {value: int(number) for value, number in bills.items() if number},
        )
        return lock_first(
            self.env,
            [shifts._lock_name(self.env.user)],
            lambda: shifts._hand_over(self, *args)._pos_data(),
        )

    def _scenic_check_window(self):
        """Check that the user sells at this window.

        :raise AccessError, WindowRightError: he has no right to
        """
        self.ensure_one()
        self.check_access("read")
        if not (self.env.su or self.env.user.has_group(CASHIER_GROUP)):
            raise WindowRightError(
                self.env._(
                    "%(user)s may not hand over a shift. Ask the ticketing manager for "
                    'the right "Cashier".',
                    user=self.env.user.name,
                )
            )

    def _scenic_amounts(self, amounts, kind):
        """Read a dict that a client sent, whose keys became texts on the way."""
        try:
            result = {kind(key): float(amount) for key, amount in amounts.items()}
        except (AttributeError, TypeError, ValueError):
            self._scenic_raise_unreadable()
        if not all(map(math.isfinite, [*result, *result.values()])):
            self._scenic_raise_unreadable()
        return result

    def _scenic_raise_unreadable(self):
        raise WindowShiftError(
            self.env._("The amounts counted are not readable. Enter them again."),
            code="SHIFT_COUNT",
        )

    def _validate_session(
        self,
        balancing_account=False,
        amount_to_balance=0,
        bank_payment_method_diffs=None,
    ):
        # Before: closing books the cash as moves of the session.
        self.env["scenic.shift"]._close_all(self, bank_payment_method_diffs or {})
        return super(
            PosSession, self.with_context(scenic_register_closes=True)
        )._validate_session(
            balancing_account, amount_to_balance, bank_payment_method_diffs
        )

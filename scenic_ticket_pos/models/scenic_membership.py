from odoo import api, models


class ScenicMembership(models.Model):
    _name = "scenic.membership"
    _inherit = ["scenic.membership", "pos.load.mixin"]

    # ------------------------------------------------------------
    # POINT OF SALE
    # ------------------------------------------------------------

    @api.model
    def _load_pos_data_domain(self, data, config):
        # The cards of open orders; the others come when they are looked for.
        lines = data.get("pos.order.line", [])
        card_ids = {line["scenic_membership_id"] for line in lines} - {False}
        return [("id", "in", sorted(card_ids))]

    @api.model
    def _load_pos_data_fields(self, config):
        # Nobody's name or photo: what is loaded stays on the disk of the window.
        return ["name", "write_date"]

    def _pos_rows(self):
        """Return what the window shows of cards; see :meth:`_window_rows`.

        In addition: ``write_date``, ``state_text``, ``date_start``, ``entries_left``
        (None: no limit, of the period that runs), ``has_card`` (an IC card opens the
        lane), ``is_frozen`` (now or from a day on), ``renew_product_id`` and
        ``fee_product_id`` (``product.product``, or False).
        """
        states = dict(self._fields["state"]._description_selection(self.env))
        return [
            {
                **row,
                "write_date": card.write_date,
                "state_text": states[card.state],
                "date_start": str(card.date_start or ""),
                "entries_left": card._pos_entries_left(),
                "has_card": bool(card._pos_ic_cards()),
                "is_frozen": bool(card._open_freeze()),
                "renew_product_id": card.ticket_ids.sorted("date_first")[
                    -1:
                ].product_id.id,
                "fee_product_id": card._pos_fee_product().id,
            }
            for card, row in zip(self, self._window_rows(), strict=True)
        ]

    def _pos_entries_left(self):
        """Return how many entries the period that runs has left, None: no limit."""
        rights = self._period_on(self._today()).entitlement_ids
        if any(rights.mapped("unlimited")):
            return None
        return sum(
            right.entries_total
            - right.entries_used
            - right.entries_reserved
            - right.entries_refunded
            for right in rights
        )

    def _pos_ic_cards(self):
        """Return the IC cards that open the lane for this member."""
        return self._media().filtered(lambda medium: medium.kind == "ic_card")

    def _pos_fee_product(self):
        """Return what a new IC card costs, maybe nothing: the first one is free."""
        product = self.env["product.product"]
        if not self._pos_ic_cards():
            return product
        # sudo: whoever sells need not read the product of an old period
        return self.sudo()._live_tickets()[:1].product_id.scenic_replacement_product_id

"""Members at the window: found, and served."""

from odoo import models

from odoo.addons.scenic_ticket_base.tools.guard import SUPERVISOR, check_reason

from ..exceptions import WindowMemberError
from ..tools.document_reader import MAX_TEXT, read_document

MAX_ROWS = 20


class PosConfig(models.Model):
    _inherit = "pos.config"

    def scenic_find_members(self, text):
        """Find member cards by what a person says or a reader types.

        :param str text: number of the card, of its IC card, of a ticket; the document,
            as typed or as read; telephone; or part of the name
        :return: list of dicts, at most 20: see ``scenic.membership._pos_rows``, and
            ``is_replaced``, it was found by a card that opens nothing any more
        :raise WindowRightError: the user may not sell tickets
        """
        self._scenic_check_member_window()
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            return []
        number = read_document(text).number
        cards = self.env["scenic.membership"]._find(number)
        cards = cards.filtered(lambda c: c.company_id == self.company_id)[:MAX_ROWS]
        dead = self._scenic_replaced(number)
        return [
            {**row, "is_replaced": row["id"] in dead.ids} for row in cards._pos_rows()
        ]

    def _scenic_replaced(self, number):
        """Return the member cards whose medium this was, and is no more."""
        credentials = self.env["scenic.credential"]
        for kind in (None, "ic_card"):
            credentials |= credentials._find_all(number, kind)
        living = credentials.filtered("active").ticket_id.membership_id
        return credentials.ticket_id.membership_id - living

    def scenic_member_photo(self, card_id):
        """Return the small photo of a member, base64 or False.

        Asked for one by one when it is looked at: the window keeps none.

        :raise WindowRightError: the user may not sell tickets
        :raise WindowMemberError: there is no such card for this user
        """
        self._scenic_check_member_window()
        photo = self._scenic_member(card_id).photo_128
        return photo and photo.decode()

    def scenic_give_card(self, card_id, number, reason="", waived=False):
        """Give a member an IC card that costs nothing; the old one dies at once.

        What costs a fee is paid for by an order; a supervisor may waive it.

        :param str number: of the new card, as the reader gives it
        :param str reason: needed unless it is the first card
        :param bool waived: a supervisor gives it without its fee
        :return: the card as :meth:`scenic_find_members` tells it
        :raise WindowRightError: the user may not sell tickets
        :raise WindowMemberError: ``MEMBER_FEE``, it is not free
        :raise CredentialError: the number is wrong or taken
        """
        self._scenic_check_member_window()
        card = self._scenic_member(card_id)
        if not isinstance(number, str) or not 0 < len(number.strip()) <= MAX_TEXT:
            raise WindowMemberError(
                self.env._("The number of the new card is not readable. Read it anew.")
            )
        reason = reason.strip()[:MAX_TEXT] if isinstance(reason, str) else ""
        fee = card._pos_fee_product()
        if fee and not (waived is True and self.env.user.has_group(SUPERVISOR)):
            raise WindowMemberError(
                self.env._("Only a shift supervisor may waive the fee of a new card."),
                code="MEMBER_FEE",
            )
        if not card._pos_ic_cards():
            reason = reason or self.env._("First card")
        check_reason(self.env, reason)
        card._replace("ic_card", number, reason)
        return card._pos_rows()[0]

    def _scenic_check_member_window(self):
        self.ensure_one()
        self.check_access("read")
        self.env["pos.order"]._scenic_check_cashier()

    def _scenic_member(self, card_id):
        """Return a card that a client names, if the user may see it here."""
        cards = self.env["scenic.membership"]
        if type(card_id) is int:
            cards = cards.search(
                [("id", "=", card_id), ("company_id", "=", self.company_id.id)]
            )
        if not cards:
            raise WindowMemberError(
                self.env._("There is no such member card. Look for it again.")
            )
        return cards

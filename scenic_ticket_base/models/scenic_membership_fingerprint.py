"""Consent of members to be told apart by a fingerprint at the gate."""

import uuid

from odoo import fields, models

from ..exceptions import MembershipError
from ..tools.guard import check_groups
from ..tools.id_document import age_on
from .scenic_membership import PHOTOGRAPHERS
from .scenic_ticket import PEOPLE_READERS
from .scenic_visitor_register import GUARDIAN_AGE


class ScenicMembership(models.Model):
    """The consent only: templates lie on the gate bridge and never come here.

    Consent is for each member, separate from the sale, and can be withdrawn at any
    time (PIPL art. 15, 28 and 29; art. 31 for whom a guardian speaks). Without it
    nothing changes at the gate.
    """

    _inherit = "scenic.membership"

    fingerprint_date = fields.Datetime(
        string="Consent to Fingerprint",
        readonly=True,
        copy=False,
        help="Since when the holder agrees to show a finger with this card. Empty: "
        "the card opens without.",
    )
    fingerprint_user_id = fields.Many2one(
        "res.users",
        string="Consent Taken by",
        readonly=True,
        copy=False,
        ondelete="restrict",
    )
    fingerprint_guardian = fields.Char(
        string="Guardian",
        readonly=True,
        copy=False,
        groups=PEOPLE_READERS,
        help="Who agreed for a member under 14.",
    )
    fingerprint_ref = fields.Char(
        readonly=True,
        copy=False,
        help="Under which name a gate bridge keeps the template. Another one for each "
        "consent, so that none serves a second time.",
    )

    def action_give_fingerprint(self, guardian=None):
        """Record that the holder agrees to be told apart by a fingerprint.

        :param str guardian: who agrees for a member under 14
        :raise AccessError: only who sells cards or serves members may do this
        :raise MembershipError: ``FINGERPRINT_GIVEN``, ``FINGERPRINT_GUARDIAN``, or the
            card was paid back
        """
        card_sudo = self._fingerprint_card()
        if card_sudo.state == "ended":
            card_sudo._raise_state(card_sudo.state)
        if card_sudo.fingerprint_ref:
            raise MembershipError(
                self.env._(
                    "The holder of card %(card)s agreed already.", card=card_sudo.name
                ),
                code="FINGERPRINT_GIVEN",
            )
        guardian = (guardian or "").strip()
        born = card_sudo.visitor_id.birth_date
        if born and age_on(born, card_sudo._today()) < GUARDIAN_AGE and not guardian:
            raise MembershipError(
                self.env._(
                    "The holder of card %(card)s is under 14. Please enter who agrees "
                    "as the guardian.",
                    card=card_sudo.name,
                ),
                code="FINGERPRINT_GUARDIAN",
            )
        card_sudo._write_quiet(
            {
                "fingerprint_date": fields.Datetime.now(),
                "fingerprint_user_id": self.env.uid,
                "fingerprint_guardian": guardian,
                "fingerprint_ref": str(uuid.uuid4()),
            }
        )
        self.env["scenic.audit"]._log(
            "fingerprint_give", self, after={"guardian": bool(guardian)}
        )

    def action_withdraw_fingerprint(self):
        """Record that the holder no longer agrees: gate bridges delete the template.

        :raise AccessError: only who sells cards or serves members may do this
        :raise MembershipError: ``FINGERPRINT_NONE``
        """
        card_sudo = self._fingerprint_card()
        if not card_sudo.fingerprint_ref:
            raise MembershipError(
                self.env._(
                    "The holder of card %(card)s has not agreed to show a finger.",
                    card=card_sudo.name,
                ),
                code="FINGERPRINT_NONE",
            )
        card_sudo._drop_fingerprint()

    def _fingerprint_card(self):
        """Return the card as superuser, locked, for who may record a consent."""
        self.ensure_one()
        self.check_access("read")
        check_groups(
            self.env,
            PHOTOGRAPHERS,
            self.env._(
                "Only cashiers and customer service may record what a member agrees to."
            ),
        )
        # sudo: no user has the right to write cards
        card_sudo = self.sudo()
        card_sudo._lock()
        return card_sudo

    def _drop_fingerprint(self):
        self._write_quiet(
            {
                "fingerprint_date": False,
                "fingerprint_user_id": False,
                "fingerprint_guardian": False,
                "fingerprint_ref": False,
            }
        )
        self.env["scenic.audit"]._log("fingerprint_withdraw", self)

    def _forget(self, visitors_sudo):
        res = super()._forget(visitors_sudo)
        # sudo: no user has the right to write cards
        cards_sudo = self.sudo().search(
            [
                ("visitor_id", "in", visitors_sudo.ids),
                ("fingerprint_ref", "!=", False),
            ]
        )
        if cards_sudo:
            cards_sudo._drop_fingerprint()
        return res

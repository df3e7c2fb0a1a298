import re
from datetime import timedelta

from odoo import api, fields, models
from odoo.orm.models import NO_ACCESS
from odoo.tools import format_datetime

from ..exceptions import WindowPinError

MAX_TRIES = 5
LOCK_MINUTES = 15
_PIN = re.compile(r"[0-9]{6,12}", re.ASCII)


class ScenicWindowPin(models.Model):
    """The PIN by which a supervisor decides at somebody else's window.

    Only its hash is kept, and nobody reads or writes that but these methods. After
    five wrong PINs in a row the supervisor's PIN is locked for a quarter of an hour,
    at all windows; exceptions can then still be decided on in the office.
    """

    _name = "scenic.window.pin"
    _description = "Window PIN"
    _order = "id"
    _rec_name = "user_id"

    user_id = fields.Many2one(
        "res.users", required=True, readonly=True, ondelete="cascade", index=True
    )
    pin_hash = fields.Char(readonly=True, groups=NO_ACCESS)
    failures = fields.Integer(
        required=True, readonly=True, default=0, help="Wrong PINs in a row."
    )
    locked_until = fields.Datetime(readonly=True)

    _user_unique = models.Constraint(
        "UNIQUE (user_id)", "This user has a window PIN already."
    )

    @api.model
    def _lock_name(self, user_id):
        """Return the name by which tries of one PIN follow each other."""
        return f"window pin {user_id}"

    @api.model
    def _set_own(self, pin):
        """Give the current user this PIN.

        :raise WindowPinError: PIN_WEAK
        """
        if not _PIN.fullmatch(pin or "") or len(set(pin)) < 3:
            raise WindowPinError(
                self.env._(
                    "A window PIN has 6 to 12 digits, at least three of them "
                    "different. Choose another one."
                ),
                code="PIN_WEAK",
            )
        values = {
            "pin_hash": self.env.user._crypt_context().hash(pin),
            "failures": 0,
            "locked_until": False,
        }
        # sudo: nobody may read or write PINs; it is the user's own
        pin_sudo = self.sudo().search([("user_id", "=", self.env.uid)])
        if pin_sudo:
            pin_sudo.write(values)
        else:
            self.sudo().create({**values, "user_id": self.env.uid})
        self.env["scenic.audit"]._log("window_pin", self.env.user)

    @api.model
    def _approvers(self, ticket_sudo, asker):
        """Return who can grant an exception for a ticket by PIN: never the asker.

        :param ticket_sudo: one ``scenic.ticket``, as superuser
        :param asker: the ``res.users`` at the window
        """
        role = ticket_sudo._refund_terms()["override"]
        group = "manager" if role == "manager" else "supervisor"
        # sudo: who has a PIN, and which sites a user is limited to
        pins_sudo = self.sudo().search([("user_id.active", "=", True)])
        approvers = self.env["res.users"]
        for user_sudo in pins_sudo.user_id - asker:
            sites = user_sudo._scenic_sites()
            if (
                user_sudo.has_group(f"scenic_ticket_base.group_scenic_{group}")
                and ticket_sudo.company_id in user_sudo.company_ids
                and (sites is None or ticket_sudo.site_id in sites)
            ):
                approvers |= user_sudo
        return approvers.sorted("name")

    @api.model
    def _refuse(self, user, pin):
        """Check a PIN, which counts; called under the lock of :meth:`_lock_name`.

        A wrong PIN is no error: the transaction that counts it has to be committed.

        :return: why it is not accepted, or False
        """
        # sudo: nobody may read PINs
        pin_sudo = self.sudo().search([("user_id", "=", user.id)])
        if not pin_sudo:
            return self.env._("This supervisor has no window PIN.")
        now = fields.Datetime.now()
        if pin_sudo.locked_until and pin_sudo.locked_until > now:
            return pin_sudo._locked_message()
        text = pin if isinstance(pin, str) and len(pin) <= 12 else ""
        # as superuser: the crypt context is the same for all users
        if pin_sudo.user_id._crypt_context().verify(text, pin_sudo.pin_hash):
            pin_sudo.write({"failures": 0, "locked_until": False})
            return False
        failures = pin_sudo.failures + 1
        if failures < MAX_TRIES:
            pin_sudo.failures = failures
            return self.env._(
                "The PIN is wrong. %(left)s tries are left.", left=MAX_TRIES - failures
            )
        pin_sudo.write(
            {"failures": 0, "locked_until": now + timedelta(minutes=LOCK_MINUTES)}
        )
        self.env["scenic.audit"]._log("window_pin_lock", pin_sudo.user_id)
        return pin_sudo._locked_message()

    def _locked_message(self):
        self.ensure_one()
        return self.env._(
            "Too many wrong PINs: the PIN of %(user)s is locked until %(time)s. Let "
            "another supervisor decide, or let it be decided in the office.",
            user=self.user_id.name,
            time=format_datetime(
                self.env, self.locked_until, tz=self.env.user.tz, dt_format="HH:mm"
            ),
        )

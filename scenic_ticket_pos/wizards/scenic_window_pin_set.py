from odoo import fields, models

from odoo.addons.scenic_ticket_base.tools.guard import SUPERVISOR, check_groups
from odoo.addons.scenic_ticket_base.tools.lock_first import lock_first

from ..exceptions import WindowPinError


class ScenicWindowPinSet(models.TransientModel):
    _name = "scenic.window.pin.set"
    _description = "Set My Window PIN"
    _inherit = ["scenic.secret.input"]
    _secret_fields = ("pin", "pin_again")

    pin = fields.Char(string="PIN", compute="_compute_secret", readonly=False)
    pin_again = fields.Char(
        string="PIN again", compute="_compute_secret", readonly=False
    )

    def action_apply(self):
        """Make it the PIN of the user who typed it.

        :raise AccessError: only those who decide on exceptions need one
        :raise WindowPinError: PIN_DIFFERENT, PIN_WEAK
        """
        self.ensure_one()
        check_groups(
            self.env,
            (SUPERVISOR,),
            self.env._("Only shift supervisors have a window PIN."),
        )
        typed = self._secrets()
        pin = typed.get("pin") or ""
        if pin != (typed.get("pin_again") or ""):
            raise WindowPinError(
                self.env._("The two PINs are not the same. Type them again."),
                code="PIN_DIFFERENT",
            )
        pins = self.env["scenic.window.pin"]
        lock_first(
            self.env, [pins._lock_name(self.env.uid)], lambda: pins._set_own(pin)
        )
        return {"type": "ir.actions.act_window_close"}

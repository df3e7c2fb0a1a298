"""Taking a device out of service from afar, and back."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from odoo.addons.scenic_ticket_base.tools.guard import check_groups, check_reason

from .scenic_lane import OPERATOR


class ScenicDevice(models.Model):
    _inherit = "scenic.device"

    enabled = fields.Boolean(
        required=True,
        readonly=True,
        default=True,
        copy=False,
        tracking=True,
        help="The lanes of a device that is not enabled are locked, but for an "
        "emergency.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        if not all(vals.get("enabled", True) for vals in vals_list):
            self._check_switched_by_button()
        return super().create(vals_list)

    def write(self, vals):
        if "enabled" in vals:
            self.check_access("write")
            self._check_switched_by_button()
        return super().write(vals)

    def _check_switched_by_button(self):
        if not self.env.su:
            raise UserError(
                self.env._(
                    "A device is enabled and disabled by its buttons, so that it is "
                    "known who did it and why."
                )
            )

    def action_disable(self):
        """Ask for a reason, then lock the lanes of these devices."""
        return self._open_switch(False)

    def action_enable(self):
        """Ask for a reason, then let the lanes of these devices work again."""
        return self._open_switch(True)

    def _open_switch(self, enabled):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Enable Devices")
            if enabled
            else self.env._("Disable Devices"),
            "res_model": "scenic.device.switch",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_device_ids": self.ids,
                "default_enabled": enabled,
            },
        }

    def _enable(self, enabled, reason):
        """Lock the lanes of devices, or let them work again, for a gate operator.

        :raise AccessError: the user is no gate operator
        :raise UserError: no reason was given
        """
        self.check_access("read")
        check_groups(
            self.env,
            [OPERATOR],
            self.env._("Only a gate operator may enable or disable a device."),
        )
        check_reason(self.env, reason)
        # sudo: that it is enabled is all that an operator may change
        devices_sudo = self.sudo()
        devices_sudo._track_set_log_message(reason)
        devices_sudo.enabled = enabled
        self.env["scenic.audit"]._log(
            "device_enable" if enabled else "device_disable", self, reason=reason
        )

from odoo import models


class ResGroups(models.Model):
    _inherit = "res.groups"

    def write(self, vals):
        if not {"user_ids", "implied_ids"} & vals.keys():
            return super().write(vals)
        before = {group.id: group._scenic_rights_words() for group in self}
        res = super().write(vals)
        changed = self.filtered(
            lambda group: (
                before[group.id] != group._scenic_rights_words()
                and group._is_scenic_right()
            )
        )
        self.env["scenic.audit"]._log(
            "rights_change",
            changed,
            before={group.id: before[group.id] for group in changed},
            after={group.id: group._scenic_rights_words() for group in changed},
        )
        return res

    def _is_scenic_right(self):
        """Tell whether this group may do things with tickets, or give such rights."""
        self.ensure_one()
        # sudo: the names of groups and rights are no secret
        names = self.sudo()._get_external_ids()[self.id]
        return any(
            name.startswith("scenic_ticket_")
            or name in ("base.group_erp_manager", "base.group_system")
            for name in names
        )

    def _scenic_rights_words(self):
        self.ensure_one()
        # sudo: the names of groups and rights are no secret
        group_sudo = self.sudo()
        return {
            "user_ids": sorted(group_sudo.user_ids.mapped("login")),
            "implied_ids": sorted(group_sudo.implied_ids.mapped("full_name")),
        }

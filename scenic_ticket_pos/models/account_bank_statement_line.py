from odoo import api, fields, models

from ..exceptions import WindowRightError


class AccountBankStatementLine(models.Model):
    _inherit = "account.bank.statement.line"

    scenic_shift_id = fields.Many2one(
        "scenic.shift",
        string="Shift",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The shift whose cashier put this cash in or took it out.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        shifts = self.env["scenic.shift"]
        for vals in vals_list:
            vals.pop("scenic_shift_id", None)
            session = self.env["pos.session"].browse(vals.get("pos_session_id"))
            # What closing the register books is the sum of what is counted already.
            if (
                session
                and session.sudo().state == "opened"  # sudo: for whoever may move cash
                and not self.env.context.get("scenic_register_closes")
            ):
                shift_sudo = shifts._current(session, self.env.user)
                shift_sudo.move_count += 1
                vals["scenic_shift_id"] = shift_sudo.id
        return super().create(vals_list)

    def write(self, vals):
        if "scenic_shift_id" in vals and not self.env.su:
            raise WindowRightError(
                self.env._("The shift of a cash move is set by the move itself.")
            )
        # Accounting writes an amount as it was, too, when it reconciles.
        self.filtered(
            lambda line: (
                vals.get("amount", line.amount) != line.amount
                or vals.get("pos_session_id", line.pos_session_id.id)
                != line.pos_session_id.id
            )
        )._scenic_check_shift_open()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_handed_over(self):
        self._scenic_check_shift_open()

    def _scenic_check_shift_open(self):
        """What was counted in a shift that is handed over stays as it is."""
        # sudo: whether there is a shift, for any user
        self.sudo().scenic_shift_id._check_open()

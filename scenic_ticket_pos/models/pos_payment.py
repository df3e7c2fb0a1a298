from odoo import api, models

COUNTED_FIELDS = {"amount", "payment_method_id", "pos_order_id"}


class PosPayment(models.Model):
    _inherit = "pos.payment"

    @api.model_create_multi
    def create(self, vals_list):
        payments = super().create(vals_list)
        payments._scenic_check_shift_open()
        return payments

    def write(self, vals):
        if not COUNTED_FIELDS & vals.keys():
            return super().write(vals)
        self._scenic_check_shift_open()
        result = super().write(vals)
        self._scenic_check_shift_open()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_handed_over(self):
        self._scenic_check_shift_open()

    def _scenic_check_shift_open(self):
        """What was counted in a shift that is handed over stays as it is."""
        # sudo: whether there is a shift, for any user
        self.sudo().pos_order_id.scenic_shift_id._check_open()

"""Concessions of an order: judged when it is paid, and written down."""

from odoo import models


class PosOrder(models.Model):
    _inherit = "pos.order"

    def _scenic_issue(self, lines, amounts):
        overrides = self.env["scenic.concession.override"]
        judged = {
            line: self.env["scenic.eligibility"]._window_judge(
                line._scenic_choice(overrides._of(line))
            )
            for line in lines
            if line._scenic_may_be_concession()
        }
        result = super()._scenic_issue(lines, amounts)
        for line in lines:
            self._scenic_audit_concession(line, judged.get(line), amounts[line])
        return result

    def _scenic_audit_concession(self, line, judged, amounts):
        """Write down who sold a ticket for nothing, or against the proposal."""
        override = self.env["scenic.concession.override"]._of(line)
        _untaxed, total = amounts
        is_free = line.currency_id.is_zero(total)
        if not (is_free or override or (judged and judged["better"])):
            return
        audit = self.env["scenic.audit"]
        # sudo: the trail tells what the cashier sold, not what he may read
        booking_line_sudo = line.sudo().scenic_ticket_ids.booking_line_id
        concession = judged["concession"] if judged else None
        said = {
            "persons": round(line.qty),
            "amount_total": total,
            "concession": concession.name if concession else None,
            "legal_basis": concession.legal_basis or None if concession else None,
            "proof_checked": line.scenic_proof_checked,
            "proof": line.scenic_proof_note or None,
        }
        if is_free:
            audit._log(
                "free_ticket",
                booking_line_sudo,
                reason=line.scenic_choice_reason or line.scenic_proof_note,
                before={"amount_total": line.product_id.lst_price * round(line.qty)},
                after=said,
                document=self,
                device=self.config_id.name,
            )
        if judged and judged["better"]:
            better = judged["better"]
            audit._log(
                "concession_choice",
                booking_line_sudo,
                reason=line.scenic_choice_reason,
                before={
                    "product": better["product"].display_name,
                    "price_unit": better["price"],
                },
                after={
                    "product": line.product_id.display_name,
                    "price_unit": line.price_unit,
                },
                document=self,
                device=self.config_id.name,
            )
        if override:
            override._use(self)
            audit._log(
                "concession_override",
                booking_line_sudo,
                reason=override.reason,
                after={**said, "approver": override.approver_id.name},
                document=self,
                device=self.config_id.name,
            )

from odoo import api, fields, models


class ScenicBenchPass(models.Model):
    """What validating a ticket costs when it is written the ordinary way.

    Finds the ticket by its code, checks state and window, reserves one entry and logs,
    all through the ORM. Exists to be measured against, never to open a lane.
    """

    _name = "scenic.bench.pass"
    _description = "Benchmark pass"

    ticket_id = fields.Many2one("scenic.ticket", index=True)
    request_id = fields.Char(required=True)
    code = fields.Char(required=True)

    @api.model
    def validate_orm(self, code, request_id):
        """Decide on one code.

        :return: ``{"code": …}``, the code of docs/gate-api.md
        """
        credential = (
            self.env["scenic.credential"]
            .sudo()
            .search([("lookup", "=", self.env["scenic.credential"]._lookup(code))])
        )
        ticket = credential.ticket_id
        now = fields.Datetime.now()
        right = ticket.entitlement_ids[:1]
        if not ticket:
            answer = "UNKNOWN"
        elif ticket.state not in ("valid", "part_used"):
            answer = "VOID"
        elif now < right.valid_from:
            answer = "NOT_YET_VALID"
        elif now >= right.valid_to:
            answer = "EXPIRED"
        elif right.entries_used + right.entries_reserved >= right.entries_total:
            answer = "USED"
        else:
            answer = "ADMIT"
            right.entries_reserved += 1
        self.create({"ticket_id": ticket.id, "request_id": request_id, "code": answer})
        return {"code": answer}

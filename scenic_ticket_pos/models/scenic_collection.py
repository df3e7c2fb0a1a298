from odoo import api, fields, models
from odoo.tools import format_datetime


class ScenicCollection(models.Model):
    """A ticket of a web or agency order that was handed out on paper: once, for good.

    What is printed after that is a reprint. The index makes sure of it, whoever writes.
    """

    _name = "scenic.collection"
    _description = "Ticket Collection"
    _inherit = ["scenic.append.only"]
    _order = "id desc"
    _rec_name = "ticket_id"
    _log_access = False

    ticket_id = fields.Many2one(
        "scenic.ticket", required=True, readonly=True, index=True, ondelete="restrict"
    )
    booking_id = fields.Many2one(
        "scenic.booking", required=True, readonly=True, index=True, ondelete="restrict"
    )
    event_time = fields.Datetime(string="Time", required=True, readonly=True)
    user_id = fields.Many2one(
        "res.users", required=True, readonly=True, index=True, ondelete="restrict"
    )
    terminal = fields.Char(
        string="Window", readonly=True, help="The point of sale that handed it out."
    )
    request_key = fields.Char(
        readonly=True,
        help="The window's word for this request: sent again, it gets the same answer.",
    )
    remote_addr = fields.Char(string="Address", readonly=True)
    site_id = fields.Many2one(
        "scenic.site", required=True, readonly=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, index=True, ondelete="restrict"
    )

    _once = models.UniqueIndex("(ticket_id)", "This ticket was collected already.")

    @api.model
    def _record(self, tickets_sudo, terminal, key):
        """Write down that tickets are handed out now.

        :param tickets_sudo: locked ``scenic.ticket`` records, as superuser
        :param str terminal: name of the point of sale
        :param str key: the window's word for this request
        """
        common = {**self._prepare_now(), "terminal": terminal, "request_key": key}
        self._insert(
            [
                {
                    **common,
                    "ticket_id": ticket_sudo.id,
                    "booking_id": ticket_sudo.booking_id.id,
                    "site_id": ticket_sudo.site_id.id,
                    "company_id": ticket_sudo.company_id.id,
                }
                for ticket_sudo in tickets_sudo
            ]
        )
        tickets_sudo.invalidate_recordset(["collection_ids"])

    def _pos_text(self):
        """Tell when and where tickets were handed out, by one request, and by whom.

        On a screen that anybody reads (``scenic_public_screen`` in the context) nobody
        is named.
        """
        first = self[:1]
        values = {
            "count": len(self),
            "time": format_datetime(self.env, first.event_time, tz=first.site_id.tz),
            "window": first.terminal,
        }
        if self.env.context.get("scenic_public_screen"):
            return self.env._(
                "%(count)s tickets were collected on %(time)s at %(window)s.", **values
            )
        return self.env._(
            "%(count)s tickets were collected on %(time)s at %(window)s, "
            "handed out by %(user)s.",
            user=first.user_id.name,
            **values,
        )

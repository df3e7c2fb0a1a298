"""What a cashier is shown of a ticket that is brought to the window."""

from odoo import api, fields, models
from odoo.tools import format_date, format_list

from odoo.addons.scenic_ticket_base.tools.mask import mask_name

from .scenic_ticket import CASHIER_GROUP

COLLECTION_READERS = ",".join(
    f"scenic_ticket_base.group_scenic_{role}"
    for role in ("cashier", "customer_service", "finance", "auditor")
)
# Whoever bought at a window got the tickets there.
NEVER_COLLECTED = ("window",)
MAX_NAMES = 8


class ScenicTicket(models.Model):
    _inherit = "scenic.ticket"

    collection_ids = fields.One2many(
        "scenic.collection",
        "ticket_id",
        readonly=True,
        groups=COLLECTION_READERS,
    )
    pos_product_name = fields.Char(
        string="Name on the Ticket",
        compute="_compute_pos_product_name",
        groups=CASHIER_GROUP,
        help="For tickets that no order of this window has sold.",
    )

    def _compute_pos_product_name(self):
        # sudo: the name of what was sold, on sale here or not
        for tickets_sudo in self.sudo().grouped("product_id").values():
            tickets = tickets_sudo.with_env(self.env)
            tickets.pos_product_name = tickets_sudo[0]._product_name()

    @api.model
    def _load_pos_data_fields(self, config):
        result = super()._load_pos_data_fields(config)
        if self.env.user.has_group(CASHIER_GROUP):
            result.append("pos_product_name")
        return result

    def _pos_is_collectable(self):
        """Whether the ticket is one that is handed out on paper after its sale."""
        self.ensure_one()
        return (
            self.booking_id.channel_id.kind not in NEVER_COLLECTED
            and self.kind != "staff"
            and self._pos_is_printable()
        )

    def _pos_is_due(self):
        """Whether the ticket waits to be handed out."""
        self.ensure_one()
        # sudo: whether it was, for whoever may print it
        return self._pos_is_collectable() and not self.sudo().collection_ids

    def _pos_visit_text(self):
        """``12/01/2026, 10:00-11:00``, or the first and the last valid day."""
        self.ensure_one()
        if not self.visit_date:
            return self._validity_text()
        day = format_date(self.env, self.visit_date)
        # sudo: the hours of a visit are for whoever may read the ticket
        slot_sudo = self.sudo().slot_id
        return f"{day}, {slot_sudo._hours_text()}" if slot_sudo else day

    def _pos_names(self):
        """The visitors as a window shows them: nobody in full."""
        people = self.holder_ids.filtered("live").visitor_id | self.visitor_id
        return [mask_name(person.name) for person in people[:MAX_NAMES] if person.name]

    def _pos_rows(self):
        """Return tickets of one order as a list for a person: by product and visit.

        :return: list of dicts, see ``scenic.booking._pos_row``
        """
        states = dict(self._fields["state"]._description_selection(self.env))
        rows = []
        groups = self.grouped(lambda t: (t.booking_line_id, t._pos_visit_text()))
        for (_line, visit), tickets in groups.items():
            rows.append(
                {
                    "product": tickets[0]._product_name(),
                    "visit": visit,
                    "persons": sum(t.persons - t.persons_refunded for t in tickets),
                    "names": tickets._pos_names(),
                    "tickets": len(tickets),
                    "due": len(tickets.filtered(lambda t: t._pos_is_due())),
                    "states": format_list(
                        self.env,
                        [
                            self.env._(
                                "%(state)s: %(count)s",
                                state=states[state],
                                count=len(some),
                            )
                            for state, some in tickets.grouped("state").items()
                        ],
                    ),
                }
            )
        return rows

    # ------------------------------------------------------------
    # LIFE LINE
    # ------------------------------------------------------------

    def _life_line_events(self):
        return [
            *super()._life_line_events(),
            *(
                self._life_event(
                    "collected",
                    row.event_time,
                    who=row.user_id,
                    where=row.terminal,
                    document=row.booking_id,
                )
                for row in self.collection_ids
            ),
        ]

from odoo import fields, models

#: Who may read pass events; a cashier below the supervisor may not.
EVENT_READERS = ",".join(
    f"scenic_ticket_base.group_scenic_{role}"
    for role in (
        "supervisor",
        "gate_operator",
        "customer_service",
        "finance",
        "auditor",
    )
)

#: What an event of a lane is in the life of a ticket.
LIFE_KINDS = {
    "authorised": "scanned",
    "denied": "refused",
    "passed": "passed",
    "annulled": "annulled",
    "exit": "left",
    "returned": "given_back",
    "reviewed": "changed",
}


class ScenicTicket(models.Model):
    _inherit = "scenic.ticket"

    pass_event_ids = fields.One2many(
        "scenic.pass.event",
        "ticket_id",
        string="Pass Events",
        readonly=True,
        groups=EVENT_READERS,
    )
    lane_ids = fields.Many2many(
        "scenic.lane",
        "scenic_ticket_lane_rel",
        "ticket_id",
        "lane_id",
        string="Permitted Lanes",
        readonly=True,
        copy=False,
        help="Where this staff card opens, of the lanes that its product permits. "
        "Empty: all of them.",
    )

    def _last_refusal(self):
        """Return the last refusal in the words that the lane used."""
        self.ensure_one()
        # sudo: why it was refused, for whoever may read the ticket
        event_sudo = (
            self.env["scenic.pass.event"]
            .sudo()
            .search(
                [("ticket_id", "=", self.id), ("phase", "=", "denied")],
                order="id desc",
                limit=1,
            )
        )
        if not event_sudo:
            return super()._last_refusal()
        text, remedy = event_sudo._refusal_texts()
        place = (event_sudo.gate_id.name, event_sudo.lane_id.name)
        return {
            "code": event_sudo.code,
            "text": text,
            "remedy": remedy,
            "time": event_sudo.event_time,
            "where": ", ".join(filter(None, place)),
        }

    def _life_line_events(self):
        return [*super()._life_line_events(), *self._life_line_passes()]

    def _life_line_passes(self):
        """Return what the lanes told of this ticket."""
        events = self.env["scenic.pass.event"].search(
            [("ticket_id", "=", self.id)], order="id"
        )
        codes, media, phases = (
            dict(events._fields[name]._description_selection(self.env))
            for name in ("code", "credential_kind", "phase")
        )
        for event in events:
            if event.phase not in LIFE_KINDS:
                continue
            detail = [
                codes.get(event.code) if event.phase == "denied" else "",
                media.get(event.credential_kind, ""),
                self.env._("%(count)s persons", count=event.passes)
                if event.passes > 1
                else "",
                self.env._("free re-entry") if event.reentry else "",
                self.env._("no sensor saw it") if event.assumed else "",
                event.note_text,
            ]
            yield self._life_event(
                LIFE_KINDS[event.phase],
                event.event_time,
                title=phases["reviewed"] if event.phase == "reviewed" else "",
                who=event.user_id,
                where=", ".join(filter(None, [event.gate_id.name, event.lane_id.name])),
                device=event.device_id.name,
                document=event,
                detail=" · ".join(filter(None, detail)),
            )

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import format_amount, format_datetime

# What an action of the audit trail is in the life of a ticket.
AUDIT_KINDS = {
    "booking_amend": "changed",
    "booking_cancel": "cancelled",
    "booking_expire": "cancelled",
    "booking_extend": "held",
    "closure": "changed",
    "credential_add": "replaced",
    "credential_freeze": "frozen",
    "credential_replace": "replaced",
    "credential_unfreeze": "released",
    "holder_change": "changed",
    "membership_freeze": "frozen",
    "membership_renew": "changed",
    "membership_replace": "replaced",
    "membership_unfreeze": "released",
    "price_override": "changed",
    "staff_issue": "changed",
    "staff_revoke": "voided",
    "ticket_change": "changed",
    "ticket_expire": "expired",
    "ticket_freeze": "frozen",
    "ticket_refund": "refunded",
    "ticket_refund_override": "refunded",
    "ticket_unfreeze": "released",
    "ticket_void": "voided",
    "visitor_erase": "shredded",
    "visitor_shred": "shredded",
}
# What happened to a member card happened to all its periods.
CARD_ACTIONS = [word for word in AUDIT_KINDS if word.startswith("membership_")]
# In the order in which things of the same second happen: icon and colour of each.
LOOKS = {
    "held": ("fa-hourglass-start", "secondary"),
    "sold": ("fa-ticket", "primary"),
    "invoiced": ("fa-file-text-o", "primary"),
    "paid": ("fa-money", "success"),
    "changed": ("fa-exchange", "warning"),
    "replaced": ("fa-clone", "warning"),
    "frozen": ("fa-lock", "warning"),
    "released": ("fa-unlock", "secondary"),
    "collected": ("fa-hand-o-right", "success"),
    "printed": ("fa-print", "secondary"),
    "refused": ("fa-ban", "danger"),
    "scanned": ("fa-qrcode", "info"),
    "annulled": ("fa-undo", "secondary"),
    "passed": ("fa-sign-in", "success"),
    "given_back": ("fa-undo", "warning"),
    "left": ("fa-sign-out", "info"),
    "recognised": ("fa-book", "primary"),
    "refunded": ("fa-reply", "danger"),
    "voided": ("fa-times", "danger"),
    "cancelled": ("fa-times", "danger"),
    "expired": ("fa-calendar-times-o", "danger"),
    "settled": ("fa-check", "success"),
    "shredded": ("fa-eraser", "secondary"),
}
RANKS = {kind: rank for rank, kind in enumerate(LOOKS)}


class ScenicLifeLine(models.AbstractModel):
    """What happened to a ticket, from its sale to the closing of its books.

    Add-ons that know more extend :meth:`_life_line_events`.
    """

    _name = "scenic.life.line"
    _description = "Life Line of a Ticket"

    life_line = fields.Html(
        compute="_compute_life_line",
        sanitize=False,
        help="What happened to the ticket: who, when, where and by which document.",
    )

    scanned_code = fields.Char(
        compute="_compute_scanned_code",
        search="_search_scanned_code",
        help="Finds the ticket of a code that is scanned or typed.",
    )

    @api.depends_context("lang", "tz", "uid")
    def _compute_life_line(self):
        qweb = self.env["ir.qweb"]
        for ticket in self:
            # a new record in a form has no life yet
            ticket.life_line = ticket._origin and Markup(
                qweb._render(
                    "scenic_ticket_base.life_line",
                    {
                        "events": ticket._origin._life_line(),
                        "life_time": ticket._life_time,
                    },
                )
            )

    def _compute_scanned_code(self):
        self.scanned_code = False  # to search by only: the code is not stored

    def _search_scanned_code(self, operator, value):
        if operator not in ("=", "in", "ilike", "like"):
            return NotImplemented
        credentials = self.env["scenic.credential"]
        for text in [value] if isinstance(value, str) else value or []:
            credentials |= credentials._find_all(text)
        # sudo: which ticket it is of; the rules decide whether the user finds that
        return fields.Domain("id", "in", credentials.sudo().ticket_id.ids)

    def action_life_line(self):
        """Open the life line of a ticket."""
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Life Line"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [
                (self.env.ref("scenic_ticket_base.scenic_ticket_view_life").id, "form")
            ],
        }

    def action_print_life_line(self):
        """Print the life lines of tickets."""
        self.check_access("read")
        return self.env.ref(
            "scenic_ticket_base.action_report_scenic_life_line"
        ).report_action(self)

    # ------------------------------------------------------------------
    # Events
    # ------------------------------------------------------------------

    def _life_line(self):
        """Return what happened to a ticket, oldest first.

        Whoever may read the ticket may read its life: names of people, places and
        documents. A document comes with a link for those who may open it, and
        amounts of revenue for those who may read revenue.

        :return: list of dicts: ``kind`` (a stable word of :data:`LOOKS`), ``time``
            (UTC), ``title``, ``who``, ``where``, ``device``, ``detail`` (texts, may be
            empty), ``document`` (dict of ``name``, ``model``, ``id``, ``url``; the
            last is empty for who may not open it), ``icon``, ``colour``
        """
        self.ensure_one()
        self.check_access("read")
        # sudo: the facts of a ticket, from books that its reader may not open
        events = self.sudo()._life_line_events()
        events.sort(key=lambda event: (event["time"], RANKS[event["kind"]]))
        readable = self._readable_documents(events)
        titles = self._life_titles()
        for event in events:
            icon, colour = LOOKS[event["kind"]]
            document = event["document"]
            event.update(
                title=event["title"] or titles[event["kind"]],
                icon=icon,
                colour=colour,
                document=document
                and {
                    "name": document.display_name,
                    "model": document._name,
                    "id": document.id,
                    "url": f"/odoo/{document._name}/{document.id}"
                    if document.id in readable[document._name]
                    else "",
                },
            )
            if event.pop("secret") and document.id not in readable[document._name]:
                event["detail"] = ""
        return events

    def _life_line_events(self):
        """Return the events of one ticket, read as superuser, in any order.

        Extended by other add-ons; see :meth:`_life_event`.
        """
        return [
            *self._life_line_sale(),
            *self._life_line_prints(),
            *self._life_line_trail(),
            *self._life_line_revenue(),
        ]

    def _last_refusal(self):
        """Return why a lane refused this ticket last; add-ons that know lanes tell.

        :return: dict of ``code`` (stable), ``text`` and ``remedy`` in the language of
            the user, ``time`` (UTC), ``where``; or None
        """
        self.ensure_one()
        return None

    @api.model
    def _life_event(
        self,
        kind,
        time,
        *,
        title="",
        who=None,
        where="",
        device="",
        document=None,
        detail="",
        secret=False,
    ):
        """Return one event.

        :param str kind: a word of :data:`LOOKS`
        :param datetime time: in UTC
        :param str title: instead of the usual one of this kind
        :param who: ``res.users`` or ``res.partner``, or a name
        :param document: the record behind it
        :param bool secret: the detail is for those who may read the document
        """
        return {
            "kind": kind,
            # some sources know the second only: within it the kind decides
            "time": time.replace(microsecond=0),
            "title": title,
            "who": who if isinstance(who, str) else self._life_name(who),
            "where": where or "",
            "device": device or "",
            "document": document or None,
            "detail": detail or "",
            "secret": secret,
        }

    @api.model
    def _life_name(self, who):
        if not who:
            return ""
        # sudo: the name of whoever did it, for all who may see what was done
        who_sudo = who.sudo()
        if who_sudo._name == "res.users" and who_sudo._is_superuser():
            return self.env._("System")
        return who_sudo.name

    @api.model
    def _life_titles(self):
        """Return the usual title of each kind of event."""
        return {
            "held": self.env._("Held"),
            "sold": self.env._("Sold"),
            "invoiced": self.env._("Invoiced"),
            "paid": self.env._("Paid"),
            "changed": self.env._("Changed"),
            "replaced": self.env._("Medium replaced"),
            "frozen": self.env._("Frozen"),
            "released": self.env._("Released"),
            "collected": self.env._("Collected"),
            "printed": self.env._("Printed"),
            "refused": self.env._("Refused at the gate"),
            "scanned": self.env._("Scanned"),
            "annulled": self.env._("Not passed, entry given back"),
            "passed": self.env._("Passed"),
            "given_back": self.env._("Entry given back"),
            "left": self.env._("Left"),
            "recognised": self.env._("Revenue recognised"),
            "refunded": self.env._("Refunded"),
            "voided": self.env._("Voided"),
            "cancelled": self.env._("Booking given up"),
            "expired": self.env._("Expired"),
            "settled": self.env._("Settled"),
            "shredded": self.env._("Personal data shredded"),
        }

    def _life_line_sale(self):
        booking, line = self.booking_id, self.booking_line_id
        where = f"{booking.channel_id.name}, {self.site_id.complete_name}"
        yield self._life_event(
            "held",
            booking.create_date,
            who=booking.create_uid,
            where=where,
            document=booking,
            # the window's own reference is a UUID, which tells a person nothing
            detail="" if booking.channel_id.kind == "window" else booking.external_ref,
        )
        yield self._life_event(
            "sold",
            booking.date_confirmed or self.create_date,
            who=self.create_uid,
            where=where,
            document=booking,
            detail=self.env._(
                "%(product)s, %(persons)s persons, %(price)s",
                product=self._product_name(),
                persons=self.persons,
                price=format_amount(self.env, self.amount_total, self.currency_id),
            )
            if line
            else "",
        )

    def _life_line_prints(self):
        media = dict(
            self.env["scenic.print"]._fields["medium"]._description_selection(self.env)
        )
        for row in self.env["scenic.print"].search(
            [("ticket_id", "=", self.id)], order="id"
        ):
            yield self._life_event(
                "printed",
                row.event_time,
                title=self._life_line_print_title(row),
                who=row.user_id,
                where=row.terminal,
                device=media[row.medium],
                document=self._life_document(row),
            )

    def _life_line_print_title(self, row):
        if row.kind == "reprint":
            return self.env._("Printed again (%(number)s)", number=row.number)
        return self.env._("Handed to a phone") if row.kind == "phone" else ""

    def _life_line_records(self):
        """Return the records whose audit trail is that of this ticket, too.

        :return: ``{model: (ids, actions or None for all)}``
        """
        return {
            self._name: (self.ids, None),
            "scenic.booking": (self.booking_id.ids, None),
            "scenic.booking.line": (self.booking_line_id.ids, None),
            "scenic.credential": (
                self.with_context(active_test=False).credential_ids.ids,
                None,
            ),
            "scenic.membership": (self.membership_id.ids, CARD_ACTIONS),
            "scenic.staff.card": (
                self.env["scenic.staff.card"].search([("ticket_id", "=", self.id)]).ids,
                None,
            ),
            "scenic.ticket.holder": (self.holder_ids.ids, None),
            "scenic.visitor": (
                (self.visitor_id | self.holder_ids.visitor_id).ids,
                ("visitor_shred", "visitor_erase"),
            ),
        }

    def _life_line_trail(self):
        actions = dict(
            self.env["scenic.audit"]._fields["action"]._description_selection(self.env)
        )
        domain = fields.Domain.OR(
            fields.Domain("res_model", "=", model)
            & fields.Domain("res_id", "in", ids)
            & fields.Domain("action", "in", words or list(AUDIT_KINDS))
            for model, (ids, words) in self._life_line_records().items()
            if ids
        )
        for row in self.env["scenic.audit"].search(domain, order="id"):
            document = self._life_document(row)
            yield self._life_event(
                AUDIT_KINDS[row.action],
                row.event_time,
                title=actions[row.action],
                who=row.user_id,
                where=row.site_name if row.res_model != self._name else "",
                device=row.device,
                document=document,
                detail=" · ".join(
                    filter(
                        None,
                        [
                            row.reason,
                            *row._change_lines(),
                            "" if document else row.document,
                        ],
                    )
                ),
            )

    @api.model
    def _life_document(self, row):
        """Return the document of a row, if it is one of Odoo that still exists."""
        if row.document_model not in self.env:
            return None
        return self.env[row.document_model].browse(row.document_id).exists()

    def _life_line_revenue(self):
        triggers = dict(
            self.env["scenic.revenue.entry"]
            ._fields["trigger"]
            ._description_selection(self.env)
        )
        for entry in self.env["scenic.revenue.entry"].search(
            [("ticket_id", "=", self.id)], order="id"
        ):
            amount = format_amount(self.env, entry.amount, entry.currency_id)
            yield self._life_event(
                "recognised",
                entry.create_date,
                who=entry.create_uid,
                where=entry.site_id.complete_name,
                document=entry,
                detail=f"{triggers.get(entry.trigger, entry.trigger)}, {amount}",
                secret=True,
            )
            if entry.move_id.state == "posted":
                yield self._life_event(
                    "settled",
                    entry.move_id.create_date,
                    title=self.env._("Revenue posted"),
                    who=entry.move_id.create_uid,
                    document=entry.move_id,
                    detail=amount,
                    secret=True,
                )

    # ------------------------------------------------------------------
    # Presentation
    # ------------------------------------------------------------------

    def _readable_documents(self, events):
        """Return ``{model: ids}`` of the documents that the user may open."""
        ids = {}
        for event in events:
            if document := event["document"]:
                ids.setdefault(document._name, set()).add(document.id)
        return {
            model: set(
                self.env[model].browse(sorted(some))._filtered_access("read").ids
            )
            for model, some in ids.items()
        }

    def _life_time(self, event):
        """Return day and time of an event by the clock of the site."""
        self.ensure_one()
        zone = self.sudo().site_id.tz  # sudo: the clock only
        return (
            format_datetime(self.env, event["time"], tz=zone, dt_format="yyyy-MM-dd"),
            format_datetime(self.env, event["time"], tz=zone, dt_format="HH:mm:ss"),
        )

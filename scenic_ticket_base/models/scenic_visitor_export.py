"""Hands over all that is stored of a visitor."""

from urllib.parse import urlencode

from odoo import models


class ScenicVisitor(models.Model):
    _inherit = "scenic.visitor"

    def action_export(self, reason, file_format="html"):
        """Download all that is stored of one visitor.

        :param str reason: why, for the audit trail
        :param str file_format: ``html`` to read or ``json`` for another system
        """
        self.ensure_one()
        self._check_people_right(reason)
        query = urlencode({"reason": reason.strip()})
        return {
            "type": "ir.actions.act_url",
            "url": f"/scenic/visitor/{self.id}/export/{file_format}?{query}",
            "target": "download",
        }

    def _export(self, reason):
        """Return all that is stored of one visitor, numbers in full; it is logged.

        :return: dict of plain values, dates as ISO text
        """
        self.ensure_one()
        visitor_sudo = self._check_people_right(reason)
        exported = visitor_sudo._prepare_export()
        self.env["scenic.audit"]._log("visitor_export", self, reason=reason)
        return exported

    def _render_export(self, exported):
        """Return an export as a page to read, in the language of the reader."""
        return self.env["ir.qweb"]._render(
            "scenic_ticket_base.scenic_visitor_export",
            {
                "exported": exported,
                "html_lang": (self.env.lang or "en_US").replace("_", "-"),
            },
        )

    def _prepare_export(self):
        """Return what :meth:`_export` does; other add-ons add what they know."""
        self.ensure_one()
        clear = self._open()
        plain = {
            name: self[name] or None
            for name in ("name", "doc_kind", "sex", "consent_purpose", "guardian_name")
        }
        days = {
            name: self[name] and self[name].isoformat() or None
            for name in ("birth_date", "consent_date", "shred_on", "create_date")
        }
        tickets = self._tickets()
        looks = self.env["scenic.audit"].search(
            [("res_model", "=", self._name), ("res_id", "=", self.id)]
        )
        labels = {
            name: dict(self._fields[name]._description_selection(self.env)).get(
                self[name]
            )
            for name in ("doc_kind", "sex")
        }
        actions = dict(looks._fields["action"]._description_selection(self.env))
        return {
            "labels": labels,
            "looks": [
                {
                    "time": look.event_time.isoformat(),
                    "user": look.user_id.name,
                    "action": actions[look.action],
                }
                for look in looks
            ],
            "visitor": {**plain, **days, **clear, "company": self.company_id.name},
            "tickets": [
                {
                    "number": ticket.name,
                    "product": ticket.product_id.display_name,
                    "site": ticket.site_id.name,
                    "order": ticket.booking_id.external_ref,
                    "sold": ticket.create_date.isoformat(),
                    "valid_from": ticket.date_first.isoformat(),
                    "valid_until": ticket.date_last.isoformat(),
                    "state": ticket.state,
                    "price": ticket.amount_total,
                    "currency": ticket.currency_id.name,
                    "proof": ticket.booking_line_id.proof_note or None,
                    "first_entry": ticket.first_entry_at
                    and ticket.first_entry_at.isoformat()
                    or None,
                }
                for ticket in tickets
            ],
            "bookings_without_ticket": [
                {
                    "order": holder.booking_line_id.booking_id.external_ref,
                    "product": holder.booking_line_id.product_id.display_name,
                    "visit_date": holder.visit_date
                    and holder.visit_date.isoformat()
                    or None,
                    "state": holder.booking_line_id.booking_id.state,
                }
                for holder in self.holder_ids
                if not holder.ticket_id
            ],
            **self._prepare_export_cards(),
        }

    def _prepare_export_cards(self):
        """Return what is stored of a visitor as a member and as a guest."""
        states = {
            model: dict(
                self.env[model]._fields["state"]._description_selection(self.env)
            )
            for model in ("scenic.membership", "scenic.complaint", "scenic.blacklist")
        }
        return {
            "member_cards": [
                {
                    "number": card.name,
                    "product": card.product_id.display_name,
                    "since": card.date_start and card.date_start.isoformat() or None,
                    "until": card.date_end and card.date_end.isoformat() or None,
                    "state": states[card._name][card.state],
                    "visits": card.visit_count,
                    "photo": bool(card.photo_128),
                    "fingerprint_consent": card.fingerprint_date
                    and card.fingerprint_date.isoformat()
                    or None,
                    "fingerprint_guardian": card.fingerprint_guardian or None,
                }
                for card in self.membership_ids
            ],
            "complaints": [
                {
                    "number": complaint.name,
                    "received": complaint.date_received.isoformat(),
                    "subject": complaint.subject,
                    "description": complaint.description,
                    "answer": complaint.answer or None,
                    "state": states[complaint._name][complaint.state],
                }
                for complaint in self.complaint_ids
            ],
            "blacklist": [
                {
                    "from": entry.date_from.isoformat(),
                    "until": entry.date_until and entry.date_until.isoformat() or None,
                    "reason": entry.reason,
                    "state": states[entry._name][entry.state],
                }
                for entry in self.blacklist_ids
            ],
        }

    def _tickets(self):
        """Return all tickets of these visitors."""
        return self.env["scenic.ticket"].search(
            [
                "|",
                ("visitor_id", "in", self.ids),
                ("id", "in", self.holder_ids.ticket_id.ids),
            ]
        )

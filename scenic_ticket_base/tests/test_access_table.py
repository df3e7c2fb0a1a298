from datetime import timedelta

from odoo import Command
from odoo.tests import HttpCase, tagged

from .common import ScenicMixin
from .rights import (
    ANYBODY,
    FACT,
    MANAGER,
    MONEY,
    NOBODY,
    OVERRIDE,
    SERVICE,
    SETTING,
    SHARED_SETTING,
    STAFF,
    WINDOW,
    Right,
    RightsMixin,
    wizard,
)

PHOTOGRAPHERS = (*WINDOW, "customer_service")
BOOKS = (*MONEY, "auditor")
REFUND_READERS = (*WINDOW, "customer_service", "finance", "auditor")
REFUNDERS = (*WINDOW, "customer_service", "finance")
STAFF_CARD_READERS = ("gate_operator", "manager", "auditor")
APPROVERS = ("supervisor", "manager")


@tagged("post_install", "-at_install")
class TestAccessTable(RightsMixin, ScenicMixin, HttpCase):
    """F1: who may do what with the models of this add-on."""

    rights_module = "scenic_ticket_base"
    rights_refusals = (
        "odoo.exceptions.AccessError",
        # a refund cannot change, whoever asks
        "odoo.addons.scenic_ticket_base.exceptions.RefundError",
    )
    rights_outside = (
        ("scenic.signing.key", "action_rotate"),
        ("scenic.signing.key", "action_rotate_data_key"),
        ("scenic.signing.key", "action_purge_data_keys"),
    )
    rights = {
        # what was sold
        "scenic.booking": FACT,
        "scenic.booking.line": FACT,
        "scenic.booking.request": Right(read=(*OVERRIDE, "auditor"), site=False),
        "scenic.ticket": FACT,
        "scenic.entitlement": FACT,
        "scenic.credential": FACT,
        "scenic.print": FACT,
        "scenic.print.job": FACT,
        "scenic.membership": FACT,
        "scenic.membership.freeze": FACT,
        "scenic.staff.card": Right(read=STAFF_CARD_READERS),
        "scenic.capacity.hold": FACT,
        "scenic.blank.lease": FACT,
        # people
        "scenic.visitor": Right(read=(*WINDOW, "customer_service", "auditor")),
        "scenic.ticket.holder": Right(
            read=(*WINDOW, "gate_operator", "customer_service", "auditor")
        ),
        # who is blocked, is so at all sites
        "scenic.blacklist": Right(read=(*OVERRIDE, "auditor"), site=False),
        "scenic.complaint": Right(
            read=(*OVERRIDE, "auditor"), write=SERVICE, unlink=NOBODY
        ),
        "scenic.closure": Right(write=APPROVERS),
        "scenic.closure.line": Right(write=APPROVERS, create=NOBODY, unlink=NOBODY),
        # money and trail
        "scenic.revenue.entry": Right(read=BOOKS),
        "scenic.refund": Right(read=REFUND_READERS),
        "scenic.refund.line": Right(read=REFUND_READERS),
        "scenic.refund.override": Right(read=REFUND_READERS),
        "scenic.audit": Right(read=("manager", "auditor")),
        "scenic.signing.key": Right(
            read=("manager", "auditor"), company=False, site=False
        ),
        # settings
        "scenic.site": SETTING,
        "scenic.printer": SETTING,
        "scenic.slot": SETTING,
        "scenic.slot.template": SETTING,
        "scenic.opening.hours": SETTING,
        "scenic.capacity.pool": SETTING,
        "scenic.capacity.day": SETTING,
        "scenic.capacity.share": SETTING,
        "scenic.capacity.scheme": SHARED_SETTING,
        "scenic.capacity.level": SHARED_SETTING,
        "scenic.reservation.rule": SETTING,
        "scenic.ticket.component": Right(write=MANAGER, site=False),
        "scenic.validity.rule": SHARED_SETTING,
        "scenic.blackout": SHARED_SETTING,
        "scenic.eligibility": SHARED_SETTING,
        "scenic.refund.policy": SHARED_SETTING,
        "scenic.refund.policy.line": SHARED_SETTING,
        "scenic.channel": SHARED_SETTING,
        # wizards
        "scenic.audit.export": wizard("auditor"),
        "scenic.blank.write.off": wizard("manager"),
        "scenic.membership.fingerprint": wizard(*PHOTOGRAPHERS),
        "scenic.membership.photo": wizard(*PHOTOGRAPHERS),
        "scenic.membership.renew": wizard("manager"),
        "scenic.membership.replace": wizard(*PHOTOGRAPHERS),
        "scenic.membership.suspend": wizard(*OVERRIDE),
        "scenic.product.trial": wizard("manager"),
        "scenic.staff.card.issue": wizard("manager"),
        "scenic.staff.card.revoke": wizard("manager"),
        "scenic.booking.amend": wizard(*OVERRIDE),
        "scenic.booking.cancel": wizard(*OVERRIDE),
        "scenic.ticket.change": wizard(*OVERRIDE, "finance"),
        "scenic.visitor.block": wizard(*OVERRIDE),
        "scenic.visitor.reason": wizard(*SERVICE),
        "scenic.refund.request": wizard(*REFUNDERS),
        "scenic.holder.change": wizard(*OVERRIDE),
        "scenic.credential.change": wizard(*OVERRIDE),
    }
    rights_methods = {
        ("account.move", "action_view_scenic_revenue_entries"): (ANYBODY, []),
        ("res.partner", "action_scenic_bookings"): (ANYBODY, []),
        ("res.partner", "action_scenic_complaints"): (ANYBODY, []),
        ("res.partner", "action_scenic_memberships"): (ANYBODY, []),
        ("res.partner", "action_scenic_tickets"): (ANYBODY, []),
        ("res.partner", "action_scenic_visits"): (ANYBODY, []),
        ("scenic.audit", "action_export"): (("auditor",), []),
        ("scenic.audit", "action_open_document"): (("manager", "auditor"), []),
        ("scenic.audit", "action_open_record"): (("manager", "auditor"), []),
        ("scenic.audit.export", "action_download"): (("auditor",), []),
        ("scenic.blank.lease", "action_view_blanks"): (STAFF, []),
        ("scenic.blank.write.off", "action_apply"): (MANAGER, []),
        ("scenic.booking", "action_hold_longer"): (OVERRIDE, []),
        ("scenic.booking", "action_view_tickets"): (ANYBODY, []),
        ("scenic.booking.amend", "action_apply"): (OVERRIDE, []),
        ("scenic.booking.cancel", "action_apply"): (OVERRIDE, []),
        ("scenic.capacity.pool", "action_days"): (ANYBODY, []),
        ("scenic.capacity.pool", "action_holds"): (ANYBODY, []),
        ("scenic.complaint", "action_answer"): (SERVICE, []),
        ("scenic.complaint", "action_close"): (SERVICE, []),
        ("scenic.complaint", "action_start"): (SERVICE, []),
        ("scenic.membership", "action_give_fingerprint"): (PHOTOGRAPHERS, []),
        ("scenic.membership", "action_set_photo"): (PHOTOGRAPHERS, [False]),
        ("scenic.membership", "action_withdraw_fingerprint"): (PHOTOGRAPHERS, []),
        ("scenic.membership", "action_view_tickets"): (ANYBODY, []),
        ("scenic.membership.fingerprint", "action_give"): (PHOTOGRAPHERS, []),
        ("scenic.membership.fingerprint", "action_withdraw"): (PHOTOGRAPHERS, []),
        ("scenic.membership.photo", "action_apply"): (PHOTOGRAPHERS, []),
        ("scenic.membership.renew", "action_apply"): (MANAGER, []),
        ("scenic.membership.replace", "action_apply"): (PHOTOGRAPHERS, []),
        ("scenic.membership.suspend", "action_apply"): (OVERRIDE, []),
        ("scenic.closure", "action_close"): (APPROVERS, []),
        ("scenic.closure", "action_refresh"): (APPROVERS, []),
        ("scenic.closure", "action_choose_all"): (APPROVERS, []),
        ("scenic.closure", "action_undo"): (APPROVERS, []),
        ("scenic.closure", "action_apply"): (APPROVERS, []),
        ("scenic.closure", "action_retry"): (APPROVERS, []),
        ("scenic.closure", "action_view_tickets"): (STAFF, []),
        ("scenic.revenue.entry", "action_post"): (MONEY, []),
        ("product.template", "action_try_scenic_date"): (ANYBODY, []),
        ("product.template", "action_view_scenic_prices"): (ANYBODY, []),
        ("scenic.product.trial", "action_next_date"): (MANAGER, []),
        ("scenic.signing.key", "action_rotate"): (MANAGER, []),
        ("scenic.signing.key", "action_rotate_data_key"): (MANAGER, ()),
        ("scenic.signing.key", "action_purge_data_keys"): (MANAGER, ()),
        ("scenic.slot.template", "action_generate"): (MANAGER, []),
        ("scenic.staff.card", "action_revoke"): (MANAGER, []),
        ("scenic.staff.card", "action_view_ticket"): (STAFF_CARD_READERS, []),
        ("scenic.staff.card.issue", "action_apply"): (MANAGER, []),
        ("scenic.staff.card.revoke", "action_apply"): (MANAGER, []),
        ("scenic.ticket", "action_life_line"): (STAFF, []),
        ("scenic.ticket", "action_print"): ((*WINDOW, "customer_service"), []),
        ("scenic.ticket", "action_print_life_line"): (STAFF, []),
        ("scenic.ticket.change", "action_apply"): (OVERRIDE, []),
        ("scenic.visitor.block", "action_apply"): (OVERRIDE, []),
        ("scenic.visitor.reason", "action_apply"): (SERVICE, []),
        ("scenic.holder.change", "action_apply"): (OVERRIDE, []),
        ("scenic.credential.change", "action_apply"): (OVERRIDE, []),
        ("scenic.visitor", "action_show_number"): (SERVICE, ["Asked for by himself"]),
        ("scenic.visitor", "action_export"): (SERVICE, ["Asked for by himself"]),
        ("scenic.visitor", "action_erase"): (SERVICE, ["Asked for by himself"]),
        ("scenic.refund.request", "action_request"): (REFUNDERS, []),
        ("scenic.refund.override", "action_approve"): (APPROVERS, []),
        ("scenic.refund.override", "action_refuse"): (APPROVERS, []),
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._rights_setup(cls._make_samples())

    @classmethod
    def _make_samples(cls):
        """Make one record of each model, at the area; return ``{model: record}``."""
        env, site = cls.env, cls.scenic_area
        at_site = {"name": "Sample", "site_id": site.id}
        pool = env["scenic.capacity.pool"].create(
            {**at_site, "kind": "day", "capacity": 100}
        )
        slot = env["scenic.slot"].create(
            {
                **at_site,
                "date": cls.visit_date,
                "start": f"{cls.visit_date} 01:00:00",
                "end": f"{cls.visit_date} 02:00:00",
            }
        )
        scheme = env["scenic.capacity.scheme"].create(
            {
                "name": "Sample",
                "level_ids": [
                    Command.create({"name": "Red", "percent": 90, "colour": "red"})
                ],
            }
        )
        policy = env["scenic.refund.policy"].create(
            {"name": "Sample", "line_ids": [Command.create({})]}
        )
        lease = env["scenic.blank.lease"]._lease(
            "window", "Sample", "browser", cls.scenic_individual, 1
        )
        made = {
            "scenic.blank.lease": lease,
            "scenic.capacity.pool": pool,
            "scenic.slot": slot,
            # a pool makes its days
            "scenic.capacity.day": env["scenic.capacity.day"].search(
                [("pool_id", "=", pool.id)], limit=1
            ),
            "scenic.capacity.share": env["scenic.capacity.share"].create(
                {"pool_id": pool.id, "channel_id": cls._channel().id, "guaranteed": 1}
            ),
            "scenic.slot.template": env["scenic.slot.template"].create(at_site),
            "scenic.opening.hours": env["scenic.opening.hours"].create(at_site),
            "scenic.capacity.scheme": scheme,
            "scenic.capacity.level": scheme.level_ids,
            "scenic.blackout": env["scenic.blackout"].create(
                {
                    "name": "Sample",
                    "validity_rule_id": cls.scenic_rule.id,
                    "date_from": cls.visit_date - timedelta(days=99),
                    "date_to": cls.visit_date - timedelta(days=99),
                }
            ),
            "scenic.eligibility": env["scenic.eligibility"].create(
                {"name": "Sample", "proof": "Student card"}
            ),
            "scenic.refund.policy": policy,
            "scenic.refund.policy.line": policy.line_ids[:1],
            "scenic.channel": cls._channel(),
            "scenic.reservation.rule": env["scenic.reservation.rule"].create(
                {**at_site, "level": "advised"}
            ),
        }
        booking = env["scenic.booking"]._hold(
            "window",
            "SAMPLE",
            [cls._scenic_line(cls.scenic_individual, 1)],
            key="sample-key",
        )
        ticket = booking._confirm()
        ticket._count_print()
        visitor = env["scenic.visitor"].create({"name": "Sample"})
        place = {
            "visitor_id": visitor.id,
            "product_id": cls.scenic_individual.id,
            "site_id": site.id,
            "company_id": site.company_id.id,
        }
        card = env["scenic.membership"].create({**place, "name": "M-SAMPLE"})
        staff_card = env["scenic.staff.card"].create(
            {
                **place,
                "name": "S-SAMPLE",
                "holder_name": "Sample",
                "date_from": cls.visit_date,
                "date_to": cls.visit_date,
            }
        )
        holder = env["scenic.ticket.holder"].create(
            {
                "visitor_id": visitor.id,
                "booking_line_id": booking.line_ids.id,
                "ticket_id": ticket.id,
                "site_id": site.id,
            }
        )
        closure = env["scenic.closure"].create(
            {
                "site_id": site.id,
                "date_from": cls.visit_date,
                "date_to": cls.visit_date,
                "reason": "Sample",
            }
        )
        printer = env["scenic.printer"].create(
            {"name": "Sample", "code": "S1", "site_id": site.id}
        )
        refunded = cls._scenic_sell(cls.scenic_individual)
        refunded._refund("CN/SAMPLE", "Sample")
        refund = env["scenic.refund"].search([("ticket_id", "=", refunded.id)])
        made |= {
            "scenic.site": site,
            "product.template": cls.scenic_individual.product_tmpl_id,
            "scenic.ticket.component": cls.scenic_individual.scenic_component_ids,
            "scenic.validity.rule": cls.scenic_rule,
            "scenic.booking": booking,
            "scenic.booking.line": booking.line_ids,
            "scenic.booking.request": env["scenic.booking.request"].search(
                [("booking_id", "=", booking.id)]
            ),
            "scenic.ticket": ticket,
            "scenic.entitlement": ticket.entitlement_ids,
            "scenic.credential": ticket.credential_ids,
            "scenic.printer": printer,
            "scenic.print.job": printer._print(ticket),
            "scenic.print": env["scenic.print"].search([("ticket_id", "=", ticket.id)]),
            "scenic.capacity.hold": env["scenic.capacity.hold"].search(
                [("booking_line_id", "=", booking.line_ids.id)]
            ),
            "scenic.revenue.entry": env["scenic.revenue.entry"]._recognise(
                ticket.entitlement_ids, 1, cls.visit_date
            ),
            "scenic.audit": env["scenic.audit"].search(
                [("res_model", "=", "scenic.site"), ("res_id", "=", site.id)]
            ),
            "scenic.visitor": visitor,
            "scenic.membership": card,
            "scenic.membership.freeze": env["scenic.membership.freeze"].create(
                {
                    "membership_id": card.id,
                    "ticket_id": ticket.id,
                    "date_from": cls.visit_date,
                    "reason": "Sample",
                    "state": "planned",
                }
            ),
            "scenic.staff.card": staff_card,
            "scenic.blacklist": env["scenic.blacklist"].create(
                {
                    "visitor_id": visitor.id,
                    "company_id": site.company_id.id,
                    "reason": "Sample",
                    "date_from": cls.visit_date,
                    "user_id": env.uid,
                }
            ),
            "scenic.closure": closure,
            "scenic.closure.line": env["scenic.closure.line"].create(
                {
                    "closure_id": closure.id,
                    "company_id": site.company_id.id,
                    "booking_line_id": booking.line_ids.id,
                    "booking_id": booking.id,
                    "product_id": cls.scenic_individual.id,
                    "channel_id": booking.channel_id.id,
                    "ticket_count": 1,
                    "persons": 1,
                    "amount_total": 1,
                }
            ),
            "scenic.complaint": env["scenic.complaint"].create(
                {
                    "subject": "Sample",
                    "description": "Sample",
                    "category": "other",
                    "source": "phone",
                    "site_id": site.id,
                }
            ),
            "scenic.ticket.holder": holder,
            "scenic.refund": refund,
            "scenic.refund.line": refund.line_ids,
            "scenic.refund.override": env["scenic.refund.override"].create(
                {
                    "ticket_id": ticket.id,
                    "persons": 1,
                    "amount_total": 1,
                    "reason": "Sample",
                    "requester_id": env.uid,
                    "date_requested": f"{cls.visit_date} 01:00:00",
                    "valid_until": f"{cls.visit_date} 02:00:00",
                    "state": "requested",
                }
            ),
            # wizards, filled in
            "scenic.ticket.change": env["scenic.ticket.change"].create(
                {
                    "ticket_ids": ticket.ids,
                    "action": "freeze",
                    "reason": "Sample",
                }
            ),
            "scenic.audit.export": env["scenic.audit.export"].create({}),
            "scenic.membership.fingerprint": env[
                "scenic.membership.fingerprint"
            ].create({"membership_id": card.id}),
            "scenic.membership.photo": env["scenic.membership.photo"].create(
                {"membership_id": card.id}
            ),
            "scenic.membership.suspend": env["scenic.membership.suspend"].create(
                {"membership_id": card.id, "action": "freeze", "reason": "Sample"}
            ),
            "scenic.product.trial": env["scenic.product.trial"].create(
                {"product_id": cls.scenic_individual.id}
            ),
            "scenic.membership.renew": env["scenic.membership.renew"].create(
                {
                    "membership_id": card.id,
                    "product_id": cls.scenic_individual.id,
                    "reason": "Sample",
                }
            ),
            "scenic.membership.replace": env["scenic.membership.replace"].create(
                {"membership_id": card.id, "reason": "Sample"}
            ),
            "scenic.staff.card.issue": env["scenic.staff.card.issue"].create(
                {
                    "product_id": cls.scenic_individual.id,
                    "holder_name": "Sample",
                    "date_to": cls.visit_date,
                }
            ),
            "scenic.blank.write.off": env["scenic.blank.write.off"].create(
                {"lease_ids": lease.ids, "reason": "Sample"}
            ),
            "scenic.staff.card.revoke": env["scenic.staff.card.revoke"].create(
                {"card_ids": staff_card.ids, "reason": "Sample"}
            ),
            "scenic.visitor.block": env["scenic.visitor.block"].create(
                {"visitor_id": visitor.id, "action": "lift", "reason": "Sample"}
            ),
            "scenic.visitor.reason": env["scenic.visitor.reason"].create(
                {"visitor_id": visitor.id, "reason": "Sample"}
            ),
            "scenic.holder.change": env["scenic.holder.change"].create(
                {"ticket_id": ticket.id, "name": "Sample", "reason": "Sample"}
            ),
            "scenic.credential.change": env["scenic.credential.change"].create(
                {"ticket_id": ticket.id, "reason": "Sample"}
            ),
            "scenic.booking.amend": env["scenic.booking.amend"].create(
                {
                    "booking_id": booking.id,
                    "line_id": booking.line_ids.id,
                    "reason": "Sample",
                }
            ),
            "scenic.booking.cancel": env["scenic.booking.cancel"].create(
                {"booking_id": booking.id, "reason": "Sample"}
            ),
            "scenic.refund.request": env["scenic.refund.request"].create(
                {"ticket_id": ticket.id, "reason": "Sample"}
            ),
        }
        return made

    @classmethod
    def _channel(cls):
        return cls.env["scenic.channel"].search([("code", "=", "window")])

"""When a ticket may be used, who may buy it, and for how many persons."""

import functools
import operator
from zoneinfo import ZoneInfo

from odoo import fields, models
from odoo.fields import Domain

from ..exceptions import BookingError
from ..tools.window import Window, local_day
from .product_template import MAX_PERSONS


class ProductTemplate(models.Model):
    _inherit = "product.template"

    # ------------------------------------------------------------------
    # When
    # ------------------------------------------------------------------

    def _scenic_windows(self, sale_datetime, visit_date, slot=None):
        """Return when a ticket and each of its components may be used.

        Called once per booking line. A time slot limits the components at its site.

        :param datetime sale_datetime: naive UTC
        :param date visit_date: maybe None
        :param slot: ``scenic.slot``, maybe empty
        :return: ``(window, {component: window})``, both ``tools.window.Window``;
            the first one spans the others
        :raise BookingError: see ``scenic.validity.rule._window``
        """
        self.ensure_one()
        timed = self._scenic_slot_components(slot)
        windows = {}
        for component in self.scenic_component_ids:
            rule = component.validity_rule_id or self.scenic_validity_rule_id
            windows[component] = rule._window(
                component.site_id,
                sale_datetime,
                visit_date,
                slot=slot if component in timed else None,
                template=self,
            )
        first_day = min(w.first_day for w in windows.values())
        last_day = max(w.last_day for w in windows.values())
        whole = Window(
            first_day,
            (last_day - first_day).days + 1,
            min(w.valid_from for w in windows.values()),
            max(w.valid_to for w in windows.values()),
            functools.reduce(operator.or_, (w.weekdays for w in windows.values())),
            min(w.minute_from for w in windows.values()),
            max(w.minute_to for w in windows.values()),
        )
        return whole, windows

    def _scenic_fetch_components(self):
        """Read the components with what they say, which else takes two queries."""
        self.ensure_one()
        listed = self._fields["scenic_component_ids"]
        if self.id in listed._get_cache(self.env):
            return
        # archived ones, too, as in a list that the ORM reads
        components = self.env["scenic.ticket.component"].with_context(active_test=False)
        names = [
            name
            for name, field in components._fields.items()
            if field.store and field.column_type and field.prefetch is True
        ]
        found = components.search_fetch(
            listed.get_comodel_domain(self) & Domain("product_tmpl_id", "=", self.id),
            names,
        )
        listed._insert_cache(self, [found._ids])

    def _scenic_slot_components(self, slot):
        """Return the components that a time slot is for."""
        components = self.scenic_component_ids
        if not slot:
            return components.browse()
        site = slot.site_id
        return (
            components.filtered(lambda c: c.site_id == site)
            or components.filtered(
                lambda c: c.site_id.parent_path.startswith(site.parent_path)
            )
            or components
        )

    def _scenic_check_date(self, visit_date, slot=None, sold_at=None):
        """Check that a visit on a date can take place, and is not over.

        :param date visit_date: maybe None
        :param slot: ``scenic.slot``, maybe empty
        :param datetime sold_at: naive UTC, by default now
        :raise BookingError: as :meth:`_scenic_check_hours` and
            :meth:`_scenic_check_open`
        """
        self._scenic_check_hours(visit_date, slot, sold_at)
        self._scenic_check_open(visit_date, slot)

    def _scenic_check_hours(self, visit_date, slot=None, sold_at=None):
        """Check a visit against rules and opening hours, closures left out.

        See :meth:`_scenic_check_date` for the parameters.

        :raise BookingError: ``VISIT_DATE_MISSING``, ``DATE_WEEKDAY``,
            ``DATE_BLACKOUT``, ``DATE_CLOSED`` or ``DATE_RANGE``, which know their
            ``next_date``
        """
        self.ensure_one()
        now = fields.Datetime.now()
        window, _windows = self._scenic_windows(sold_at or now, visit_date, slot)
        if window.valid_to <= now:
            rule, site = self.scenic_validity_rule_id, self.scenic_site_id
            rule._refuse_date(
                "DATE_CLOSED",
                rule._calendar(site),
                visit_date or window.last_day,
                (window.first_day, window.last_day),
                site,
                local_day(now, ZoneInfo(site.tz)),
            )

    def _scenic_check_open(self, visit_date, slot=None):
        """Check that no place of this ticket is closed for a reason of its own.

        :raise BookingError: ``SITE_CLOSED``
        """
        self.ensure_one()
        sites = self.scenic_component_ids.site_id
        closure = sites._closed(visit_date, slot)
        if closure:
            # sudo: what is closed is said to whoever wants to buy
            raise BookingError(
                self.env._(
                    "%(closure)s. Please choose another date.",
                    closure=closure.sudo()._text(),
                ),
                code="SITE_CLOSED",
            )

    def _scenic_possible_on(self, visit_date):
        """Tell whether a visit on a date, sold now, can take place."""
        try:
            self._scenic_check_date(visit_date)
        except BookingError:
            return False
        return True

    # ------------------------------------------------------------------
    # Who
    # ------------------------------------------------------------------

    def _scenic_concessions(self):
        """Return the concessions of this ticket, archived ones included.

        A ticket whose concessions were archived is for nobody, not for everybody.
        """
        self.ensure_one()
        if not self.scenic_is_concession:
            return self.env["scenic.eligibility"]
        return self.with_context(active_test=False).scenic_eligibility_ids

    def _scenic_entitlement_to(self, facts, day):
        """Return the concession by which a visitor may buy this ticket.

        :param dict facts: see ``scenic.eligibility._propose``
        :return: ``scenic.eligibility``, empty for a ticket that everybody may buy;
            None when nothing entitles the visitor
        """
        self.ensure_one()
        rules = self._scenic_concessions()
        if not rules:
            return rules
        return rules._in_force(self.scenic_site_id, day)._entitled(facts, day) or None

    def _scenic_group_persons(self, quantity):
        """Return for how many persons each ticket of a booking line is.

        Free guides come on top of the persons who pay, and last: a code for the whole
        group admits them too, and with a code each the last tickets are theirs.

        :param int quantity: persons who pay
        :return: ``(list of persons per ticket, number of free guides)``; the list adds
            up to ``quantity`` and the guides
        :raise BookingError: ``GROUP_TOO_SMALL`` or ``GROUP_TOO_LARGE``
        """
        self.ensure_one()
        if self.scenic_ticket_kind != "group":
            return [1] * quantity, 0
        if quantity < self.scenic_min_persons:
            raise BookingError(
                self.env._(
                    "“%(product)s” is for %(minimum)s persons or more, not "
                    "%(quantity)s.",
                    product=self.display_name,
                    minimum=self.scenic_min_persons,
                    quantity=quantity,
                ),
                code="GROUP_TOO_SMALL",
            )
        guides = quantity // self.scenic_guide_per if self.scenic_guide_per else 0
        if self.scenic_group_codes == "each":
            return [1] * (quantity + guides), guides
        if quantity + guides > MAX_PERSONS:
            raise BookingError(
                self.env._(
                    "A group ticket is for %(max)s persons at most, not "
                    "%(quantity)s. Please book several groups.",
                    max=MAX_PERSONS,
                    quantity=quantity + guides,
                ),
                code="GROUP_TOO_LARGE",
            )
        return [quantity + guides], guides

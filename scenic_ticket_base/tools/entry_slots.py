"""The money of one right of a ticket, entry by entry (no Odoo in here).

The price of a right is divided over its entries, to the cent and once for all: entry
``n`` is worth the step from ``n`` to ``n + 1`` of :func:`~.split.earned_units`. One
can think of numbered slots. Passes take them from the front, refunds and lapses from
the back; so whatever happens in whatever order, the parts add up to the price.
"""

from typing import NamedTuple

from .split import earned_units


class Slots(NamedTuple):
    """A right as it stands; all money in whole units (cents), without tax.

    amount: price of the right
    entries: entries that it has
    used: entries that were passed; 0 for a right of unlimited entries
    refunded: unused entries that were paid back, at the back
    repaid: used entries that were paid back, at the front
    lapsed: unused entries that became revenue, before the refunded ones
    recognised: revenue earned so far
    paid_back: what customers got back
    by_entry: revenue is earned by admissions, and not by the calendar
    """

    amount: int
    entries: int
    used: int
    refunded: int
    repaid: int
    lapsed: int
    recognised: int
    paid_back: int
    by_entry: bool

    def upto(self, entry):
        """Return what the first so many entries are worth."""
        return earned_units(self.amount, entry, self.entries)

    @property
    def free(self):
        """Entries that were neither used nor paid back."""
        return max(0, self.entries - self.refunded - self.used)

    @property
    def value_left(self):
        """What the entries are worth that were not paid back."""
        return self.upto(self.entries - self.refunded) - self.upto(self.repaid)

    @property
    def given_back(self):
        """What the entries are worth that were paid back, kept fees included."""
        return self.amount - self.value_left

    @property
    def earned_left(self):
        """Revenue earned by the entries that were not paid back."""
        return self.recognised - (self.given_back - self.paid_back)

    @property
    def open(self):
        return self.amount - self.recognised - self.paid_back

    def free_value(self, count):
        """Return what the last ``count`` free entries are worth."""
        end = self.entries - self.refunded
        return self.upto(end) - self.upto(end - count)

    def free_earned(self, count):
        """Return how much of :meth:`free_value` is revenue already."""
        if self.by_entry:
            # what lapsed lies behind all that can still be used
            return self.free_value(min(count, self.lapsed))
        value = self.free_value(count)
        if not self.value_left:
            return 0
        if count == self.free:
            # what was used keeps its own share; the rest was earned by these
            used = self.value_left - value
            return self.earned_left - used
        return self.earned_left * value // self.value_left

    def used_value(self, count):
        """Return what the first ``count`` used entries are worth that were not
        paid back yet."""
        return self.upto(self.repaid + count) - self.upto(self.repaid)

    def used_earned(self, count):
        """Return how much of :meth:`used_value` is revenue, or will be.

        Passes are turned into revenue some time later, whatever happened to the
        ticket meanwhile; paying a used entry back takes its revenue back at once.
        """
        return self.used_value(count)

    def admission(self, done, count):
        """Return what ``count`` passes earn after ``done`` passes have earned.

        An entry that lapsed earned then: it does not earn again when a gate that was
        offline reports its use later.
        """
        if not self.by_entry:
            return 0
        end = self.entries - self.refunded - self.lapsed
        return self.upto(min(done + count, max(done, end))) - self.upto(done)

    def calendar(self, done, left):
        """Return what the calendar earns now, after ``done`` days, ``left`` to come.

        Never below zero: a period that grew longer earns nothing until it caught up.
        """
        target = (
            earned_units(self.value_left, done, done + left)
            if left
            else (self.value_left)
        )
        return max(0, target - self.earned_left)

    def lapse(self):
        """Return ``(entries, money)`` that become revenue if no more is used."""
        if not self.by_entry:
            return 0, self.value_left - self.earned_left
        # a gate that was offline may report uses of entries that have lapsed
        count = max(0, self.free - self.lapsed)
        return count, self.free_value(self.lapsed + count) - self.free_value(
            self.lapsed
        )

"""What a refund policy grants, and the money of a refund (no Odoo in here).

The terms are plain data, frozen at the sale. The rules are those of domain.md §4,
table "Refund and change". Amounts are whole currency units (cents), times naive UTC.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from .split import earned_units, split_units

VERSION = 1
LINE_STATES = ("valid", "part_used", "expired")
AT_EXPIRY = ("keep", "refund", "breakage")

#: What holds where nobody chose a policy: the whole price until the first use.
DEFAULT_TERMS = {
    "version": VERSION,
    "lines": [
        {"state": "valid", "hours": None, "allowed": True, "percent": 0, "fixed": 0}
    ],
    "allow_partial": False,
    "changes_max": None,
    "change_fee": 0,
    "change_hours": None,
    "cooling_days": 0,
    "pro_rata": False,
    "single_price": 0,
    "at_expiry": "keep",
    "lapse_hours": 0,
    "override": "supervisor",
}


class TermsError(ValueError):
    """The terms contradict themselves; ``code`` says how."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Facts(NamedTuple):
    """What is asked for, and how things stand.

    kind: ``individual``, ``group``, ``member`` or ``staff``
    state: state of the ticket
    now: the moment that counts
    start: when the visit starts: of the slot, of the visit day, else of the last
        valid day
    end: first moment at which the ticket is not valid any more
    sold: when it was sold
    value: price of what is asked for, tax included
    paid: price of the whole ticket, tax included, less what was paid back
    heads: persons that it is for; the fixed fee is taken once for each
    uses: entries used so far
    partial: less than all that is left is asked for
    used_parts: something asked for was used, or cannot be used any more because
        another part was
    days_left, days_total: of the period of a card, today included
    due: paid back whatever the terms say: closed, or paid back at expiry
    override: two persons agreed to pay back whatever the terms say
    """

    kind: str
    state: str
    now: datetime
    start: datetime
    end: datetime
    sold: datetime
    value: int
    paid: int
    heads: int = 1
    uses: int = 0
    partial: bool = False
    used_parts: bool = False
    days_left: int = 0
    days_total: int = 1
    due: bool = False
    override: bool = False


class Decision(NamedTuple):
    """Whether, and what: ``amount + fee`` is always the value asked for.

    code: ``REFUND_OK``, or why not; the texts live in ``scenic.ticket``
    """

    allowed: bool
    amount: int
    fee: int
    code: str


def refuse(code):
    return Decision(False, 0, 0, code)


def grant(value, fee=0):
    fee = max(0, min(value, fee))
    return Decision(True, value - fee, fee, "REFUND_OK")


def decide(terms, facts):
    """Decide on one refund.

    The cut-off of a line excludes its end: "24 hours before" holds until one moment
    before the 24th hour begins.
    """
    if facts.state == "held":
        return refuse("REFUND_NOT_PAID")
    if facts.state == "refunded":
        return refuse("TICKET_REFUNDED")
    if facts.state == "frozen":
        return refuse("TICKET_FROZEN")
    if facts.override:
        return grant(facts.value)
    if facts.used_parts or facts.state == "used":
        return refuse("TICKET_USED")
    if facts.due:
        return grant(facts.value)
    if facts.state == "void":
        return refuse("TICKET_VOID")
    if facts.kind == "member":
        return _decide_card(terms, facts)
    if facts.state == "expired":
        return _decide_expired(terms, facts)
    if facts.partial and not terms["allow_partial"]:
        return refuse("REFUND_PARTIAL")
    if facts.state == "part_used" and not terms["allow_partial"]:
        return refuse("TICKET_USED")
    return _by_line(terms, facts)


def _decide_card(terms, facts):
    """Decide on a card: cooling period, then pro rata less uses at single price."""
    if facts.state == "expired":
        return refuse("REFUND_EXPIRED")
    if facts.partial:
        return refuse("REFUND_PARTIAL")
    if not facts.uses and facts.now < facts.sold + timedelta(
        days=terms["cooling_days"]
    ):
        return grant(facts.value)
    if not terms["pro_rata"]:
        return refuse("TICKET_USED") if facts.uses else _by_line(terms, facts)
    left = earned_units(
        facts.paid, max(0, min(facts.days_left, facts.days_total)), facts.days_total
    )
    left = min(facts.value, max(0, left - facts.uses * terms["single_price"]))
    line = find_line(terms, facts)
    if line and not line["allowed"]:
        return refuse("REFUND_NOT_ALLOWED")
    fee = line_fee(line, left, facts.heads) if line else 0
    return grant(facts.value, facts.value - max(0, left - fee))


def _decide_expired(terms, facts):
    if not any(line["state"] == "expired" for line in terms["lines"]):
        return refuse("REFUND_EXPIRED")
    if facts.partial and not terms["allow_partial"]:
        return refuse("REFUND_PARTIAL")
    return _by_line(terms, facts)


def _by_line(terms, facts):
    line = find_line(terms, facts)
    if not line:
        return refuse(
            "REFUND_EXPIRED" if facts.state == "expired" else "REFUND_TOO_LATE"
        )
    if not line["allowed"]:
        return refuse("REFUND_NOT_ALLOWED")
    return grant(facts.value, line_fee(line, facts.value, facts.heads))


def find_line(terms, facts):
    """Return the line that holds now, or None: it is too late for all of them.

    Lines of a partly used ticket are those for it, or else those of a valid one.
    Hours count back from the start of the visit, for an expired ticket on from its
    end; None never ends.
    """
    state = facts.state
    lines = [line for line in terms["lines"] if line["state"] == state]
    if not lines and state == "part_used":
        lines = [line for line in terms["lines"] if line["state"] == "valid"]
    for line in sort_lines(lines):
        if line["hours"] is None:
            return line
        hours = timedelta(hours=line["hours"])
        end = facts.end + hours if state == "expired" else facts.start - hours
        if facts.now < end:
            return line
    return None


def sort_lines(lines):
    """Return lines of one state, the one that ends first first."""

    def ends(line):
        if line["hours"] is None:
            return (1, 0)
        return (0, line["hours"] if line["state"] == "expired" else -line["hours"])

    return sorted(lines, key=ends)


def line_fee(line, value, heads):
    """Return the fee: half a cent is rounded up, the whole value at most."""
    # percent has two decimals: whole hundredths, so that no float decides a cent
    hundredths = round(line["percent"] * 100)
    percent = (value * hundredths + 5000) // 10000
    return max(0, min(value, percent + line["fixed"] * heads))


def check_terms(terms):
    """Check that waiting never pays: a later line costs as much, or more.

    :raise TermsError:
    """
    for state in LINE_STATES:
        lines = sort_lines([line for line in terms["lines"] if line["state"] == state])
        for line in lines:
            if not 0 <= line["percent"] <= 100 or line["fixed"] < 0:
                raise TermsError("FEE_RANGE")
        for earlier, later in zip(lines, lines[1:], strict=False):
            if earlier["hours"] == later["hours"]:
                raise TermsError("LINE_TWICE")
            if later["allowed"] and (
                not earlier["allowed"]
                or later["percent"] < earlier["percent"]
                or later["fixed"] < earlier["fixed"]
            ):
                raise TermsError("LATER_IS_CHEAPER")


def lapse_hours(terms):
    """Return how long after its end an expired ticket can still be paid back.

    :return: hours, 0 for never; None: for ever
    """
    allowed = [
        line
        for line in terms["lines"]
        if line["state"] == "expired" and line["allowed"]
    ]
    if any(line["hours"] is None for line in allowed):
        return None
    return max((line["hours"] for line in allowed), default=0)


def decide_change(terms, change_count, now, start):
    """Decide on a change of date or slot.

    :return: :class:`Decision`; its fee is for each ticket, its amount 0
    """
    if terms["changes_max"] is not None and change_count >= terms["changes_max"]:
        return refuse("CHANGE_TOO_OFTEN")
    if terms["change_hours"] is not None and now >= start - timedelta(
        hours=terms["change_hours"]
    ):
        return refuse("CHANGE_TOO_LATE")
    return Decision(True, 0, terms["change_fee"], "CHANGE_OK")


def tax_of(tax, untaxed, before, value, last=False):
    """Return the tax that belongs to a part of the price.

    :param tax, untaxed: of the whole ticket
    :param before: untaxed value that was given back already
    :param value: untaxed value that is given back now
    :param last: nothing of the ticket is left after this
    """
    if not untaxed:
        return tax if last else 0
    return earned_units(tax, before + value, untaxed) - earned_units(
        tax, before, untaxed
    )


def split_amount(amount, untaxed, tax):
    """Split a sum paid back into untaxed amount and tax, neither above its share."""
    if not untaxed + tax:
        return 0, 0
    return tuple(split_units(amount, [untaxed, tax]))

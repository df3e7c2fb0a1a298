import copy
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..tools import refund_terms
from ..tools.entry_slots import Slots
from ..tools.refund_terms import DEFAULT_TERMS, Facts, TermsError, decide

START = datetime(2026, 10, 1, 0, 0)
STATES = ("held", "valid", "part_used", "used", "expired", "frozen", "refunded", "void")
KINDS = ("individual", "group", "member", "staff")


def line(state="valid", hours=None, allowed=True, percent=0, fixed=0):
    return {
        "state": state,
        "hours": hours,
        "allowed": allowed,
        "percent": percent,
        "fixed": fixed,
    }


def terms(*lines, **values):
    return {**copy.deepcopy(DEFAULT_TERMS), "lines": list(lines), **values}


def facts(**values):
    return Facts(
        **{
            "kind": "individual",
            "state": "valid",
            "now": START - timedelta(days=2),
            "start": START,
            "end": START + timedelta(days=1),
            "sold": START - timedelta(days=30),
            "value": 10000,
            "paid": 10000,
            **values,
        }
    )


hours = st.one_of(st.none(), st.integers(-100, 200))
lines_strategy = st.lists(
    st.fixed_dictionaries(
        {
            "state": st.sampled_from(refund_terms.LINE_STATES),
            "hours": hours,
            "allowed": st.booleans(),
            "percent": st.floats(0, 100, allow_nan=False).map(lambda p: round(p, 2)),
            "fixed": st.integers(0, 3000),
        }
    ),
    max_size=6,
)


@st.composite
def sound_terms(draw):
    """Any terms that a policy may have."""
    result = terms(
        *draw(lines_strategy),
        allow_partial=draw(st.booleans()),
        cooling_days=draw(st.integers(0, 40)),
        pro_rata=draw(st.booleans()),
        single_price=draw(st.integers(0, 5000)),
    )
    for state in refund_terms.LINE_STATES:
        seen, floor = set(), (True, 0, 0)
        own = [row for row in result["lines"] if row["state"] == state]
        for row in refund_terms.sort_lines(own):
            if row["hours"] in seen:
                result["lines"].remove(row)
                continue
            seen.add(row["hours"])
            row["allowed"] = row["allowed"] and floor[0]
            row["percent"] = max(row["percent"], floor[1])
            row["fixed"] = max(row["fixed"], floor[2])
            floor = (row["allowed"], row["percent"], row["fixed"])
    refund_terms.check_terms(result)
    return result


@st.composite
def any_facts(draw):
    value = draw(st.integers(0, 10**7))
    total = draw(st.integers(1, 400))
    return facts(
        kind=draw(st.sampled_from(KINDS)),
        state=draw(st.sampled_from(STATES)),
        now=START + timedelta(minutes=draw(st.integers(-20000, 20000))),
        value=value,
        paid=value + draw(st.integers(0, 10**6)),
        heads=draw(st.integers(1, 255)),
        uses=draw(st.integers(0, 50)),
        partial=draw(st.booleans()),
        used_parts=draw(st.booleans()),
        days_left=draw(st.integers(-10, 500)),
        days_total=total,
        due=draw(st.booleans()),
        override=draw(st.booleans()),
    )


@tagged("post_install", "-at_install")
class TestRefundTerms(BaseCase):
    def _assert(self, decision, code, amount=0, fee=0):
        self.assertEqual(
            (decision.code, decision.amount, decision.fee), (code, amount, fee)
        )
        self.assertEqual(decision.allowed, code == "REFUND_OK")

    def test_cut_off_excludes_its_end(self):
        rules = terms(line(hours=24), line(hours=0, percent=30))
        cut_off = START - timedelta(hours=24)
        second = timedelta(seconds=1)
        self._assert(decide(rules, facts(now=cut_off - second)), "REFUND_OK", 10000)
        self._assert(decide(rules, facts(now=cut_off)), "REFUND_OK", 7000, 3000)
        self._assert(decide(rules, facts(now=START - second)), "REFUND_OK", 7000, 3000)
        self._assert(decide(rules, facts(now=START)), "REFUND_TOO_LATE")

    def test_hours_after_the_start_and_after_the_end(self):
        rules = terms(line(hours=-2, percent=50), line("expired", 12, percent=80))
        late = START + timedelta(hours=1)
        self._assert(decide(rules, facts(now=late)), "REFUND_OK", 5000, 5000)
        self._assert(
            decide(rules, facts(now=START + timedelta(hours=2))), "REFUND_TOO_LATE"
        )
        end = START + timedelta(days=1)
        expired = facts(state="expired", now=end + timedelta(hours=11))
        self._assert(decide(rules, expired), "REFUND_OK", 2000, 8000)
        self._assert(
            decide(rules, expired._replace(now=end + timedelta(hours=12))),
            "REFUND_EXPIRED",
        )

    def test_fee_by_person_and_percent(self):
        rules = terms(line(percent=10, fixed=500))
        self._assert(
            decide(rules, facts(heads=3, kind="group")), "REFUND_OK", 7500, 2500
        )
        self._assert(decide(rules, facts(value=300, paid=300)), "REFUND_OK", 0, 300)
        # half a cent is rounded up
        self._assert(
            decide(terms(line(percent=2.5)), facts(value=20)), "REFUND_OK", 19, 1
        )

    def test_line_that_refuses(self):
        rules = terms(line(hours=24), line(allowed=False))
        self._assert(decide(rules, facts()), "REFUND_OK", 10000)
        self._assert(decide(rules, facts(now=START)), "REFUND_NOT_ALLOWED")

    def test_default_is_full_until_first_use(self):
        late = START + timedelta(hours=20)
        self._assert(decide(DEFAULT_TERMS, facts(now=late)), "REFUND_OK", 10000)
        self._assert(decide(DEFAULT_TERMS, facts(state="part_used")), "TICKET_USED")
        self._assert(decide(DEFAULT_TERMS, facts(state="expired")), "REFUND_EXPIRED")
        self._assert(decide(DEFAULT_TERMS, facts(partial=True)), "REFUND_PARTIAL")

    def test_what_was_not_paid_is_not_paid_back(self):
        for override in (False, True):
            self._assert(
                decide(DEFAULT_TERMS, facts(state="held", override=override)),
                "REFUND_NOT_PAID",
            )

    def test_used_parts_need_an_exception(self):
        rules = terms(line(), allow_partial=True)
        for state in ("part_used", "used", "expired"):
            asked = facts(state=state, used_parts=True)
            self._assert(decide(rules, asked), "TICKET_USED")
            self._assert(decide(rules, asked._replace(due=True)), "TICKET_USED")
            self._assert(
                decide(rules, asked._replace(override=True)), "REFUND_OK", 10000
            )

    def test_card(self):
        rules = terms(
            line(percent=10), cooling_days=7, pro_rata=True, single_price=1000
        )
        card = {"kind": "member", "days_total": 100, "sold": START}
        cooled = START + timedelta(days=7)
        self._assert(
            decide(rules, facts(**card, now=cooled - timedelta(seconds=1))),
            "REFUND_OK",
            10000,
        )
        self._assert(
            decide(rules, facts(**card, now=cooled, days_left=93)),
            "REFUND_OK",
            8370,
            1630,
        )
        used = facts(**card, now=START, uses=2, state="part_used", days_left=100)
        self._assert(decide(rules, used), "REFUND_OK", 7200, 2800)
        often = used._replace(uses=20)
        self._assert(decide(rules, often), "REFUND_OK", 0, 10000)
        self._assert(decide({**rules, "pro_rata": False}, used), "TICKET_USED")
        self._assert(decide(rules, used._replace(state="expired")), "REFUND_EXPIRED")

    def test_terms_that_reward_waiting_are_refused(self):
        for code, rows in (
            ("LATER_IS_CHEAPER", [line(hours=24, percent=20), line(percent=10)]),
            ("LATER_IS_CHEAPER", [line(hours=24, allowed=False), line()]),
            ("LATER_IS_CHEAPER", [line(hours=24, fixed=2), line(hours=1, fixed=1)]),
            ("LINE_TWICE", [line(hours=24), line(hours=24, percent=10)]),
            ("FEE_RANGE", [line(percent=101)]),
            ("FEE_RANGE", [line(fixed=-1)]),
        ):
            with self.subTest(code=code), self.assertRaises(TermsError) as caught:
                refund_terms.check_terms(terms(*rows))
            self.assertEqual(caught.exception.code, code)

    def test_lapse(self):
        self.assertEqual(refund_terms.lapse_hours(DEFAULT_TERMS), 0)
        self.assertEqual(refund_terms.lapse_hours(terms(line("expired", 48))), 48)
        self.assertIsNone(refund_terms.lapse_hours(terms(line("expired"))))
        self.assertEqual(
            refund_terms.lapse_hours(terms(line("expired", allowed=False))), 0
        )

    def test_changes(self):
        rules = terms(changes_max=2, change_hours=1, change_fee=500)
        early = START - timedelta(hours=2)
        decision = refund_terms.decide_change(rules, 1, early, START)
        self.assertEqual((decision.allowed, decision.fee), (True, 500))
        for count, now, code in (
            (2, early, "CHANGE_TOO_OFTEN"),
            (0, START - timedelta(hours=1), "CHANGE_TOO_LATE"),
        ):
            decision = refund_terms.decide_change(rules, count, now, START)
            self.assertEqual((decision.allowed, decision.code), (False, code))
        free = refund_terms.decide_change(DEFAULT_TERMS, 99, START, START)
        self.assertEqual((free.allowed, free.fee), (True, 0))

    @settings(max_examples=600, deadline=None)
    @given(rules=sound_terms(), asked=any_facts())
    def test_never_negative_never_more_than_paid(self, rules, asked):
        decision = decide(rules, asked)
        self.assertGreaterEqual(decision.amount, 0)
        self.assertGreaterEqual(decision.fee, 0)
        if decision.allowed:
            self.assertEqual(decision.amount + decision.fee, asked.value)
        else:
            self.assertEqual((decision.amount, decision.fee), (0, 0))
        self.assertEqual(decision.allowed, decision.code == "REFUND_OK")

    @settings(max_examples=600, deadline=None)
    @given(rules=sound_terms(), asked=any_facts(), wait=st.integers(0, 30000))
    def test_waiting_never_pays(self, rules, asked, wait):
        days = wait // 1440
        later = asked._replace(
            now=asked.now + timedelta(minutes=wait), days_left=asked.days_left - days
        )
        self.assertLessEqual(decide(rules, later).amount, decide(rules, asked).amount)

    @settings(max_examples=400, deadline=None)
    @given(rules=sound_terms(), asked=any_facts(), more=st.integers(0, 10**6))
    def test_a_dearer_part_pays_no_less(self, rules, asked, more):
        dearer = asked._replace(value=asked.value + more, paid=asked.paid + more)
        self.assertLessEqual(decide(rules, asked).amount, decide(rules, dearer).amount)

    @settings(max_examples=300, deadline=None)
    @given(
        untaxed=st.integers(0, 10**6),
        tax=st.integers(0, 10**5),
        cuts=st.lists(st.integers(0, 10**6), max_size=6),
    )
    def test_tax_of_many_parts_is_exact(self, untaxed, tax, cuts):
        edges = sorted({0, untaxed, *(cut for cut in cuts if cut < untaxed)})
        parts = [
            refund_terms.tax_of(tax, untaxed, a, b - a, last=b == untaxed)
            for a, b in zip(edges, edges[1:], strict=False)
        ] or [refund_terms.tax_of(tax, untaxed, 0, 0, last=True)]
        self.assertEqual(sum(parts), tax)
        self.assertGreaterEqual(min(parts), 0)

    @settings(max_examples=300, deadline=None)
    @given(data=st.data(), untaxed=st.integers(0, 10**6), tax=st.integers(0, 10**5))
    def test_paid_back_is_split_within_its_parts(self, data, untaxed, tax):
        amount = data.draw(st.integers(0, untaxed + tax))
        parts = refund_terms.split_amount(amount, untaxed, tax)
        self.assertEqual(sum(parts), amount)
        self.assertTrue(0 <= parts[0] <= untaxed and 0 <= parts[1] <= tax)


@tagged("post_install", "-at_install")
class TestEntrySlots(BaseCase):
    """Whatever happens in whatever order, a right earns and pays back its price."""

    @settings(max_examples=400, deadline=None)
    @given(
        data=st.data(),
        amount=st.integers(0, 10**6),
        entries=st.integers(1, 60),
    )
    def test_admissions_refunds_and_lapse_add_up(self, data, amount, entries):
        slots = Slots(amount, entries, 0, 0, 0, 0, 0, 0, True)
        done = 0
        for action in data.draw(
            st.lists(st.sampled_from(("use", "earn", "refund", "lapse")), max_size=30)
        ):
            if action == "use" and slots.free:
                slots = slots._replace(
                    used=slots.used + data.draw(st.integers(1, slots.free))
                )
            elif action == "earn" and slots.used > done:
                count = data.draw(st.integers(1, slots.used - done))
                earned = slots.admission(done, count)
                self.assertGreaterEqual(earned, 0)
                slots = slots._replace(recognised=slots.recognised + earned)
                done += count
            elif action == "refund" and slots.free:
                count = data.draw(st.integers(1, slots.free))
                value = slots.free_value(count)
                back = data.draw(st.integers(0, value))
                kept = value - back - slots.free_earned(count)
                slots = slots._replace(
                    refunded=slots.refunded + count,
                    lapsed=max(0, slots.lapsed - count),
                    recognised=slots.recognised + kept,
                    paid_back=slots.paid_back + back,
                )
            elif action == "lapse":
                count, money = slots.lapse()
                slots = slots._replace(
                    lapsed=slots.lapsed + count, recognised=slots.recognised + money
                )
            self.assertGreaterEqual(slots.open, 0)
        late = slots.used - done
        _count, money = slots.lapse()
        rest = slots.admission(done, late) + money
        self.assertEqual(slots.open, rest, "what is open is what can still be earned")

    @settings(max_examples=300, deadline=None)
    @given(
        amount=st.integers(0, 10**6),
        days=st.integers(1, 400),
        refund=st.integers(0, 3),
    )
    def test_days_add_up(self, amount, days, refund):
        slots = Slots(amount, 4, 0, 0, 0, 0, 0, 0, False)
        for day in range(1, days + 1):
            if day == days // 2 and refund:
                value = slots.free_value(refund)
                kept = 0 - slots.free_earned(refund)
                slots = slots._replace(
                    refunded=refund,
                    recognised=slots.recognised + kept,
                    paid_back=value,
                )
            earned = slots.calendar(day, days - day)
            self.assertGreaterEqual(earned, 0)
            slots = slots._replace(recognised=slots.recognised + earned)
        self.assertEqual(slots.open, 0)
        self.assertEqual(slots.calendar(days, 0), 0)

import threading
from itertools import count

from odoo.tests import tagged

from .common import ScenicMixin
from .parallel import ParallelCase


@tagged("post_install", "-at_install")
class TestPeopleParallel(ParallelCase):
    """Several workers at once, each in a transaction of its own."""

    def setUp(self):
        super().setUp()
        with self._env() as env:
            env["product.product"].browse(self.product_id).write(
                {"scenic_real_name": "visitor"}
            )
        # a run that was killed leaves visitors behind: never the same numbers
        self.prefix = f"{int(self.tag, 16) % 10**6:06d}"

    def _turns(self):
        """Return a function that numbers its workers, calls again included."""
        numbers, known = count(), {}
        return lambda: known.setdefault(threading.get_ident(), next(numbers))

    def _visitor(self, seed):
        return {
            "name": "同时",
            "doc_kind": "taiwan_permit",
            "doc_number": f"{self.prefix}{seed:02d}",
        }

    def _book(self, env, ref, seeds):
        line = ScenicMixin._scenic_line.__func__(
            self,
            env["product.product"].browse(self.product_id),
            len(seeds),
            visitors=[self._visitor(seed) for seed in seeds],
        )
        return env["scenic.booking"]._hold("window", f"{self.tag}-{ref}", [line])

    def _people(self, env, seeds):
        lookups = [
            env["scenic.credential"]._lookup_document(self._visitor(s)["doc_number"])
            for s in seeds
        ]
        return env["scenic.visitor"].search([("doc_lookup", "in", lookups)])

    def test_c4_one_document_at_once_has_one_winner(self):
        turn = self._turns()
        answers = self._at_once(
            lambda env: self._book(env, f"P-{turn()}", [1])._confirm().ids, 8
        )
        won = [answer for answer in answers if isinstance(answer, list)]
        self.assertEqual(len(won), 1, answers)
        self.assertEqual(
            {answer.code for answer in answers if not isinstance(answer, list)},
            {"ID_TAKEN"},
        )
        with self._env() as env:
            visitor = self._people(env, [1])
            self.assertEqual(len(visitor), 1)
            self.assertEqual(visitor.holder_ids.mapped("live"), [True])
            self.assertEqual(visitor.holder_ids.ticket_id.ids, won[0])

    def test_rosters_that_meet_crosswise(self):
        """The same persons in other order: one order wins, none waits for ever."""
        turn = self._turns()

        def book(env):
            seeds = list(range(10, 20))
            return self._book(env, f"X-{turn()}", seeds[:: 1 if turn() % 2 else -1]).id

        answers = self._at_once(book, 6)
        won = [answer for answer in answers if isinstance(answer, int)]
        self.assertEqual(len(won), 1, answers)
        with self._env() as env:
            self.assertEqual(len(self._people(env, range(10, 20))), 10)

    def test_other_persons_at_once_all_win(self):
        turn = self._turns()
        answers = self._at_once(
            lambda env: self._book(env, f"O-{turn()}", [30 + turn()]).id, 8
        )
        self.assertTrue(all(isinstance(answer, int) for answer in answers), answers)

    def test_document_that_is_given_back_goes_to_one(self):
        with self._env() as env:
            ticket_id = self._book(env, "G", [3])._confirm().id
        with self._env() as env:
            env["scenic.ticket"].browse(ticket_id)._refund("R", "rain")
        turn = self._turns()
        answers = self._at_once(lambda env: self._book(env, f"G-{turn()}", [3]).id, 6)
        won = [answer for answer in answers if isinstance(answer, int)]
        self.assertEqual(len(won), 1, answers)

    def test_one_card_at_once_for_two_persons(self):
        with self._env() as env:
            tickets = [
                self._book(env, f"C-{seed}", [seed])._confirm().id
                for seed in range(70, 76)
            ]
        turn = self._turns()
        card = f"CA{self.tag}"
        answers = self._at_once(
            lambda env: (
                env["scenic.ticket"]
                .browse(tickets[turn()])
                ._add_medium("ic_card", card)
                .ids
            ),
            6,
        )
        won = [answer for answer in answers if isinstance(answer, list)]
        self.assertEqual(len(won), 1, answers)
        self.assertEqual(
            {answer.code for answer in answers if not isinstance(answer, list)},
            {"MEDIUM_TAKEN"},
        )

    def test_codes_replaced_at_once_have_one_newest_issue(self):
        with self._env() as env:
            ticket_id = self._book(env, "R", [4])._confirm().id
        self._at_once(
            lambda env: len(env["scenic.ticket"].browse(ticket_id)._reissue("lost"))
        )
        with self._env() as env:
            ticket = env["scenic.ticket"].browse(ticket_id)
            live = ticket.credential_ids.filtered(
                lambda c: c.active and c.kind in ("qr", "barcode")
            )
            self.assertEqual(live.mapped("kind"), ["qr", "barcode"])
            self.assertEqual(live.mapped("issue"), [4, 4])
            found = env["scenic.credential"]._find(ticket._qr_token())
            self.assertIn(found, live)

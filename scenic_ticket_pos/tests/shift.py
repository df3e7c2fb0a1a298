from uuid import uuid4

from odoo import Command, fields
from odoo.tests import new_test_user

from .common import ScenicPosCommon

WINDOW_GROUPS = (
    "base.group_user,point_of_sale.group_pos_user,"
    "scenic_ticket_base.group_scenic_cashier"
)


class ShiftCommon(ScenicPosCommon):
    """A window at the Test Hill that takes cash and cards, and two cashiers."""

    FLOAT = 100.0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.card_method = cls.env["pos.payment.method"].create(
            {
                "name": "Card",
                "journal_id": cls.company_data["default_journal_bank"].id,
            }
        )
        for journal in ("default_journal_cash", "default_journal_bank"):
            cls.company_data[journal].write(
                {
                    "profit_account_id": cls.company_data["default_account_revenue"].id,
                    "loss_account_id": cls.company_data["default_account_expense"].id,
                }
            )
        cls.config.write(
            {
                "payment_method_ids": [Command.link(cls.card_method.id)],
                "scenic_site_id": cls.scenic_area.id,
            }
        )
        cls.scenic_area.shift_tolerance = 5
        cls.second = cls._window_user("scenic_second", name="Second Cashier")

    @classmethod
    def _window_user(cls, login, groups="", **values):
        company = cls.env.company
        return new_test_user(
            cls.env,
            login=login,
            groups=f"{WINDOW_GROUPS},{groups}" if groups else WINDOW_GROUPS,
            lang="en_US",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
            **values,
        )

    def _open_session(self):
        self.config.with_user(self.cashier).open_ui()
        self.pos_session = self.config.current_session_id
        self.pos_session.with_user(self.cashier).set_opening_control(self.FLOAT, "")
        return self.pos_session

    def _pay(self, amount, method):
        return Command.create(
            {
                "uuid": str(uuid4()),
                "name": fields.Datetime.to_string(fields.Datetime.now()),
                "amount": amount,
                "payment_method_id": method.id,
            }
        )

    def _sell_as(self, user, *lines, **values):
        return self._sell(*lines, user=user, user_id=user.id, **values)

    def _shift(self, user=None, state="open"):
        return self.env["scenic.shift"].search(
            [
                ("session_id", "=", self.pos_session.id),
                ("user_id", "=", (user or self.cashier).id),
                ("state", "=", state),
            ]
        )

    def _data(self, user=None):
        return self.pos_session.with_user(user or self.cashier).scenic_shift_data()

    def _hand_over(self, user=None, cash=None, card=None, shift_id=None, **values):
        """Hand over as the window does; what is not given is counted as expected."""
        user = user or self.cashier
        if shift_id is None:
            shift_id = self._data(user)["id"]
        given = {self.cash_method.id: cash, self.card_method.id: card}
        shift = self.env["scenic.shift"].browse(shift_id)
        counted = {}
        for tender in shift._kept_figures()["tenders"]:
            amount = given[tender["method_id"]]
            if amount is None:
                amount = tender["expected"]
            counted[str(tender["method_id"])] = amount
        return self.pos_session.with_user(user).scenic_hand_over(
            shift_id, counted, **values
        )

    def _cell(self, data, key, label, column=1):
        """Return one cell of a sheet by section and first cell of the row."""
        [section] = [s for s in data["sections"] if s["key"] == key]
        rows = section["rows"] + ([section["total"]] if section["total"] else [])
        [row] = [row for row in rows if row[0] == label]
        return row[column]

    def _late_vals(self, user, *lines, **values):
        """An order that a till has taken before now and kept."""
        before = fields.Datetime.to_string(
            fields.Datetime.subtract(fields.Datetime.now(), seconds=30)
        )
        vals = self._order_vals(
            [self._line_vals(*line) for line in lines],
            user_id=user.id,
            date_order=before,
            **values,
        )
        for payment in vals["payment_ids"]:
            payment[2]["payment_date"] = before
        return vals

from uuid import uuid4

from odoo import Command, fields

from odoo.addons.scenic_ticket_base.tests.parallel import ParallelCase


class WindowParallelCase(ParallelCase):
    """A window that several workers serve at once; its cashier is the administrator."""

    def setUp(self):
        super().setUp()
        with self._env() as env:
            journals = env["account.journal"].create(
                [
                    {
                        "name": f"{kind} {self.tag}",
                        "type": kind,
                        "code": f"{kind[0]}{n}",
                    }
                    for n, kind in enumerate(("cash", "sale"), int(self.tag[:3], 16))
                ]
            )
            method = env["pos.payment.method"].create(
                {"name": "Cash", "journal_id": journals[0].id}
            )
            # nobody made for this: the audit trail keeps whom it names for ever
            cashier = env.ref("base.user_admin")
            config = env["pos.config"].create(
                {
                    "name": f"Window {self.tag}",
                    "journal_id": journals[1].id,
                    "invoice_journal_id": journals[1].id,
                    "payment_method_ids": [Command.set(method.ids)],
                }
            )
            config.with_user(cashier).open_ui()
            session = config.current_session_id
            session.with_user(cashier).set_opening_control(0, "")
            self.ids = {
                "cashier": cashier.id,
                "config": config.id,
                "journals": journals.ids,
                "method": method.id,
                "session": session.id,
            }

    def _remove(self):
        with self._env() as env:
            cr, session_id = env.cr, self.ids["session"]
            # a shift that is handed over stays for ever, but for this
            cr.execute("ALTER TABLE scenic_shift DISABLE TRIGGER scenic_shift_closed")
            cr.execute(
                "UPDATE scenic_ticket SET pos_order_line_id = NULL "
                "WHERE product_id = %s",
                [self.product_id],
            )
            cr.execute(
                "UPDATE scenic_blank_lease SET session_id = NULL, config_id = NULL "
                "WHERE session_id = %s",
                [session_id],
            )
            cr.execute("DELETE FROM pos_payment WHERE session_id = %s", [session_id])
            cr.execute("DELETE FROM pos_order WHERE session_id = %s", [session_id])
            cr.execute("DELETE FROM scenic_shift WHERE session_id = %s", [session_id])
            cr.execute("DELETE FROM pos_session WHERE id = %s", [session_id])
            cr.execute(
                "ALTER TABLE scenic_shift ENABLE ALWAYS TRIGGER scenic_shift_closed"
            )
        super()._remove()
        with self._env() as env:
            env["pos.config"].browse(self.ids["config"]).unlink()
            env["pos.payment.method"].browse(self.ids["method"]).unlink()
            env["account.journal"].browse(self.ids["journals"]).unlink()

    def _order(self, env, **line):
        """One ticket, paid in cash; ``line``: what else its line has."""
        product = env["product.product"].browse(self.product_id)
        now = fields.Datetime.to_string(fields.Datetime.now())
        price = product.lst_price
        return {
            "uuid": str(uuid4()),
            "access_token": str(uuid4()),
            "session_id": self.ids["session"],
            "user_id": self.ids["cashier"],
            "company_id": env.company.id,
            "date_order": now,
            "state": "paid",
            "to_invoice": False,
            "is_refund": False,
            "last_order_preparation_change": "{}",
            "amount_total": price,
            "amount_tax": 0,
            "amount_paid": price,
            "amount_return": 0,
            "lines": [
                Command.create(
                    {
                        "uuid": str(uuid4()),
                        "product_id": product.id,
                        "qty": 1,
                        "price_unit": price,
                        "price_subtotal": price,
                        "price_subtotal_incl": price,
                        "tax_ids": [],
                        **line,
                    }
                )
            ],
            "payment_ids": [
                Command.create(
                    {
                        "uuid": str(uuid4()),
                        "amount": price,
                        "payment_date": now,
                        "payment_method_id": self.ids["method"],
                    }
                )
            ],
        }

    def _as_cashier(self, env):
        return env(user=self.ids["cashier"])

    def _sync(self, env, order):
        return self._as_cashier(env)["pos.order"].sync_from_ui([order])

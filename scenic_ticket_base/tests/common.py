from datetime import date, timedelta

from stdnum.cn import ric

from odoo import Command, api
from odoo.exceptions import AccessError
from odoo.service.model import call_kw
from odoo.tests import TransactionCase, new_test_user
from odoo.tools import file_path

# The manager is a supervisor, a gate operator, customer service and finance, too.
STAFF = (
    "cashier",
    "supervisor",
    "gate_operator",
    "customer_service",
    "finance",
    "manager",
    "auditor",
)


class ScenicMixin:
    """Builds a scenic area on ``cls.env.company``; works with any test case class.

    Use :class:`ScenicCommon` for plain tests, or put this mixin before another
    base class and let its ``setUpClass`` run first (it calls ``super``).
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._scenic_setup()

    @classmethod
    def _scenic_setup(cls):
        company = cls.env.company
        cls.scenic_liability = cls._scenic_account(
            "SCL001", "Contract liability", "liability_current"
        )
        cls.scenic_income = cls._scenic_account("SCI001", "Ticket revenue", "income")
        cls.scenic_journal = cls.env["account.journal"].create(
            {
                "name": "Ticket revenue",
                "code": "SCREV",
                "type": "general",
                "company_id": company.id,
            }
        )
        company.scenic_liability_account_id = cls.scenic_liability
        company.scenic_revenue_journal_id = cls.scenic_journal
        cls.scenic_area = cls.env["scenic.site"].create(
            {"name": "Test Hill", "code": "TESTHILL", "company_id": company.id}
        )
        cls.scenic_spot = cls.env["scenic.site"].create(
            {
                "name": "Test Cave",
                "code": "TESTCAVE",
                "parent_id": cls.scenic_area.id,
                "company_id": company.id,
            }
        )
        cls.scenic_rule = cls.env["scenic.validity.rule"].create(
            {"name": "Visit date", "mode": "visit_date", "days": 1}
        )
        cls.scenic_rule_sale = cls.env["scenic.validity.rule"].create(
            {"name": "Three days from sale", "mode": "days_from_sale", "days": 3}
        )
        cls.scenic_individual = cls._scenic_product("Adult 成人票", "individual", 100)
        cls.scenic_group = cls._scenic_product("Group 团队票", "group", 80)
        cls.scenic_combo = cls._scenic_product(
            "Combo 联票",
            "individual",
            140,
            components=[(cls.scenic_area, 1, 60.0), (cls.scenic_spot, 2, 40.0)],
        )
        cls.visit_date = date.today() + timedelta(days=7)

    @classmethod
    def _scenic_users(cls, prefix, roles=STAFF):
        """Return ``{role: user}``, one of each role; the login is ``prefix_role``."""
        return {
            role: new_test_user(
                cls.env, f"{prefix}_{role}", f"scenic_ticket_base.group_scenic_{role}"
            )
            for role in roles
        }

    @classmethod
    def _scenic_stranger(cls, login, roles=("manager",)):
        """Return a user of another company, who has these roles there."""
        company = cls.env["res.company"].create({"name": "Other park"})
        return new_test_user(
            cls.env,
            login,
            ",".join(f"scenic_ticket_base.group_scenic_{role}" for role in roles),
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )

    @classmethod
    def _scenic_account(cls, code, name, account_type):
        return cls.env["account.account"].create(
            {"code": code, "name": name, "account_type": account_type}
        )

    @classmethod
    def _scenic_product(cls, name, kind, price, components=None, **values):
        """Create a ticket product; ``components`` = ``[(site, entries, share)]``."""
        components = components or [(cls.scenic_area, 1, 1.0)]
        return cls.env["product.product"].create(
            {
                "name": name,
                "type": "service",
                "service_tracking": "scenic_ticket",
                "list_price": price,
                "taxes_id": [],
                "property_account_income_id": cls.scenic_income.id,
                "scenic_site_id": cls.scenic_area.id,
                "scenic_ticket_kind": kind,
                "scenic_validity_rule_id": cls.scenic_rule.id,
                "scenic_component_ids": [
                    Command.create(
                        {
                            "name": site.name,
                            "site_id": site.id,
                            "entries": entries,
                            "share": share,
                        }
                    )
                    for site, entries, share in components
                ],
                **values,
            }
        )

    @classmethod
    def _scenic_line(cls, product, quantity=1, **values):
        """Return a line for ``scenic.booking._hold``, untaxed = total."""
        amount = product.list_price * quantity
        return {
            "product_id": product.id,
            "quantity": quantity,
            "visit_date": cls.visit_date,
            "price_unit": product.list_price,
            "amount_untaxed": amount,
            "amount_total": amount,
            **values,
        }

    @classmethod
    def _scenic_citizen(cls, seed, born="19900307"):
        """Return a citizen number that nobody has: one for each seed below 1000."""
        body = f"110105{born}{seed:03d}"
        return body + ric.calc_check_digit(f"{body}0")

    @classmethod
    def _scenic_visitor(cls, seed, **values):
        """Return the values of a visitor, as a channel gives them."""
        return {
            "name": f"游客{seed}",
            "doc_kind": "cn_id",
            "doc_number": cls._scenic_citizen(seed),
            **values,
        }

    @classmethod
    def _scenic_sell(cls, product, quantity=1, ref=None, channel="window", **values):
        """Hold and confirm a booking of one line and return its tickets."""
        cls._scenic_refs = getattr(cls, "_scenic_refs", 0) + 1
        booking = cls.env["scenic.booking"]._hold(
            channel,
            ref or f"TEST-{cls._scenic_refs}",
            [cls._scenic_line(product, quantity, **values)],
        )
        return booking._confirm()

    def _scenic_queries(self, function, *args):
        """Call with cold caches; return how many queries it took, writes included."""
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        function(*args)
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def _drop_missing_library(self):
        """Debian's Odoo lacks a file of the web client, which fails every tour."""
        path = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"
        try:
            file_path(path)
        except FileNotFoundError:
            self.env["ir.asset"].create(
                {
                    "name": "Missing library",
                    "bundle": "web.assets_backend",
                    "directive": "remove",
                    "path": path,
                }
            )


class ClientMixin:
    """Calls what a client may call, through the door that it uses."""

    def _rpc(self, user, model, method, *args, **kwargs):
        env = api.Environment(self.env.cr, user.id, {})
        return call_kw(env[model], method, list(args), kwargs)

    def _assert_denied(self, user, model, method, *args):
        self._assert_right(False, user, model, method, *args)

    def _assert_right(self, allowed, user, model, method, *args):
        """Check that a call is carried out, or that the user may not make it."""
        with self.subTest(user=user.login, model=model, method=method):
            if allowed:
                self._rpc(user, model, method, *args)
                return
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                self._rpc(user, model, method, *args)


class ScenicCommon(ClientMixin, ScenicMixin, TransactionCase):
    """Plain tests on the data of :class:`ScenicMixin`."""

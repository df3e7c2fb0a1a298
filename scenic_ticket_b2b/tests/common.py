import re
from datetime import timedelta

from lxml import html

from odoo import Command, fields
from odoo.tests import HttpCase, new_test_user

from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.addons.scenic_ticket_base.tests.browser import BrowserMixin
from odoo.addons.scenic_ticket_base.tests.common import ScenicMixin

TOKEN = "test-form-token-{:04d}"


class B2BMixin(ScenicMixin):
    """Two agencies with pricelists, contracts and portal users."""

    @classmethod
    def get_default_groups(cls):
        return super().get_default_groups() | cls.quick_ref(
            "scenic_ticket_base.group_scenic_manager"
        )

    @classmethod
    def _scenic_setup(cls):
        super()._scenic_setup()
        cls.today = cls.scenic_individual.product_tmpl_id._scenic_today()
        cls.visit_date = cls.today + timedelta(days=7)
        cls.agency = cls._make_agency("Far Hills Travel", 90.0)
        cls.other_agency = cls._make_agency("Green Grain Travel", 95.0)
        cls.contract = cls._make_contract(
            cls.agency,
            cls.scenic_individual,
            cls.scenic_group,
            cls.scenic_combo,
        )
        cls.other_contract = cls._make_contract(cls.other_agency, cls.scenic_individual)
        cls.agent = cls._make_agent("agent.one", cls.agency)
        cls.colleague = cls._make_agent("agent.two", cls.agency)
        cls.stranger = cls._make_agent("stranger", cls.other_agency)
        cls.lone_user = new_test_user(
            cls.env, login="lone.user", groups="base.group_portal"
        )

    @classmethod
    def _make_agency(cls, name, price):
        """An agency that gets the individual ticket at `price`, 10+ ten cheaper."""
        pricelist = cls.env["product.pricelist"].create(
            {
                "name": name,
                "company_id": cls.env.company.id,
                "currency_id": cls.env.company.currency_id.id,
                "item_ids": [
                    Command.create(cls._price_rule(cls.scenic_individual, price)),
                    Command.create(
                        cls._price_rule(
                            cls.scenic_individual, price - 10, min_quantity=10
                        )
                    ),
                ],
            }
        )
        return cls.env["res.partner"].create(
            {
                "name": name,
                "is_company": True,
                "is_scenic_agency": True,
                "property_product_pricelist": pricelist.id,
            }
        )

    @classmethod
    def _price_rule(cls, product, price, **values):
        return {
            "applied_on": "1_product",
            "product_tmpl_id": product.product_tmpl_id.id,
            "compute_price": "fixed",
            "fixed_price": price,
            **values,
        }

    @classmethod
    def _make_contract(cls, agency, *products, **values):
        return cls.env["scenic.agency.contract"].create(
            {
                "name": f"C-{agency.id}-{len(agency.scenic_contract_ids)}",
                "partner_id": agency.id,
                "date_start": cls.today,
                "date_end": cls.today + timedelta(days=60),
                "max_days_ahead": 30,
                "max_quantity": 200,
                "state": "running",
                "line_ids": [
                    Command.create({"product_tmpl_id": product.product_tmpl_id.id})
                    for product in products
                ],
                **values,
            }
        )

    @classmethod
    def _make_agent(cls, login, agency):
        user = new_test_user(cls.env, login=login, groups="base.group_portal")
        user.partner_id.parent_id = agency
        return user

    # === ORDERS === #

    @classmethod
    def _make_order(cls, *items, agency=None, confirm=True, **values):
        """A sales order of (product, persons[, visit date])."""
        order = cls.env["sale.order"].create(
            {
                "partner_id": (agency or cls.agency).id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": product.id,
                            "product_uom_qty": persons,
                            "scenic_visit_date": rest[0] if rest else cls.visit_date,
                        }
                    )
                    for product, persons, *rest in items
                ],
                **values,
            }
        )
        if confirm:
            order.action_confirm()
        return order

    def _liability_balance(self):
        [(balance,)] = self.env["account.move.line"]._read_group(
            [
                ("account_id", "=", self.scenic_liability.id),
                ("parent_state", "=", "posted"),
            ],
            aggregates=["balance:sum"],
        )
        return -balance

    def assertLiabilityIsOpenTickets(self):
        """The identity the accounts live by, to the cent."""
        tickets = self.env["scenic.ticket"].search(
            [("company_id", "=", self.env.company.id)]
        )
        self.assertAlmostEqual(
            self._liability_balance(),
            sum(tickets.mapped("amount_open")),
            places=6,
        )

    def assertCode(self, code, function, *args, **kwargs):
        """`function` is refused with this stable code."""
        from odoo.addons.scenic_ticket_base.exceptions import ScenicError

        with self.assertRaises(ScenicError) as caught, self.env.cr.savepoint():
            function(*args, **kwargs)
        self.assertEqual(caught.exception.code, code, caught.exception.args[0])


class B2BCommon(B2BMixin, AccountTestInvoicingCommon):
    pass


class B2BHttpCommon(BrowserMixin, B2BMixin, AccountTestInvoicingCommon, HttpCase):
    def _login(self, user):
        self.authenticate(user.login, user.login)

    def _form_page(self):
        return html.fromstring(self.url_open("/my/tickets").content)

    def _post_order(self, quantities, token=1, visit_date=None, **fields_):
        """Send the order form as the logged-in user, without following redirects."""
        page = self._form_page()
        [csrf] = page.xpath("//form//input[@name='csrf_token']/@value") or [""]
        values = {
            "csrf_token": csrf,
            "form_token": TOKEN.format(token) if isinstance(token, int) else token,
            "visit_date": fields.Date.to_string(visit_date or self.visit_date),
            **{
                f"qty_{getattr(product, 'id', product)}": str(persons)
                for product, persons in quantities.items()
            },
            **fields_,
        }
        return self.url_open("/my/tickets/order", data=values, allow_redirects=False)

    def _order_of(self, response):
        self.assertEqual(response.status_code, 303, response.text[:2000])
        match = re.search(r"/my/tickets/orders/(\d+)$", response.headers["Location"])
        self.assertTrue(match, response.headers["Location"])
        return self.env["sale.order"].browse(int(match.group(1)))

    def _form_errors(self, response):
        self.assertEqual(response.status_code, 422)
        page = html.fromstring(response.content)
        return [
            item.text_content().strip()
            for item in page.xpath("//div[@id='scenic_form_error']//li")
        ]

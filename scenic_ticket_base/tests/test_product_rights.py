from odoo.tests import Form, new_test_user, tagged

from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestProductRights(ScenicCommon):
    """Somebody who keeps the products of a shop and has no right on tickets."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        groups = "base.group_user,product.group_product_manager"
        if "stock.move" in cls.env:
            # where it is installed, Odoo reads the stock of what is archived
            groups += ",stock.group_stock_user"
        cls.keeper = new_test_user(cls.env, "product_keeper", groups)
        cls.concession = cls.env["scenic.eligibility"].create(
            {"name": "Pupils", "proof": "Pupil card"}
        )

    def test_keeps_products(self):
        for model, price in (
            ("product.template", "list_price"),
            ("product.product", "lst_price"),
        ):
            with self.subTest(model=model):
                # one transaction a step, as the web client has it
                products = self.env[model].with_user(self.keeper)
                product = self._saved(Form(products), name="Fan")
                product = self._saved(Form(product), **{"name": "Big fan", price: 9})
                self.assertEqual(product.list_price, 9)
                self._rpc(self.keeper, model, "read", product.ids, self._ours(model))
                [copy_id] = self._rpc(self.keeper, model, "copy", product.ids)
                self._end_transaction()
                copy = product.browse(copy_id)
                self.assertEqual(copy.list_price, 9)
                self._rpc(self.keeper, model, "action_archive", copy.ids)
                self._end_transaction()
                self.assertFalse(copy.active)
                self._rpc(self.keeper, model, "unlink", copy.ids)

    def test_sees_no_page_of_the_ticket(self):
        views = self._rpc(
            self.keeper, "product.template", "get_views", [(False, "form")]
        )
        self.assertNotIn('name="scenic_ticket"', views["views"]["form"]["arch"])

    def test_gives_a_product_to_a_company(self):
        product = self.env["product.template"].create({"name": "Fan"})
        self._end_transaction()
        values = {"company_id": self.env.company.id, "list_price": 4}
        self._rpc(self.keeper, "product.template", "write", product.ids, values)
        self._end_transaction()
        self.assertEqual(product.company_id, self.env.company)

    def test_keeps_categories(self):
        category = self._saved(
            Form(self.env["product.category"].with_user(self.keeper)), name="Fans"
        )
        category = self._saved(Form(category), name="Paper fans")
        [copy_id] = self._rpc(self.keeper, category._name, "copy", category.ids)
        self._end_transaction()
        self._rpc(self.keeper, category._name, "unlink", [copy_id])

    def test_sets_the_price_of_a_ticket(self):
        ticket = self.scenic_individual.product_tmpl_id
        ticket.scenic_eligibility_ids = self.concession
        for record in (ticket, ticket.product_variant_id):
            self._end_transaction()
            self._rpc(
                self.keeper, record._name, "write", record.ids, {"list_price": 77}
            )
            self._end_transaction()
            self.assertEqual(record.list_price, 77)
            self.assertEqual(record.scenic_eligibility_ids, self.concession)

    def test_finds_the_products_of_his_sites(self):
        """The rule of the sites asks for components, which he may not read."""
        fan = self.env["product.template"].create({"name": "Fan"})
        ticket = self.scenic_individual.product_tmpl_id
        other = self.env["scenic.site"].create({"name": "Far hill", "code": "FARHILL"})
        products = self.env["product.template"].with_user(self.keeper)
        domain = [("id", "in", (fan | ticket).ids)]
        for site, found in ((self.scenic_area, fan | ticket), (other, fan)):
            self.keeper.scenic_site_ids = site
            self.assertEqual(products.search(domain), found)

    def test_copies_no_ticket(self):
        """A copy would sell what nobody who may has defined."""
        ticket = self.scenic_individual.product_tmpl_id
        self._assert_denied(self.keeper, ticket._name, "copy", ticket.ids)

    def test_a_manager_copies_a_ticket_whole(self):
        ticket = self.scenic_individual.product_tmpl_id
        ticket.scenic_eligibility_ids = self.concession
        ticket.scenic_component_ids.with_context(lang="zh_CN").name = "大门"
        manager = self._scenic_users("keeping")["manager"]
        copy = ticket.browse(self._rpc(manager, ticket._name, "copy", ticket.ids))
        self.assertEqual(copy.scenic_eligibility_ids, self.concession)
        self.assertEqual(
            copy.scenic_component_ids.site_id, ticket.scenic_component_ids.site_id
        )
        names = copy.scenic_component_ids.with_context(lang="zh_CN").mapped("name")
        self.assertEqual(names, ["大门"])

    def _ours(self, model):
        """Return the fields of this suite that a client would read."""
        fields = self._rpc(self.keeper, model, "fields_get", attributes=[])
        return [name for name in fields if name.startswith("scenic_")]

    def _saved(self, form, **values):
        for name, value in values.items():
            form[name] = value
        record = form.save()
        self._end_transaction()
        return record

    def _end_transaction(self):
        """Do what a commit does, the chatter included, and forget what was read."""
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.env.invalidate_all()

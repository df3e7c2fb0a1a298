"""Run in ``odoo shell``: a shop with ``BENCH_PRODUCTS`` products and one window.

With our add-ons the products are tickets for a day of visit, whose places are counted,
and a last one of the same price is none. Prints what the window needs to know, JSON.
"""

import json
import os

from odoo import Command

PASSWORD = "bench"
PRICE = 60.0
env = globals()["env"](context={"lang": "zh_CN", "tz": "Asia/Shanghai"})
company = env.company
with_tickets = "scenic.site" in env.registry
number = int(os.environ["BENCH_PRODUCTS"])

chart = env["account.chart.template"]
chart.try_loading("cn_large_bis", company, install_demo=False)
tax = env["account.tax"].search(
    [
        ("company_id", "=", company.id),
        ("type_tax_use", "=", "sale"),
        ("amount", "=", 6),
    ],
    limit=1,
)
tax = tax.copy({"name": "6% 含税", "price_include_override": "tax_included"})
groups = ["base.group_user", "point_of_sale.group_pos_user"]
ticket = {}
if with_tickets:
    groups.append("scenic_ticket_base.group_scenic_cashier")
    company.scenic_liability_account_id = chart.with_company(company).ref(
        "l10n_cn_large_bis_account_2204"
    )
    company.scenic_revenue_journal_id = env["account.journal"].create(
        {"name": "门票收入", "code": "TKREV", "type": "general"}
    )
    site = env["scenic.site"].create({"name": "云溪山", "code": "YUNXI"})
    env["scenic.capacity.pool"].create(
        {"name": "每日", "site_id": site.id, "kind": "day", "capacity": 10**6}
    )
    rule = env["scenic.validity.rule"].create(
        {"name": "当日", "mode": "visit_date", "days": 1}
    )
    ticket = {
        "service_tracking": "scenic_ticket",
        "scenic_site_id": site.id,
        "scenic_ticket_kind": "individual",
        "scenic_validity_rule_id": rule.id,
        "scenic_component_ids": [
            Command.create(
                {"name": "云溪山", "site_id": site.id, "entries": 1, "share": 1.0}
            )
        ],
    }
env["res.users"].create(
    {
        "login": "bench",
        "name": "李娜",
        "password": PASSWORD,
        "lang": "zh_CN",
        "tz": "Asia/Shanghai",
        "group_ids": [Command.set([env.ref(group).id for group in groups])],
    }
)
category = env["pos.category"].create({"name": "门票"})
common = {
    "type": "service",
    "list_price": PRICE,
    "taxes_id": [Command.set(tax.ids)],
    "available_in_pos": True,
    "pos_categ_ids": [Command.set(category.ids)],
}
products = env["product.product"].create(
    [{**common, "name": f"门票 {index}", **ticket} for index in range(number)]
)
plain = env["product.product"].create({**common, "name": "讲解", "pos_categ_ids": []})
journal = env["account.journal"].create(
    {"name": "现金", "code": "CSHB", "type": "cash"}
)
cash = env["pos.payment.method"].create({"name": "现金", "journal_id": journal.id})
config = env["pos.config"].create(
    {
        "name": "测量窗口",
        "payment_method_ids": [Command.set(cash.ids)],
        "limit_categories": True,
        "iface_available_categ_ids": [Command.set(category.ids)],
    }
)
env.cr.commit()
print(
    json.dumps(
        {
            "config_id": config.id,
            "company_id": company.id,
            "pricelist_id": config.pricelist_id.id,
            "cash_id": cash.id,
            "tax_id": tax.id,
            "price": PRICE,
            "password": PASSWORD,
            "ticket_id": products[0].id,
            "plain_id": plain.id,
        }
    )
)

"""Run in ``odoo shell`` on a database with the four add-ons: makes it the demo park.

The add-ons' own demo files bring sites, products, gates and agencies; this adds what a
bare company lacks: the chart of accounts, taxes, a Point of Sale, and people. The
passwords are for this database alone, which never leaves the machine.
"""

import base64
import io
from datetime import date, datetime, time, timedelta

from PIL import Image, ImageDraw

from odoo import Command
from odoo.api import Environment
from odoo.modules import Manifest
from odoo.tools import convert_file

env: Environment = globals()["env"]
env = env(context={**env.context, "lang": "zh_CN", "tz": "Asia/Shanghai"})
company = env.company

ADDONS = (
    "scenic_ticket_base",
    "scenic_ticket_pos",
    "scenic_ticket_gate",
    "scenic_ticket_b2b",
)
PASSWORD = "demo"
AT_THE_WINDOW = (
    "adult",
    "concession",
    "free",
    "group",
    "cave",
    "combo",
    "combo_choice",
    "combo_sequence",
    "open",
    "weekday",
    "night",
    "first_use",
    "real_name",
    "raft",
    "group_guide",
    "year_card",
    "count_card",
)
#: What the window may sell while it does not reach the server.
OFFLINE = ("adult", "cave", "combo", "open")
BLANKS = 20


def accounts():
    """Chinese chart with 合同负债, and where the add-ons post."""
    chart = env["account.chart.template"]
    chart.try_loading("cn_large_bis", company, install_demo=False)
    company.scenic_liability_account_id = chart.with_company(company).ref(
        "l10n_cn_large_bis_account_2204"
    )
    company.scenic_revenue_journal_id = env["account.journal"].create(
        {
            "name": "门票收入",
            "code": "TKREV",
            "type": "general",
            "company_id": company.id,
        }
    )
    tax = env["account.tax"].search(
        [
            ("company_id", "=", company.id),
            ("type_tax_use", "=", "sale"),
            ("amount", "=", 6),
        ],
        limit=1,
    )
    included = tax.copy({"name": "6% 含税", "price_include_override": "tax_included"})
    company.account_sale_tax_id = included
    return included


def demo_files():
    for addon in ADDONS:
        for file in Manifest.for_addon(addon)["demo"]:
            convert_file(env, addon, file, {}, mode="init", noupdate=True)


def person(login, name, *groups, **values):
    return env["res.users"].create(
        {
            "login": login,
            "name": name,
            "password": PASSWORD,
            "lang": "zh_CN",
            "tz": "Asia/Shanghai",
            "group_ids": [Command.set([env.ref(group).id for group in groups])],
            **values,
        }
    )


def people():
    person(
        "cashier",
        "李娜",
        "base.group_user",
        "point_of_sale.group_pos_user",
        "scenic_ticket_base.group_scenic_cashier",
    )
    person(
        "supervisor",
        "王强",
        "base.group_user",
        "point_of_sale.group_pos_manager",
        "scenic_ticket_base.group_scenic_supervisor",
    )
    person(
        "operator",
        "赵敏",
        "base.group_user",
        "scenic_ticket_base.group_scenic_gate_operator",
    )
    person(
        "finance",
        "陈静",
        "base.group_user",
        "account.group_account_manager",
        "scenic_ticket_base.group_scenic_finance",
    )
    person(
        "manager",
        "刘洋",
        "base.group_user",
        "sales_team.group_sale_manager",
        "point_of_sale.group_pos_manager",
        "scenic_ticket_base.group_scenic_manager",
    )
    person(
        "auditor",
        "周敏",
        "base.group_user",
        "scenic_ticket_base.group_scenic_auditor",
    )
    env.ref("base.user_admin").write(
        {"lang": "zh_CN", "tz": "Asia/Shanghai", "password": PASSWORD}
    )


def picture(sky, hill, front):
    """A small landscape, so that the cashier tells the ticket kinds apart."""
    image = Image.new("RGB", (256, 256), sky)
    draw = ImageDraw.Draw(image)
    draw.ellipse((168, 36, 216, 84), fill="#fff3c4")
    draw.polygon([(0, 200), (90, 84), (160, 176), (200, 120), (256, 190)], fill=hill)
    draw.polygon([(90, 84), (68, 113), (84, 122), (96, 108), (112, 113)], fill="#fff")
    draw.polygon([(0, 180), (70, 206), (150, 172), (256, 214), (256, 256)], fill=front)
    draw.rectangle((0, 214, 256, 256), fill=front)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue())


def at_the_window():
    return env["product.template"].union(
        *(env.ref(f"scenic_ticket_base.ticket_{name}") for name in AT_THE_WINDOW),
        env.ref("scenic_ticket_base.product_new_card"),
    )


def pictures():
    """Each kind of ticket at the window has a hue of its own."""
    for number, product in enumerate(at_the_window()):
        hue = number * 137.5 % 360
        product.image_1920 = picture(
            f"hsl({hue}, 60%, 85%)", f"hsl({hue}, 45%, 45%)", f"hsl({hue}, 50%, 30%)"
        )
    company.logo = picture("#d3efe6", "#2a9d8f", "#1f776c")


def weekend_price():
    """The rafting costs more on the coming Saturday and Sunday."""
    today = datetime.combine(date.today(), time())
    saturday = today + timedelta(days=(5 - today.weekday()) % 7 or 7)
    return Command.create(
        {
            "applied_on": "1_product",
            "product_tmpl_id": env.ref("scenic_ticket_base.ticket_raft").id,
            "compute_price": "fixed",
            "fixed_price": 128.0,
            # of the visit, from midnight to midnight at the site
            "date_start": saturday - timedelta(hours=8),
            "date_end": saturday + timedelta(hours=39, minutes=59),
        }
    )


def window():
    """A Point of Sale at the south gate that sells tickets and nothing else."""
    # A receipt with admission codes carries no other QR beside them.
    company.point_of_sale_use_ticket_qr_code = False
    category = env["pos.category"].create({"name": "门票"})
    products = at_the_window()
    products.write(
        {"available_in_pos": True, "pos_categ_ids": [Command.link(category.id)]}
    )
    journal = env["account.journal"].create(
        {"name": "南门窗口现金", "code": "CSHN", "type": "cash"}
    )
    cash = env["pos.payment.method"].create({"name": "现金", "journal_id": journal.id})
    bank = env["pos.payment.method"].create(
        {
            "name": "扫码支付",
            "journal_id": env["account.journal"]
            .search([("type", "=", "bank"), ("company_id", "=", company.id)], limit=1)
            .id,
        }
    )
    group = env.ref("scenic_ticket_base.ticket_group").product_variant_id
    adult = env.ref("scenic_ticket_base.ticket_adult")
    standard = env["product.pricelist"].create(
        {
            "name": "窗口价",
            "item_ids": [
                Command.create(
                    {
                        "applied_on": "0_product_variant",
                        "product_id": group.id,
                        "min_quantity": minimum,
                        "compute_price": "fixed",
                        "fixed_price": price,
                    }
                )
                for minimum, price in ((10, 90.0), (30, 80.0))
            ]
            + [weekend_price()],
        }
    )
    member = env["product.pricelist"].create(
        {
            "name": "会员价",
            "item_ids": [
                Command.create(
                    {
                        "applied_on": "1_product",
                        "product_tmpl_id": adult.id,
                        "compute_price": "fixed",
                        "fixed_price": 96.0,
                    }
                )
            ],
        }
    )
    env["res.partner"].create(
        {
            "name": "孙悦（会员）",
            "phone": "139 5550 0101",
            "property_product_pricelist": member.id,
            "lang": "zh_CN",
        }
    )
    env["pos.config"].create(
        {
            "name": "南门售票窗口",
            "payment_method_ids": [Command.set([cash.id, bank.id])],
            "use_fast_payment": True,
            "fast_payment_method_ids": [Command.set([cash.id, bank.id])],
            "limit_categories": True,
            "iface_available_categ_ids": [Command.set([category.id])],
            "use_pricelist": True,
            "pricelist_id": standard.id,
            "available_pricelist_ids": [Command.set([standard.id, member.id])],
            "receipt_header": "云溪山风景名胜区\n南门售票窗口",
            "iface_print_auto": False,
            "scenic_site_id": env.ref("scenic_ticket_base.site_yunxi").id,
            "scenic_blank_size": BLANKS,
            "scenic_blank_product_ids": [
                Command.set(
                    [
                        env.ref(f"scenic_ticket_base.ticket_{name}").id
                        for name in OFFLINE
                    ]
                )
            ],
        }
    )


def english_names():
    """The demo files are Chinese; an English screen should not be."""
    names = {
        "scenic_ticket_base.site_yunxi": "Yunxi Mountain",
        "scenic_ticket_base.site_yunxi_cave": "Dragon Cave",
        "scenic_ticket_base.site_yunxi_skywalk": "Cloud Skywalk",
        "scenic_ticket_base.site_yunxi_raft": "Valley Rafting",
        "scenic_ticket_base.opening_hours_raft_summer": "Summer",
        "scenic_ticket_base.opening_hours_raft_winter": "Winter",
        "scenic_ticket_base.opening_hours_raft_maintenance": "Maintenance",
        "scenic_ticket_base.validity_rule_visit_day": "Day of visit",
        "scenic_ticket_base.validity_rule_two_days": "Two days from the visit date",
        "scenic_ticket_base.validity_rule_week_from_sale": "Seven days from the sale",
        "scenic_ticket_base.validity_rule_year_card": "Annual card, not on holidays",
        "scenic_ticket_base.validity_rule_count_card": "Visit card, one year",
        "scenic_ticket_base.validity_rule_staff_card": "Staff card, one year",
        "scenic_ticket_base.validity_rule_ota": "Day of visit, 30 minutes later",
        "scenic_ticket_base.validity_rule_weekday": "Day of visit, Monday to Friday",
        "scenic_ticket_base.validity_rule_night": "Evening of the visit",
        "scenic_ticket_base.validity_rule_first_use": "Three days from first use",
        "scenic_ticket_base.eligibility_child": "Children",
        "scenic_ticket_base.eligibility_minor": "Minors",
        "scenic_ticket_base.eligibility_student": "Students",
        "scenic_ticket_base.eligibility_elder_60": "Seniors 60 to 64",
        "scenic_ticket_base.eligibility_elder_65": "Seniors from 65",
        "scenic_ticket_base.eligibility_disabled": "Persons with disabilities",
        "scenic_ticket_base.eligibility_military": "Military and veterans",
        "scenic_ticket_base.eligibility_rescue": "Fire and rescue",
        "scenic_ticket_base.eligibility_guide": "Guides with a group",
        "scenic_ticket_base.refund_policy_day_before": "Free until the Day Before",
        "scenic_ticket_base.refund_policy_group": "Groups: Who Did Not Come",
        "scenic_ticket_base.refund_policy_ota": "Paid Back for 15 Days after Expiry",
        "scenic_ticket_base.refund_policy_card": "Cards: Seven Days, Then by Days Left",
        "scenic_ticket_base.refund_policy_never": "Bargain: Neither Refund nor Change",
        "scenic_ticket_base.ticket_adult": "Adult Ticket",
        "scenic_ticket_base.ticket_concession": "Concession Ticket",
        "scenic_ticket_base.ticket_group": "Group Ticket",
        "scenic_ticket_base.ticket_cave": "Dragon Cave Ticket",
        "scenic_ticket_base.ticket_combo": "Combo of Three Sights",
        "scenic_ticket_base.ticket_open": "Seven-Day Ticket",
        "scenic_ticket_base.ticket_free": "Free Ticket (Children, Seniors from 65)",
        "scenic_ticket_base.ticket_group_guide": "Travel Agency Group, a Code Each",
        "scenic_ticket_base.ticket_combo_sequence": "Skywalk, then Cave",
        "scenic_ticket_base.ticket_combo_choice": "Park and Cave or Skywalk",
        "scenic_ticket_base.ticket_year_card": "Annual Card",
        "scenic_ticket_base.ticket_count_card": "Ten-Visit Card",
        "scenic_ticket_base.ticket_staff_card": "Staff Card",
        "scenic_ticket_base.ticket_ota": "Online Ticket, 30 Minutes after Purchase",
        "scenic_ticket_base.ticket_real_name": "Real-Name Adult Ticket",
        "scenic_ticket_base.ticket_weekday": "Weekday Ticket",
        "scenic_ticket_base.ticket_night": "Night Ticket",
        "scenic_ticket_base.ticket_first_use": "Three Days from the First Visit",
        "scenic_ticket_base.ticket_raft": "Rafting, by Time Slot",
        "scenic_ticket_gate.zone_yunxi": "Yunxi Park",
        "scenic_ticket_gate.zone_cave": "Inside the Cave",
        "scenic_ticket_gate.gate_south_entry": "South Entrance",
        "scenic_ticket_gate.gate_south_exit": "South Exit",
        "scenic_ticket_gate.gate_cave": "Cave Entrance",
        "scenic_ticket_gate.lane_south_1": "Lane 1",
        "scenic_ticket_gate.lane_south_2": "Lane 2",
        "scenic_ticket_gate.lane_south_3": "Group Lane 3",
        "scenic_ticket_gate.lane_south_exit": "South Exit Lane",
        "scenic_ticket_gate.lane_cave": "Cave Check",
    }
    for xml_id, english in names.items():
        record = env.ref(xml_id)
        chinese = record.name
        record.with_context(lang="zh_CN").name = chinese
        record.with_context(lang="en_US").name = english
        record.with_context(lang="zh_CN").name = chinese


def main():
    accounts()
    demo_files()
    english_names()
    pictures()
    people()
    window()
    env.cr.commit()


main()

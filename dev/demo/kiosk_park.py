"""Run in ``odoo shell`` on a demo database with POS Self Order: a kiosk, open.

Prints the path of the kiosk's page.
"""

from odoo import Command
from odoo.api import Environment

env: Environment = globals()["env"]
env = env(context={**env.context, "lang": "zh_CN", "tz": "Asia/Shanghai"})
NAME = "南门自助售取票机"


def kiosk():
    window = env["pos.config"].search([("name", "=", "南门售票窗口")])
    cashier = env["res.users"].search([("login", "=", "cashier")])
    chinese = env["res.lang"].search([("code", "=", "zh_CN")])
    tickets = env["product.template"].search(
        [("pos_categ_ids", "in", window.iface_available_categ_ids.ids)]
    )
    tickets.self_order_available = True
    return env["pos.config"].create(
        {
            "name": NAME,
            # no terminal: the visitor pays at the window
            "payment_method_ids": [
                Command.set(
                    window.payment_method_ids.filtered(
                        lambda method: not method.is_cash_count
                    ).ids
                )
            ],
            "use_pricelist": True,
            "pricelist_id": window.pricelist_id.id,
            "available_pricelist_ids": [Command.set(window.pricelist_id.ids)],
            "limit_categories": True,
            "iface_available_categ_ids": [
                Command.set(window.iface_available_categ_ids.ids)
            ],
            "use_presets": False,
            "self_ordering_mode": "kiosk",
            "self_ordering_service_mode": "counter",
            "self_ordering_pay_after": "each",
            "self_ordering_default_user_id": cashier.id,
            "self_ordering_default_language_id": chinese.id,
            "self_ordering_available_language_ids": [Command.set(chinese.ids)],
        }
    )


def main():
    config = env["pos.config"].search([("name", "=", NAME)]) or kiosk()
    config.with_user(config.self_ordering_default_user_id).open_ui()
    session = config.current_session_id
    if session.state == "opening_control":
        session.set_opening_control(0, "")
    env.cr.commit()
    print(config._get_self_order_route())


main()

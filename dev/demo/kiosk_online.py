"""Run in ``odoo shell`` after ``kiosk_park.py``: visitors pay with their telephones.

``SCENIC_URL`` is the address at which a telephone finds Odoo. The provider is
Odoo's own demonstration one, which asks nobody for money.
"""

import os

from odoo import Command
from odoo.api import Environment

env: Environment = globals()["env"]
env["ir.config_parameter"].set_param("web.base.url", os.environ["SCENIC_URL"])
provider = env.ref("payment.payment_provider_demo")
provider.write({"state": "test", "is_published": True})
kiosk = env["pos.config"].search([("self_ordering_mode", "=", "kiosk")])
method = env["pos.payment.method"].create(
    {
        "name": "手机支付",
        "is_online_payment": True,
        "online_payment_provider_ids": [Command.set(provider.ids)],
        "company_id": kiosk.company_id.id,
    }
)
# while a session is open its payment methods stay as they are
session = kiosk.current_session_id.with_user(kiosk.self_ordering_default_user_id)
for order in session.order_ids.filtered(lambda order: order.state == "draft"):
    order.action_pos_order_cancel()
session.close_session_from_ui()
kiosk.payment_method_ids = method
kiosk.with_user(kiosk.self_ordering_default_user_id).open_ui()
kiosk.current_session_id.set_opening_control(0, "")
env.cr.commit()
# a server that runs already has the old address in its cache
env.registry.signal_changes()

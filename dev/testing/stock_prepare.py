"""Run in ``odoo shell``: what Odoo's own browser tests need on this machine."""

from odoo.api import Environment
from odoo.tools import file_path

env: Environment = globals()["env"]

# Debian's package of Odoo names this file in the bundle of the web client, which the
# bundle of the unit tests includes, and leaves it out. The browser's complaint would
# end each test that opens the web client.
MISSING = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"
try:
    file_path(MISSING)
except FileNotFoundError:
    env["ir.asset"].create(
        {
            "name": "no selfie segmentation",
            "bundle": "web.assets_backend",
            "directive": "remove",
            "path": MISSING,
        }
    )
# Odoo's tours look for English words; the template's people speak Chinese.
env["ir.default"].set("res.partner", "lang", "en_US")
env["res.partner"].with_context(active_test=False).search([]).lang = "en_US"
env.cr.commit()

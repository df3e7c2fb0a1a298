"""Run in ``odoo shell``: what Odoo's own browser tests need on this machine."""

from odoo.api import Environment

env: Environment = globals()["env"]

# Debian's package of Odoo names this file in a bundle and leaves it out; the browser's
# complaint would end the unit tests.
env["ir.asset"].create(
    {
        "name": "no selfie segmentation",
        "bundle": "web.assets_unit_tests_setup",
        "directive": "remove",
        "path": "mail/static/lib/selfie_segmentation/selfie_segmentation.js",
    }
)
# Odoo's tours look for English words; the template's people speak Chinese.
env["ir.default"].set("res.partner", "lang", "en_US")
env["res.partner"].with_context(active_test=False).search([]).lang = "en_US"
env.cr.commit()

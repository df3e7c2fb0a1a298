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
env.cr.commit()

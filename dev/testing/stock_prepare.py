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
# A tour gives each step ten seconds, in which a busy machine may not get through a sale
# with an invoice. What never happens fails all the same, only later.
PATIENCE = "/scenic_dev/static/src/patience.js"
env["ir.attachment"].create(
    {
        "name": "patience",
        "type": "binary",
        "mimetype": "text/javascript",
        "url": PATIENCE,
        "public": True,
        "raw": b"""
import { TourAutomatic } from "@web_tour/js/tour_automatic/tour_automatic";
TourAutomatic.prototype.timeout = 30000;
""",
    }
)
env["ir.asset"].create(
    {"name": "patience", "bundle": "web_tour.automatic", "path": PATIENCE}
)
# Odoo's tours look for English words; the template's people speak Chinese.
env["ir.default"].set("res.partner", "lang", "en_US")
env["res.partner"].with_context(active_test=False).search([]).lang = "en_US"
env.cr.commit()

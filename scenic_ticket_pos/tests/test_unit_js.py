from odoo.tests import HttpCase, tagged

from odoo.addons.scenic_ticket_base.tests.browser import BrowserMixin
from odoo.addons.web.tests.test_js import HOOTCommon, unit_test_error_checker

# Debian's package of Odoo names this file in a bundle and leaves it out.
MISSING_FILE = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"


@tagged("post_install", "-at_install")
class TestUnitJs(BrowserMixin, HttpCase):
    """The tests in static/tests/unit, in a browser without a server behind it."""

    def test_unit(self):
        self.env["ir.asset"].create(
            {
                "name": "no selfie segmentation",
                "bundle": "web.assets_unit_tests_setup",
                "directive": "remove",
                "path": MISSING_FILE,
            }
        )
        suite = HOOTCommon._generate_hash(self, "@scenic_ticket_pos")
        self.browser_js(
            f"/web/tests?headless&loglevel=2&preset=desktop&timeout=60000&id={suite}",
            "",
            "",
            login="admin",
            # An id that matches nothing runs every module: too long for this.
            timeout=180,
            success_signal="[HOOT] Test suite succeeded",
            error_checker=unit_test_error_checker,
        )

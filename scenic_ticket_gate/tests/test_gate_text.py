import re

from odoo.tests import BaseCase, tagged

from odoo.addons.scenic_ticket_gate.tools import gate_text


@tagged("post_install", "-at_install")
class TestGateText(BaseCase):
    """Texts need no database."""

    def test_both_languages_name_the_same(self):
        for code, (en, zh, remedy_en, remedy_zh) in gate_text.TEXTS.items():
            for left, right in ((en, zh), (remedy_en, remedy_zh)):
                names = [
                    sorted(
                        re.sub("_(en|zh)$", "", n)
                        for n in re.findall(r"%\((\w+)\)s", t)
                    )
                    for t in (left, right)
                ]
                self.assertEqual(names[0], names[1], code)
                self.assertEqual(bool(left), bool(right), code)

    def test_moments(self):
        def text(code, **detail):
            text, remedy = gate_text.describe(
                code, 0, {"tz": "Asia/Shanghai", **detail}
            )
            return text["en"], text["zh"], remedy["en"], remedy["zh"]

        # windows include their start and exclude their end
        self.assertEqual(
            text("NOT_YET_VALID", **{"from": "2026-11-30T16:00:00"})[:2],
            ("Not valid before 2026-12-01", "2026年12月1日起方可使用"),
        )
        self.assertEqual(
            text("NOT_YET_VALID", **{"from": "2026-12-01T02:30:00"})[0],
            "Not valid before 2026-12-01 10:30",
        )
        self.assertEqual(
            text("EXPIRED", to="2026-11-30T16:00:00")[0],
            "Expired: was valid until 2026-11-30",
        )
        self.assertEqual(
            text("EXPIRED", to="2026-12-01T02:30:00")[1],
            "已过期：有效期至2026年12月1日 10:30",
        )
        self.assertEqual(
            text("USED", used_at="2026-12-01T01:02:03.4567", gate=None, lane="L1")[0],
            "Already used on 2026-12-01 09:02 at L1",
        )
        self.assertEqual(text("USED")[0], "Already used")

    def test_names_in_both_languages(self):
        places = [{"en_US": "Cave", "zh_CN": "溶洞"}, {"en_US": "Lake 100%"}]
        text, remedy = gate_text.describe("WRONG_SITE", 0, {"places": places})
        self.assertEqual(text["en"], "This ticket is for Cave, Lake 100%")
        self.assertEqual(remedy["zh"], "请前往：溶洞、Lake 100%")

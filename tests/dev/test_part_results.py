"""A part that runs nothing, or skips what nobody expects, fails."""

import pytest
from testing.odoo_part import failed_tags, read_log
from testing.result import PartResult

HEAD = "2026-12-01 01:02:03,004 77 INFO test_x odoo.tests.result: "


def test_no_test_at_all_is_a_failure():
    assert PartResult("x").close().failed == 1


def test_unexpected_skip_is_a_failure():
    result = PartResult("x", passed=5, skipped=1).close()
    assert (result.passed, result.failed) == (5, 1)


def test_expected_skip_is_none():
    assert PartResult("x", passed=5, skipped=1, skips_expected=1).close().failed == 0


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        (HEAD + "0 failed, 0 error(s) of 12 tests when loading database 'x'", (12, 0)),
        (HEAD + "1 failed, 2 error(s) of 12 tests when loading database 'x'", (9, 3)),
        (HEAD + "0 failed, 0 error(s) of 0 tests when loading database 'x'", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_figures_are_read_from_odoos_log(text, figures):
    result = PartResult("x")
    read_log(text, result)
    assert (result.passed, result.failed) == figures


def test_skip_is_read_from_odoos_log():
    text = (
        "2026-12-01 01:02:03,004 77 INFO x odoo.addons.y.tests.test_z: "
        "skipped test_tour (odoo.addons.y.tests.test_z.TestZ.test_tour) : no Chrome\n"
        + HEAD
        + "0 failed, 0 error(s) of 3 tests when loading database 'x'"
    )
    result = PartResult("x")
    read_log(text, result)
    assert (result.passed, result.skipped) == (2, 1)
    assert result.close().failed == 1


TEST = "2026-12-01 01:02:03,004 77 ERROR test_x odoo.addons.pos_loyalty.tests.test_ui: "


def test_failed_tests_are_named_by_their_tags_once():
    text = (
        TEST + "FAIL: Subtest TestUi.test_a (case=1)\n"
        "Traceback (most recent call last):\n"
        + TEST
        + "ERROR: Subtest TestUi.test_a (case=2)\n"
        + TEST
        + "ERROR: TestOther.test_b\n"
        + TEST
        + "a tour complained\n"
    )
    assert failed_tags(text) == [
        "/pos_loyalty:TestUi.test_a",
        "/pos_loyalty:TestOther.test_b",
    ]


@pytest.mark.parametrize(
    "line",
    [
        TEST + "ERROR: setUpClass (odoo.addons.pos_loyalty.tests.test_ui.TestUi)",
        TEST.replace("odoo.addons.pos_loyalty.tests.test_ui", "odoo.service.server")
        + "ERROR: TestUi.test_a",
    ],
)
def test_what_is_no_single_test_has_no_tag(line):
    assert failed_tags(TEST + "FAIL: TestUi.test_a\n" + line) == []

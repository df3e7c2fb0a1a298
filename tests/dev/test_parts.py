"""Which parts a name of ``make test`` stands for, and what is left out of them."""

import re

import pytest
from bootstrap.console import SetupError
from testing import runner, stock_part
from testing.result import PartResult

PARTS = {"scenic_ticket_pos", "lint", "pcsc", "stock-pos", "stock-loyalty"}


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ([], {"scenic_ticket_pos", "lint"}),
        (["lint"], {"lint"}),
        (["pcsc"], {"pcsc"}),
        (["stock"], {"stock-pos", "stock-loyalty"}),
        (["all", "stock-pos"], {"scenic_ticket_pos", "lint", "stock-pos"}),
    ],
)
def test_names_of_parts(names, wanted):
    assert runner.parts_wanted(names, PARTS) == wanted


def test_unknown_part_is_refused():
    with pytest.raises(SetupError, match="no test part lnt"):
        runner.parts_wanted(["lnt"], PARTS)


def test_known_failures_are_single_tests():
    """A class or a whole add-on is never left out."""
    for tag in stock_part.known_failures():
        assert re.fullmatch(r"/\w+:\w+\.test_\w+", tag), tag


def test_known_failure_needs_a_reason(tmp_path, monkeypatch):
    known = tmp_path / "known.txt"
    known.write_text("# why\n/point_of_sale:TestUi.test_x\n")
    monkeypatch.setattr(stock_part, "KNOWN", known)
    with pytest.raises(ValueError, match="no reason"):
        stock_part.known_failures()


def test_what_passes_alone_has_passed_and_is_named():
    first = PartResult("stock-pos", passed=96, failed=2, problems=["FAIL: …"])
    alone = PartResult("stock-pos-alone", passed=2, seconds=70.0)
    result = stock_part.passed_alone(first, alone, ["/a:A.test_a", "/b:B.test_b"])
    assert (result.name, result.passed, result.failed) == ("stock-pos", 98, 0)
    assert result.problems == [
        "passed only alone: /a:A.test_a",
        "passed only alone: /b:B.test_b",
    ]


@pytest.mark.parametrize("figures", [(1, 1), (0, 1), (1, 0)])
def test_what_fails_alone_or_does_not_run_has_failed(figures):
    first = PartResult("stock-pos", passed=96, failed=2, problems=["FAIL: …"])
    alone = PartResult("stock-pos-alone", *figures, problems=["log: …"])
    result = stock_part.passed_alone(first, alone, ["/a:A.test_a", "/b:B.test_b"])
    assert (result.failed, len(result.problems) > 0) == (1, True)

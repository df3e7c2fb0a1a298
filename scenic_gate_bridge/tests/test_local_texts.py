"""Nobody can tell by the text who decided: the lane's sentences are the server's."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scenic_gate_bridge.local import texts
from scenic_gate_bridge.local.facts import Facts
from scenic_gate_bridge.local.feed import Name

ROOT = Path(__file__).parents[2]
ZONE = "Asia/Shanghai"
NAME = Name(en="Cloud Hill", zh="云山")
OF_SERVER = {"en_US": "Cloud Hill", "zh_CN": "云山"}
MOMENT = datetime(2027, 2, 28, 16, 5, tzinfo=UTC)
STAMP = "2027-02-28T16:05:00"


def server_texts() -> ModuleType:
    """The server's sentences; the file imports nothing of Odoo."""
    path = ROOT / "scenic_ticket_gate" / "tools" / "gate_text.py"
    spec = importlib.util.spec_from_file_location("gate_text", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SERVER = server_texts()


def test_each_sentence_is_the_servers() -> None:
    own = {key: texts.TEXTS[key] for key in texts.TEXTS.keys() - SERVER.DEVICE_CODES}
    assert own == SERVER.TEXTS
    assert texts.WEEKDAYS == SERVER.WEEKDAYS
    assert set(SERVER.DEVICE_CODES) <= texts.TEXTS.keys()


#: Other words for the same code, chosen by the facts.
VARIANTS = {
    "ADMIT_GROUP",
    "ADMIT_AGAIN",
    "USED_BEFORE",
    "VOID_REPLACED",
    "VOID_ANNULLED",
}
CODES = sorted(SERVER.TEXTS.keys() - VARIANTS)


@pytest.mark.parametrize("more", [{}, {"again": True}, {"shared": True}])
@pytest.mark.parametrize("passes", [1, 5])
@pytest.mark.parametrize("code", CODES)
def test_with_the_same_facts_it_says_the_same(
    code: str, passes: int, more: dict[str, Any]
) -> None:
    facts = Facts(
        ticket="0000000123",
        product="成人票",
        names=[NAME],
        where=[NAME, NAME],
        used_at=MOMENT,
        entered_at=MOMENT,
        again_at=MOMENT,
        valid_from=MOMENT,
        valid_to=MOMENT,
        weekdays=0b1000001,
        minute_from=485,
        minute_to=1020,
        daily=2,
        shared=more.get("shared", False),
        again=more.get("again", False),
    )
    detail = {
        "tz": ZONE,
        "ticket": {"name": "0000000123", "product": "成人票"},
        "places": [OF_SERVER],
        "reason": OF_SERVER,
        "first": OF_SERVER,
        "chosen": OF_SERVER,
        "level": OF_SERVER,
        "gate": OF_SERVER,
        "lane": OF_SERVER,
        "used_at": STAMP,
        "entered_at": STAMP,
        "again_at": STAMP,
        "from": STAMP,
        "to": STAMP,
        "weekdays": 0b1000001,
        "minute_from": 485,
        "minute_to": 1020,
        "daily": 2,
    } | more
    text, remedy = texts.describe(code, passes, facts, ZoneInfo(ZONE))
    theirs = SERVER.describe(code, passes, detail)
    assert [{"en": each.en, "zh": each.zh} for each in (text, remedy)] == list(theirs)


@pytest.mark.parametrize("stamp", ["2027-02-28T16:00:00", "2027-03-01T02:00:00"])
@pytest.mark.parametrize("code", ["NOT_YET_VALID", "EXPIRED", "FIRST_USE_OVER"])
def test_a_midnight_is_a_day(code: str, stamp: str) -> None:
    moment = datetime.fromisoformat(stamp).replace(tzinfo=UTC)
    facts = Facts(valid_from=moment, valid_to=moment)
    text, _remedy = texts.describe(code, 0, facts, ZoneInfo(ZONE))
    detail = {"tz": ZONE, "from": stamp, "to": stamp}
    assert (text.en, text.zh) == tuple(SERVER.describe(code, 0, detail)[0].values())

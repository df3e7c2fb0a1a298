"""What a lane says about a decision of its own, in English and Chinese.

The sentences are those of the server for the same codes, so that nobody can tell who
decided; tests/test_local_texts.py compares them. Those at the end are of the device
alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ..model import Text
from .facts import Facts
from .feed import Name

# code: (English, Chinese, next step in English, next step in Chinese)
TEXTS: dict[str, tuple[str, str, str, str]] = {
    "ADMIT": (
        "Welcome",
        "欢迎光临",
        "",
        "",
    ),
    "ADMIT_GROUP": (
        "Welcome, %(passes)s people",
        "欢迎光临，共 %(passes)s 人",
        "",
        "",
    ),
    "ADMIT_AGAIN": (
        "Welcome back",
        "欢迎再次入园",
        "",
        "",
    ),
    "UNKNOWN": (
        "This code is not known",
        "无法识别该票码",
        "Please ask at the ticket window",
        "请到售票窗口咨询",
    ),
    "FORGED": (
        "This code was not issued by us",
        "该票码不是本景区签发",
        "Please ask at the ticket window",
        "请到售票窗口咨询",
    ),
    "NOT_PAID": (
        "This ticket is not paid yet",
        "该门票尚未付款",
        "Please pay at the ticket window",
        "请到售票窗口付款",
    ),
    "NOT_YET_VALID": (
        "Not valid before %(from_en)s",
        "%(from_zh)s起方可使用",
        "Please come back on %(from_en)s",
        "请于%(from_zh)s再来",
    ),
    "EXPIRED": (
        "Expired: was valid until %(to_en)s",
        "已过期：有效期至%(to_zh)s",
        "Please ask at the ticket window about a change",
        "请到售票窗口咨询改签",
    ),
    "WRONG_DAY": (
        "Not valid on this day of the week",
        "该门票今天（星期）不可用",
        "Please come on %(days_en)s",
        "请于%(days_zh)s前来",
    ),
    "BLACKOUT": (
        "Not valid today: %(reason_en)s",
        "今天不可用：%(reason_zh)s",
        "Please come on another day, or buy a day ticket",
        "请改日前来，或另购当日门票",
    ),
    "CLOSED_TODAY": (
        "Closed today",
        "今天不开放",
        "Please come on another day",
        "请改日前来",
    ),
    "TOO_EARLY": (
        "Admission begins at %(start)s",
        "%(start)s开始入园",
        "Please come back at %(start)s",
        "请于%(start)s后再来",
    ),
    "TOO_LATE": (
        "Last admission was at %(end)s",
        "今日入园截止时间为%(end)s",
        "Please ask at the ticket window about another day",
        "请到售票窗口咨询改日入园",
    ),
    "SLOT_NOT_YET": (
        "Your time slot admits from %(start)s",
        "您的时段%(start)s起可入园",
        "Please come back at %(start)s, or change the slot at the window",
        "请于%(start)s后再来，或到窗口改签时段",
    ),
    "SLOT_OVER": (
        "Your time slot admitted until %(end)s",
        "您的时段已于%(end)s截止",
        "Please change the slot at the ticket window",
        "请到售票窗口改签时段",
    ),
    "DAILY_USED": (
        "All entries of today are used: %(daily)s a day",
        "今日入园次数已用完（每日%(daily)s次）",
        "Please come back tomorrow",
        "请明天再来",
    ),
    "TOO_SOON": (
        "Entered a short while ago",
        "距上次入园时间过短",
        "Please come back at %(again)s",
        "请于%(again)s后再来",
    ),
    "INSIDE": (
        "Entered at %(entered)s and has not left",
        "已于%(entered)s入园，尚未出园",
        "Please leave by an exit that reads the code, or ask our staff",
        "请先刷码出园，或联系工作人员",
    ),
    "OUT_OF_SEQUENCE": (
        "First comes %(first_en)s",
        "请先游览：%(first_zh)s",
        "Please go to %(first_en)s first",
        "请先前往：%(first_zh)s",
    ),
    "CHOICE_USED": (
        "This ticket was used for %(chosen_en)s instead",
        "该门票已选用：%(chosen_zh)s",
        "Please buy a ticket for this place",
        "请另购本项目门票",
    ),
    "FIRST_USE_OVER": (
        "The time after the first entry ended on %(to_en)s",
        "首次入园后的有效时间已于%(to_zh)s结束",
        "Please buy a new ticket",
        "请重新购票",
    ),
    "RESERVATION_NEEDED": (
        "A reservation is needed today",
        "今天须预约入园",
        "Please reserve on your phone or at the ticket window",
        "请在手机上或到售票窗口预约",
    ),
    "PARK_FULL": (
        "As many people are inside as are allowed",
        "园内人数已达上限",
        "Please wait until others leave",
        "请等候其他游客离园",
    ),
    "ENTRY_STOPPED": (
        "Entry is stopped: too many people are inside (%(level_en)s)",
        "园内客流达到预警，暂停入园（%(level_zh)s）",
        "Please wait until others leave",
        "请等候其他游客离园",
    ),
    "STAFF_LANE": (
        "This staff card does not open this lane",
        "该员工卡无本通道权限",
        "Please use a lane that your card permits",
        "请走有权限的通道",
    ),
    "STAFF_HOURS": (
        "This staff card does not open at this time",
        "该员工卡不在允许时间内",
        "It opens on %(days_en)s, %(start)s to %(end)s",
        "允许时间：%(days_zh)s %(start)s–%(end)s",
    ),
    "MEDIUM_FROZEN": (
        "This card or code was reported lost",
        "该卡或票码已挂失",
        "Please ask customer service",
        "请联系客服",
    ),
    "VISITOR_BLOCKED": (
        "Entry is not possible with this document",
        "该证件无法入园",
        "Please ask customer service",
        "请联系客服",
    ),
    "USED": (
        "Already used on %(used_en)s at %(where_en)s",
        "已于%(used_zh)s在%(where_zh)s使用",
        "Please buy a new ticket",
        "请重新购票",
    ),
    "USED_BEFORE": (
        "Already used",
        "门票已使用",
        "Please buy a new ticket",
        "请重新购票",
    ),
    "IN_USE": (
        "This ticket is opening another lane at this moment",
        "该门票正在其他通道使用",
        "Please wait for that lane, or ask our staff",
        "请等待该通道，或联系工作人员",
    ),
    "REFUNDED": (
        "This ticket was refunded",
        "该门票已退款",
        "Please buy a new ticket",
        "请重新购票",
    ),
    "VOID": (
        "This ticket was cancelled",
        "该门票已作废",
        "Please ask at the ticket window",
        "请到售票窗口咨询",
    ),
    "VOID_REPLACED": (
        "This code was replaced by a newer one",
        "该票码已被新票码替换",
        "Please show the newer code, or ask at the ticket window",
        "请出示新票码，或到售票窗口咨询",
    ),
    "VOID_ANNULLED": (
        "This scan was cancelled before it was decided",
        "本次扫码已被取消",
        "Please scan again",
        "请重新扫码",
    ),
    "FROZEN": (
        "This ticket is suspended",
        "该门票已冻结",
        "Please ask customer service",
        "请联系客服",
    ),
    "WRONG_SITE": (
        "This ticket is for %(places_en)s",
        "该门票适用于：%(places_zh)s",
        "Please go to %(places_en)s",
        "请前往：%(places_zh)s",
    ),
    "WRONG_DIRECTION": (
        "This lane does not check tickets in this direction",
        "本通道不支持此方向检票",
        "Please use an entry lane",
        "请走入口通道",
    ),
    "LANE_UNKNOWN": (
        "This lane is not set up",
        "本通道未登记",
        "For staff: check the configuration of the bridge",
        "请工作人员检查通道配置",
    ),
    "SEQUENCE": (
        "This scan came out of order",
        "本次扫码的序号重复或已过时",
        "Please scan again; for staff: two computers use the key of this device, or "
        "its journal was lost; give it a new key",
        "请重新扫码；如持续出现：两台电脑共用了本设备密钥，或本机记录已丢失，"
        "请工作人员为设备生成新密钥",
    ),
    "LANE_CLOSED": (
        "This lane is closed",
        "本通道已关闭",
        "Please use another lane",
        "请使用其他通道",
    ),
    "OFFLINE": (
        "No answer from the ticket server",
        "票务服务器无响应",
        "Scan again; if it happens twice, ask the staff",
        "请重新扫码；仍不成功请联系工作人员",
    ),
    "KIND_OFFLINE": (
        "This cannot be checked without the ticket server",
        "票务服务器断线，无法核验此类凭证",
        "Please show the QR code of the ticket, or ask the staff",
        "请出示门票二维码，或联系工作人员",
    ),
    "FINGER": (
        "The finger does not match this card",
        "指纹与会员卡不符",
        "Show the card with your ID to the attendant",
        "请向工作人员出示会员卡和身份证件",
    ),
    "CLOCK": (
        "The clock of this gate is wrong",
        "本闸机时钟异常",
        "For staff: set the clock of the gate computer",
        "请工作人员校准闸机电脑时间",
    ),
}
WEEKDAYS = (
    ("Monday", "周一"),
    ("Tuesday", "周二"),
    ("Wednesday", "周三"),
    ("Thursday", "周四"),
    ("Friday", "周五"),
    ("Saturday", "周六"),
    ("Sunday", "周日"),
)
Values = dict[str, str]


def describe(code: str, passes: int, facts: Facts, zone: ZoneInfo) -> tuple[Text, Text]:
    """Text and remedy of a decision, times on the clock of `zone`."""
    key = code
    if code == "ADMIT" and passes > 1:
        key = "ADMIT_GROUP"
    elif code == "ADMIT" and facts.again:
        key = "ADMIT_AGAIN"
    elif code == "VOID" and facts.replaced:
        key = "VOID_REPLACED"
    elif code == "VOID" and facts.annulled:
        key = "VOID_ANNULLED"
    elif code == "USED" and facts.used_at is None:
        key = "USED_BEFORE"
    elif code in _VALUES:
        return _of_ticket(facts, *_filled(key, _VALUES[code](facts, zone)))
    return _of_ticket(facts, *_of_passes(key, passes))


@lru_cache(maxsize=256)
def _of_passes(key: str, passes: int) -> tuple[Text, Text]:
    """What does not depend on the ticket: every admission says the same."""
    return _filled(key, {"passes": str(passes)})


def _filled(key: str, values: Values) -> tuple[Text, Text]:
    en, zh, remedy_en, remedy_zh = (text % values for text in TEXTS[key])
    return Text(en, zh), Text(remedy_en, remedy_zh)


def _of_ticket(facts: Facts, text: Text, remedy: Text) -> tuple[Text, Text]:
    """Of a card or a document: which of its tickets is meant."""
    if facts.shared and facts.ticket:
        text = Text(
            f"{text.en} - ticket {facts.ticket} ({facts.product})",
            f"{text.zh}（门票 {facts.ticket} {facts.product}）",
        )
    return text, remedy


def _names(key: str, names: list[Name]) -> Values:
    return {
        f"{key}_en": ", ".join(name.en for name in names),
        f"{key}_zh": "、".join(name.zh for name in names),
    }


def _day(key: str, local: datetime, with_hour: bool) -> Values:
    en = f"{local:%Y-%m-%d}"
    zh = f"{local.year}年{local.month}月{local.day}日"
    hour = f" {local:%H:%M}" if with_hour else ""
    return {f"{key}_en": en + hour, f"{key}_zh": zh + hour}


def _start(facts: Facts, zone: ZoneInfo) -> Values:
    local = facts.moment("valid_from").astimezone(zone)
    return _day("from", local, (local.hour, local.minute) != (0, 0))


def _end(facts: Facts, zone: ZoneInfo) -> Values:
    """The last valid day, or the very moment if it is not at midnight."""
    local = facts.moment("valid_to").astimezone(zone)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return _day("to", local - timedelta(microseconds=1), False)
    return _day("to", local, True)


def _used(facts: Facts, zone: ZoneInfo) -> Values:
    local = facts.moment("used_at").astimezone(zone)
    where = {
        "where_en": ", ".join(name.en for name in facts.where) or "-",
        "where_zh": " ".join(name.zh for name in facts.where) or "-",
    }
    return _day("used", local, True) | where


def _hours(facts: Facts, _zone: ZoneInfo) -> Values:
    days = [day for bit, day in enumerate(WEEKDAYS) if facts.weekdays >> bit & 1]
    return {
        "start": f"{facts.minute_from // 60:02d}:{facts.minute_from % 60:02d}",
        "end": f"{facts.minute_to // 60:02d}:{facts.minute_to % 60:02d}",
        "days_en": ", ".join(en for en, _zh in days),
        "days_zh": "、".join(zh for _en, zh in days),
    }


def _clock(key: str, name: str) -> Callable[[Facts, ZoneInfo], Values]:
    return lambda facts, zone: {
        key: f"{facts.moment(name).astimezone(zone):%H:%M}",
    }


_VALUES: dict[str, Callable[[Facts, ZoneInfo], Values]] = {
    "NOT_YET_VALID": _start,
    "EXPIRED": _end,
    "FIRST_USE_OVER": _end,
    "USED": _used,
    "WRONG_SITE": lambda facts, zone: _names("places", facts.names),
    "BLACKOUT": lambda facts, zone: _names("reason", facts.names),
    "OUT_OF_SEQUENCE": lambda facts, zone: _names("first", facts.names),
    "CHOICE_USED": lambda facts, zone: _names("chosen", facts.names),
    "ENTRY_STOPPED": lambda facts, zone: _names("level", facts.names),
    "DAILY_USED": lambda facts, zone: {"daily": str(facts.daily)},
    "TOO_SOON": _clock("again", "again_at"),
    "INSIDE": _clock("entered", "entered_at"),
    **dict.fromkeys(
        (
            "WRONG_DAY",
            "TOO_EARLY",
            "TOO_LATE",
            "SLOT_NOT_YET",
            "SLOT_OVER",
            "STAFF_HOURS",
        ),
        _hours,
    ),
}

"""What a lane says to a visitor: every code in English and Chinese (no Odoo in here).

Both languages are always sent, so these texts do not pass through the translations
of a user: the device chooses which one its display shows.
"""

from datetime import datetime, timedelta, timezone

import pytz

#: Refusals that only a device decides on, with texts of its own.
DEVICE_CODES = ("OFFLINE", "KIND_OFFLINE", "CLOCK", "FINGER")

# code: (English, Chinese, next step in English, next step in Chinese)
TEXTS = {
    "ADMIT": ("Welcome", "欢迎光临", "", ""),
    "ADMIT_GROUP": (
        "Welcome, %(passes)s people",
        "欢迎光临，共 %(passes)s 人",
        "",
        "",
    ),
    "ADMIT_AGAIN": ("Welcome back", "欢迎再次入园", "", ""),
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
_WHY = {"replaced": "VOID_REPLACED", "annulled": "VOID_ANNULLED"}


def describe(code, passes, detail):
    """Return ``(text, remedy)``, each ``{"en": …, "zh": …}``.

    :param str code: the code of the decision
    :param int passes: for how many people the lane opens
    :param dict detail: the facts that were kept with the decision
    """
    key, values = code, {"passes": passes}
    if code == "ADMIT" and passes > 1:
        key = "ADMIT_GROUP"
    elif code == "ADMIT" and detail.get("again"):
        key = "ADMIT_AGAIN"
    elif code == "VOID":
        key = _WHY.get(detail.get("why"), code)
    elif code == "USED" and not detail.get("used_at"):
        key = "USED_BEFORE"
    elif code in _VALUES:
        values.update(_VALUES[code](detail))
    text_en, text_zh, remedy_en, remedy_zh = TEXTS[key]
    text = {"en": text_en % values, "zh": text_zh % values}
    if detail.get("shared") and detail.get("ticket"):
        # a card or a document: which of its tickets is meant
        ticket = detail["ticket"]
        text["en"] += f" - ticket {ticket['name']} ({ticket['product']})"
        text["zh"] += f"（门票 {ticket['name']} {ticket['product']}）"
    return text, {"en": remedy_en % values, "zh": remedy_zh % values}


def _used(detail):
    return {
        **_both("used", (_local(detail["used_at"], detail["tz"]), True)),
        "where_en": _place(detail, "en_US"),
        "where_zh": _place(detail, "zh_CN"),
    }


def _wrong_site(detail):
    places = detail.get("places") or []
    return {
        "places_en": ", ".join(_name(name, "en_US") for name in places),
        "places_zh": "、".join(_name(name, "zh_CN") for name in places),
    }


def _hours(detail):
    """Return the minutes of the day as hours, and the days of the week."""
    days = [day for bit, day in enumerate(WEEKDAYS) if detail["weekdays"] >> bit & 1]
    return {
        "start": _clock(detail["minute_from"]),
        "end": _clock(detail["minute_to"]),
        "days_en": ", ".join(en for en, _zh in days),
        "days_zh": "、".join(zh for _en, zh in days),
    }


def _clock(minute):
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _moment(name):
    """Return what puts the hour of a moment of today into a text."""
    return lambda detail: {name: f"{_local(detail[name + '_at'], detail['tz']):%H:%M}"}


def _named(name):
    """Return what puts a translated name into a text."""
    return lambda detail: {
        f"{name}_en": _name(detail[name], "en_US"),
        f"{name}_zh": _name(detail[name], "zh_CN"),
    }


def _local(text, tz):
    """Return a naive UTC time of the database in the time of the site."""
    value = datetime.fromisoformat(_six_digits(text)).replace(tzinfo=timezone.utc)
    return value.astimezone(pytz.timezone(tz))


def _six_digits(text):
    """Give the fraction of a second six digits: Python 3.10 reads 3 or 6 only."""
    base, dot, fraction = text.partition(".")
    return f"{base}.{fraction:0<6}" if dot else base


def _start(text, tz):
    """Return ``(local time, name the hour too)`` of a first valid moment."""
    value = _local(text, tz)
    return value, (value.hour, value.minute) != (0, 0)


def _end(text, tz):
    """Return the last valid day, or the very moment if it is not at midnight.

    The end is exclusive: midnight names the day before.
    """
    value = _local(text, tz)
    if (value.hour, value.minute, value.second) == (0, 0, 0):
        return value - timedelta(microseconds=1), False
    return value, True


def _both(name, moment):
    value, with_hour = moment
    en, zh = f"{value:%Y-%m-%d}", f"{value.year}年{value.month}月{value.day}日"
    if with_hour:
        en, zh = f"{en} {value:%H:%M}", f"{zh} {value:%H:%M}"
    return {f"{name}_en": en, f"{name}_zh": zh}


def _place(detail, lang):
    names = [_name(detail.get(key), lang) for key in ("gate", "lane")]
    separator = ", " if lang == "en_US" else " "
    return separator.join(name for name in names if name) or "-"


def _name(value, lang):
    """Return a name as it is, or the best language of a translated one."""
    if not isinstance(value, dict):
        return value or ""
    return value.get(lang) or value.get("en_US") or next(iter(value.values()), "")


# What the text of a code names, from the facts that were kept with the decision.
_VALUES = {
    "NOT_YET_VALID": lambda detail: _both("from", _start(detail["from"], detail["tz"])),
    "EXPIRED": lambda detail: _both("to", _end(detail["to"], detail["tz"])),
    "FIRST_USE_OVER": lambda detail: _both("to", _end(detail["to"], detail["tz"])),
    "USED": _used,
    "WRONG_SITE": _wrong_site,
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
    "BLACKOUT": _named("reason"),
    "DAILY_USED": lambda detail: {"daily": detail["daily"]},
    "TOO_SOON": _moment("again"),
    "INSIDE": _moment("entered"),
    "OUT_OF_SEQUENCE": _named("first"),
    "CHOICE_USED": _named("chosen"),
    "ENTRY_STOPPED": _named("level"),
}

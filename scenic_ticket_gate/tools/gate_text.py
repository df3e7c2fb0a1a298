"""What a lane says to a visitor: every code in English and Chinese (no Odoo in here).

Both languages are always sent, so these texts do not pass through the translations
of a user: the device chooses which one its display shows.
"""

from datetime import datetime, timedelta, timezone

import pytz

# code: (English, Chinese, next step in English, next step in Chinese)
TEXTS = {
    "ADMIT": ("Welcome", "欢迎光临", "", ""),
    "ADMIT_GROUP": (
        "Welcome, %(passes)s people",
        "欢迎光临，共 %(passes)s 人",
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
    "LANE_CLOSED": (
        "This lane is closed",
        "本通道已关闭",
        "Please use another lane",
        "请使用其他通道",
    ),
}
_WHY = {"replaced": "VOID_REPLACED", "annulled": "VOID_ANNULLED"}


def describe(code, passes, detail):
    """Return ``(text, remedy)``, each ``{"en": …, "zh": …}``.

    :param str code: the code of the decision
    :param int passes: for how many people the lane opens
    :param dict detail: the facts that were kept with the decision
    """
    key = code
    values = {"passes": passes}
    if code == "ADMIT" and passes > 1:
        key = "ADMIT_GROUP"
    elif code == "VOID":
        key = _WHY.get(detail.get("why"), code)
    elif code == "NOT_YET_VALID":
        values.update(_both("from", _start(detail["from"], detail["tz"])))
    elif code == "EXPIRED":
        values.update(_both("to", _end(detail["to"], detail["tz"])))
    elif code == "USED":
        if detail.get("used_at"):
            values.update(
                _both("used", (_local(detail["used_at"], detail["tz"]), True))
            )
            values["where_en"] = _place(detail, "en_US")
            values["where_zh"] = _place(detail, "zh_CN")
        else:
            key = "USED_BEFORE"
    elif code == "WRONG_SITE":
        places = detail.get("places") or []
        values["places_en"] = ", ".join(_name(name, "en_US") for name in places)
        values["places_zh"] = "、".join(_name(name, "zh_CN") for name in places)
    text_en, text_zh, remedy_en, remedy_zh = TEXTS[key]
    return (
        {"en": text_en % values, "zh": text_zh % values},
        {"en": remedy_en % values, "zh": remedy_zh % values},
    )


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

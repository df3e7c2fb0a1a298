"""Refusals the bridge decides by itself, each with its stable code, text, next step."""

from __future__ import annotations

from .model import Decision, Text, Verdict


def _deny(code: str, text: Text, remedy: Text, verdict: Verdict) -> Decision:
    return Decision(verdict=verdict, code=code, text=text, remedy=remedy)


_STAFF = Text("Please ask the staff", "请联系工作人员")
_AGAIN = Text(
    "Scan again; if it happens twice, ask the staff",
    "请重新扫码；仍不成功请联系工作人员",
)
_OFFLINE = Text("No answer from the ticket server", "票务服务器无响应")

OFFLINE_UNSURE = _deny("OFFLINE", _OFFLINE, _AGAIN, Verdict.UNSURE)
OFFLINE = _deny("OFFLINE", _OFFLINE, _AGAIN, Verdict.DENY)
SERVER_ERROR_UNSURE = _deny(
    "SERVER_ERROR",
    Text("The ticket server answered with a fault", "票务服务器应答异常"),
    _AGAIN,
    Verdict.UNSURE,
)
SERVER_REFUSED = _deny(
    "SERVER_REFUSED",
    Text("The ticket server refused the request", "票务服务器拒绝了请求"),
    _STAFF,
    Verdict.DENY,
)
DEVICE_KEY_INVALID = _deny(
    "DEVICE_KEY_INVALID",
    Text("This gate is not authorised at the ticket server", "本闸机未获服务器授权"),
    _STAFF,
    Verdict.DENY,
)
BUSY = _deny(
    "BUSY",
    Text("One at a time, please", "请依次通行"),
    Text("Wait for the visitor before you, then scan", "请等前一位游客通过后再扫码"),
    Verdict.DENY,
)
WAITED_TOO_LONG = _deny(
    "SCAN_AGAIN",
    Text("The lane was busy for too long", "通道占用时间过长"),
    Text("Please scan again", "请重新扫码"),
    Verdict.DENY,
)
LANE_CLOSED = _deny(
    "LANE_CLOSED",
    Text("This lane is closed", "本通道暂停使用"),
    Text("Use another lane", "请使用其他通道"),
    Verdict.DENY,
)
LANE_FREE = _deny(
    "LANE_FREE",
    Text("This lane is open, no ticket needed now", "本通道自由通行，无需扫码"),
    Text("Please walk through", "请直接通行"),
    Verdict.DENY,
)
WRONG_DIRECTION = _deny(
    "WRONG_DIRECTION",
    Text("This lane is an exit now", "本通道现为出口"),
    Text("Use an entry lane", "请走入口通道"),
    Verdict.DENY,
)
LANE_FAULT = _deny(
    "LANE_FAULT",
    Text("The turnstile is not connected", "闸机未连接"),
    Text("Use another lane", "请使用其他通道"),
    Verdict.DENY,
)
EMERGENCY = _deny(
    "EMERGENCY",
    Text("Emergency: the way is open", "紧急状态：通道已放行"),
    Text("Leave calmly, follow the staff", "请听从工作人员指引，有序疏散"),
    Verdict.DENY,
)
FINGER = _deny(
    "FINGER",
    Text("The finger does not match this card", "指纹与会员卡不符"),
    Text(
        "Show the card with your ID to the attendant",
        "请向工作人员出示会员卡和身份证件",
    ),
    Verdict.DENY,
)
DECIDES_NOT = _deny(
    "DECIDES_NOT",
    Text("This gate may not decide without the ticket server", "本闸机无离线检票权限"),
    Text(
        "For staff: permit it in Odoo (device, field Decides)",
        "请工作人员在Odoo设备的“判定方式”中授权",
    ),
    Verdict.DENY,
)
KEY_SHARED = _deny(
    "KEY_SHARED",
    Text(
        "Another gate computer uses the key of this one", "另一台电脑共用了本机的密钥"
    ),
    Text(
        "For staff: give this gate a new key in Odoo",
        "请工作人员在Odoo中为本闸机生成新密钥",
    ),
    Verdict.DENY,
)
COPY_OLD = _deny(
    "COPY_OLD",
    Text("The list of tickets at this gate is too old", "本闸机门票数据已过期"),
    Text(
        "For staff: connect the gate to the ticket server",
        "请工作人员恢复与票务服务器的连接",
    ),
    Verdict.DENY,
)
JOURNAL_FAULT = _deny(
    "JOURNAL_FAULT",
    Text("The gate cannot write its journal", "闸机无法写入记录"),
    Text(
        "For staff: make room on the disk of the gate computer",
        "请工作人员清理闸机电脑磁盘空间",
    ),
    Verdict.DENY,
)

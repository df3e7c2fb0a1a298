"""Strict checks of the parameters of the gate API (no Odoo in here).

A value is taken as it is or refused with the name of its field; nothing is guessed
or converted. Fields the API does not know are ignored, so that a newer device can
talk to an older server.
"""

import re
from datetime import datetime, timezone

from .gate_text import DEVICE_CODES, TEXTS

MAX_SCANS = 50
MAX_EVENTS = 500
MAX_LANES = 64
MAX_INT = 2**31 - 1
MAX_PASSES = 1000

EVENT_TYPES = (
    "passed",
    "annulled",
    "exit",
    "forced",
    "tailgating",
    "wrong_direction",
    "fault",
    "fault_cleared",
    "link_down",
    "link_up",
    # decided by the device itself
    "admitted",
    "refused",
    # people without a ticket, what became of the lane
    "entry",
    "mode",
    "emergency",
    "emergency_over",
    "fire",
    "fire_over",
    "pinch",
    "muted",
)
ADMISSION_TYPES = ("passed", "annulled", "admitted")
COUNTED_TYPES = ("passed", "annulled", "exit", "entry", "admitted")
#: Of these a device may have a picture
PHOTOGRAPHED = ("forced", "tailgating", "wrong_direction", "pinch")
DECIDED_BY = ("offline", "site")
KINDS = ("auto", "qr", "barcode", "ic_card", "id_document")
READ_KINDS = ("qr", "barcode", "ic_card", "id_document", "staff_card", "unknown")
#: What a device may refuse by itself: the codes of the server and its own
REFUSALS = (
    *(code for code in TEXTS if not code.startswith("ADMIT")),
    *DEVICE_CODES,
)
DIRECTIONS = ("in", "out")
MODES = ("controlled", "exit", "free", "locked", "emergency")
DECIDES = ("no", "offline", "site")
MAX_TICKETS = 2000
LINKS = ("up", "down")
PRINTER_STATES = ("ready", "no_paper", "cover_open", "error", "offline")
OUTCOMES = ("printed", "waiting", "unsure")
MIN_DOTS, MAX_DOTS = 512, 1024

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_MISSING = object()


class SchemaError(ValueError):
    """A parameter is missing, of the wrong type or too large."""

    def __init__(self, field, en, zh):
        super().__init__(f"{field}: {en}")
        self.field = field
        self.en = f"{field}: {en}"
        self.zh = f"{field}：{zh}"


class _Object:
    """One JSON object being read; ``path`` names it in errors."""

    def __init__(self, value, path):
        if not isinstance(value, dict):
            raise SchemaError(path or "params", "must be an object", "必须是对象")
        self.value = value
        self.path = path

    def field(self, name):
        return f"{self.path}.{name}" if self.path else name

    def _get(self, name, default):
        value = self.value.get(name)
        if value is not None:
            return value
        if default is _MISSING:
            raise SchemaError(self.field(name), "is missing", "缺失")
        return default

    def integer(self, name, low, high, default=_MISSING):
        value = self._get(name, default)
        if value is default:
            return value
        if type(value) is not int:
            raise SchemaError(self.field(name), "must be a whole number", "必须是整数")
        if not low <= value <= high:
            raise SchemaError(
                self.field(name),
                f"must be from {low} to {high}",
                f"必须在 {low} 到 {high} 之间",
            )
        return value

    def boolean(self, name, default=_MISSING):
        value = self._get(name, default)
        if type(value) is not bool:
            raise SchemaError(
                self.field(name), "must be true or false", "必须是 true 或 false"
            )
        return value

    def raw_text(self, name, longest, default=_MISSING):
        """Return a text of any characters, as a reader may send noise."""
        value = self._get(name, default)
        if not isinstance(value, str):
            raise SchemaError(self.field(name), "must be a text", "必须是文本")
        if len(value) > longest:
            raise SchemaError(
                self.field(name),
                f"is longer than {longest} characters",
                f"超过 {longest} 个字符",
            )
        return value

    def text(self, name, longest, default=_MISSING, shortest=0):
        """Return a text that a database can hold."""
        if default is None and self.value.get(name) is None:
            return None
        value = self.raw_text(name, longest, default)
        if len(value) < shortest:
            raise SchemaError(self.field(name), "is empty", "为空")
        if not is_storable(value):
            raise SchemaError(
                self.field(name), "holds a forbidden character", "包含不允许的字符"
            )
        return value

    def choice(self, name, choices, default=_MISSING):
        value = self._get(name, default)
        if value is default:
            return value
        if not isinstance(value, str) or value not in choices:
            names = ", ".join(choices)
            raise SchemaError(
                self.field(name), f"must be one of {names}", f"必须是 {names} 之一"
            )
        return value

    def uuid(self, name, default=_MISSING):
        value = self._get(name, default)
        if value is default:
            return value
        if not isinstance(value, str) or not _UUID.fullmatch(value):
            raise SchemaError(
                self.field(name),
                "must be a UUID in lower case",
                "必须是小写的 UUID",
            )
        return value

    def time(self, name, default=_MISSING):
        value = self._get(name, default)
        if value is default:
            return value
        parsed = _parse_time(value) if isinstance(value, str) else None
        if parsed is None:
            raise SchemaError(
                self.field(name),
                "must be an ISO 8601 time with offset",
                "必须是带时区的 ISO 8601 时间",
            )
        return parsed

    def objects(self, name, most, least=1):
        value = self._get(name, _MISSING)
        if not isinstance(value, list):
            raise SchemaError(self.field(name), "must be a list", "必须是列表")
        if not least <= len(value) <= most:
            raise SchemaError(
                self.field(name),
                f"must hold {least} to {most} entries",
                f"必须有 {least} 到 {most} 条",
            )
        return [
            _Object(item, f"{self.field(name)}[{index}]")
            for index, item in enumerate(value)
        ]


def is_storable(text):
    """Tell whether a text has neither NUL nor half a surrogate pair."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parse_time(text):
    """Return naive UTC as ISO text, or None if it is no such time."""
    match = _TIME.fullmatch(text)
    if not match:
        return None
    base, fraction, offset = match.groups()
    fraction = ((fraction or "") + "000000")[:6]
    try:
        value = datetime.fromisoformat(
            f"{base}.{fraction}{'+00:00' if offset == 'Z' else offset}"
        )
        return value.astimezone(timezone.utc).replace(tzinfo=None).isoformat()
    except (ValueError, OverflowError):
        return None


def check_validate(params):
    """Return the scans of a ``validate`` call.

    :raise SchemaError: names the first field that does not fit
    """
    scans = []
    for item in _Object(params, "").objects("scans", MAX_SCANS):
        scans.append(
            {
                "uid": item.uuid("request_id"),
                "seq": item.integer("seq", 1, MAX_INT),
                "lane": item.text("lane", 32, shortest=1),
                "direction": item.choice("direction", DIRECTIONS),
                "at": item.time("at"),
                **_credential(item),
            }
        )
    return scans


def _credential(item):
    """Return ``kind`` and ``value`` of what a reader read."""
    credential = _Object(item.value.get("credential", {}), item.field("credential"))
    return {
        "kind": credential.choice("kind", KINDS),
        "value": credential.raw_text("value", 512),
    }


def check_report(params):
    """Return the events of a ``report`` call.

    :raise SchemaError: names the first field that does not fit
    """
    events = []
    for item in _Object(params, "").objects("events", MAX_EVENTS):
        kind = item.choice("type", EVENT_TYPES)
        admission = _MISSING if kind in ADMISSION_TYPES else None
        counted = _MISSING if kind in COUNTED_TYPES and kind != "annulled" else None
        events.append(
            {
                "uid": item.uuid("event_id"),
                "seq": item.integer("seq", 1, MAX_INT),
                "lane": item.text("lane", 32, shortest=1),
                "type": kind,
                "request_id": item.uuid("request_id", admission),
                "count": item.integer(
                    "count", 1 if kind in COUNTED_TYPES else 0, MAX_PASSES, counted
                ),
                "direction": item.choice("direction", DIRECTIONS, None),
                "assumed": item.boolean("assumed", False),
                "at": item.time("at"),
                "note": item.text("note", 512, ""),
                **(
                    _credential(item)
                    if kind in ("exit", "admitted")
                    and item.value.get("credential") is not None
                    else {}
                ),
                **_decision_of_device(item, kind),
                **_photo(item, kind),
            }
        )
    return events


def _decision_of_device(item, kind):
    """Return what a device tells of a decision that it took by itself."""
    if kind not in ("admitted", "refused"):
        return {}
    decision = {
        "mode": item.choice(
            "mode", DECIDED_BY, _MISSING if kind == "admitted" else None
        ),
        "right": item.integer("right", 1, MAX_INT, None),
    }
    if kind == "refused":
        decision["code"] = item.choice("code", REFUSALS)
        decision["kind"] = item.choice("credential_kind", READ_KINDS, None)
        return decision
    decision["again"] = item.boolean("again", False)
    if decision["right"] is None and item.value.get("credential") is None:
        raise SchemaError(
            item.field("right"),
            "is missing, and so is the credential",
            "缺失，且未给出凭证",
        )
    return decision


def _photo(item, kind):
    """Return under which name the device may have a picture of an alarm."""
    photo = item.uuid("photo", None)
    return {"photo": photo} if photo and kind in PHOTOGRAPHED else {}


def check_sync(params):
    """Return the values of a ``sync`` call.

    :raise SchemaError: names the first field that does not fit
    """
    top = _Object(params, "")
    return {
        "cursor": top.text("cursor", 128, None),
        "limit": top.integer("limit", 1, MAX_TICKETS, MAX_TICKETS),
        "born": top.time("born", None),
    }


def check_config(params):
    """Return the version that a ``config`` call knows, or None.

    :raise SchemaError: names the first field that does not fit
    """
    return {"version": _Object(params, "").text("version", 64, None)}


def check_print(params):
    """Return the values of a ``print`` call.

    :raise SchemaError: names the first field that does not fit
    """
    top = _Object(params, "")
    values = {
        "printer": top.text("printer", 32, shortest=1),
        "session": top.uuid("session"),
        "state": top.choice("state", PRINTER_STATES),
        "width": top.integer("width", MIN_DOTS, MAX_DOTS),
        "leaving": top.boolean("leaving", False),
        "job": top.integer("job", 1, MAX_INT, None),
    }
    if values["width"] % 8:
        raise SchemaError("width", "must be a multiple of 8", "必须是 8 的倍数")
    if values["job"]:
        values["outcome"] = top.choice("outcome", OUTCOMES)
    return values


def check_heartbeat(params):
    """Return the values of a ``heartbeat`` call.

    :raise SchemaError: names the first field that does not fit
    """
    top = _Object(params, "")
    counters = ("granted", "completed", "timed_out", "revoked", "outstanding")
    values = {
        "seq": top.integer("seq", 1, MAX_INT),
        "version": top.text("version", 64),
        "outbox": top.integer("outbox", 0, MAX_INT),
        "unresolved": top.integer("unresolved", 0, MAX_INT),
        "decides": top.choice("decides", DECIDES, None),
        "copy_at": top.time("copy_at", None),
        "conflicts": top.integer("conflicts", 0, MAX_INT, 0),
        "lanes": [],
    }
    seen = set()
    for item in top.objects("lanes", MAX_LANES, least=0):
        lane = {
            "lane": item.text("lane", 32, shortest=1),
            "link": item.choice("link", LINKS),
            "mode": item.choice("mode", MODES),
            "fire": item.boolean("fire", False),
            "emergency": item.boolean("emergency", False),
        }
        lane.update({name: item.integer(name, 0, MAX_INT) for name in counters})
        if lane["lane"] in seen:
            raise SchemaError(item.field("lane"), "is given twice", "重复")
        seen.add(lane["lane"])
        values["lanes"].append(lane)
    return values

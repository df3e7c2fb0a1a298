"""`status`: what a running bridge says of itself, for people and for scripts."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any

from ..model import LaneMode
from ..page import DIRECTIONS, MODES, SERVER
from ..settings import ApiSettings
from ..status import ServerState
from .table import table

OK, DEGRADED, UNREACHABLE = 0, 1, 3
TIMEOUT = 5.0

LABELS = {
    "device": ("设备", "device"),
    "version": ("版本", "version"),
    "state": ("状态", "state"),
    "ok": ("正常", "ok"),
    "degraded": ("有问题", "degraded"),
    "server": ("服务器", "server"),
    "last": ("最近应答", "last answer"),
    "never": ("从未", "never"),
    "decides": ("自行检票", "decides by itself"),
    "no": ("否", "no"),
    "offline": ("断网时", "while the server is away"),
    "site": ("总是", "always"),
    "copy": ("副本时间", "copy as of"),
    "outbox": ("待上传", "outbox"),
    "unresolved": ("未决通行", "unfinished"),
    "parked": ("搁置", "set aside"),
    "conflicts": ("冲突", "conflicts"),
    "lane": ("通道", "lane"),
    "direction": ("方向", "direction"),
    "mode": ("模式", "mode"),
    "link": ("设备连接", "link"),
    "up": ("在线", "up"),
    "down": ("断开", "down"),
    "granted": ("放行", "granted"),
    "completed": ("通过", "passed"),
    "timed_out": ("超时", "timed out"),
    "revoked": ("撤回", "revoked"),
    "in": ("进", "in"),
    "out": ("出", "out"),
    "problems": ("问题", "problems"),
}
# what /health says is wrong, for people who read Chinese
PROBLEMS = (
    (r"server: unknown ?(.*)", r"服务器：正在连接 \1"),
    (r"server: offline ?(.*)", r"服务器：离线 \1"),
    (
        r"server: fault .*(?:DATABASE_AWAY|reaches no database).*",
        "服务器：Odoo 已启动，但无法访问数据库；请检查数据库服务和 server.database",
    ),
    (
        r"server: fault .*no gate API at this address.*",
        "服务器：该地址没有检票接口；请检查 server.url 和 server.database，"
        "并确认该数据库已安装 scenic_ticket_gate",
    ),
    (r"server: fault ?(.*)", r"服务器：异常 \1"),
    (r"server: key_invalid ?(.*)", r"服务器：设备密钥无效，请在 Odoo 中更换 \1"),
    (
        r"server: another bridge uses the same key.*",
        "服务器：另一台网桥共用本设备密钥，或本机日志已丢失，请在 Odoo 中生成新密钥",
    ),
    (r"lane (\S+): link down", r"通道 \1：设备断开"),
    (r"lane (\S+): fault: (.*)", r"通道 \1：故障（\2）"),
    (r"lane (\S+): open by the fire alarm", r"通道 \1：消防放行"),
    (r"lane (\S+): the server does not know it", r"通道 \1：服务器未登记"),
    (r"lane (\S+): the server names an unknown mode", r"通道 \1：服务器的模式未知"),
    (
        r"lane (\S+): direction is (\S+) at the server, (\S+) in the settings",
        r"通道 \1：方向不一致，服务器为 \2，配置为 \3",
    ),
    (
        r"modes of the lanes: not heard from the server for (\d+) s",
        r"通道模式：已 \1 秒未收到服务器的通道模式",
    ),
    (
        r"modes of the lanes: not heard from the server for (\d+) s, it asked to wait",
        r"通道模式：已 \1 秒未收到服务器的通道模式，服务器要求等待",
    ),
    (r"lane (\S+): camera: (.*)", r"通道 \1：摄像头（\2）"),
    (r"lane (\S+): fingerprint: (.*)", r"通道 \1：指纹仪（\2）"),
    (r"printer (\S+): no paper", r"打印机 \1：缺纸"),
    (r"printer (\S+): cover open", r"打印机 \1：机盖未合"),
    (r"printer (\S+): not reached", r"打印机 \1：无法连接"),
    (r"printer (\S+): fault", r"打印机 \1：故障"),
    (r"printer (\S+): the server does not know it", r"打印机 \1：服务器未登记"),
    (r"copy of the tickets: (.*)", r"门票副本：\1"),
    (r"outbox: (\d+) facts set aside", r"待上传：\1 条被服务器拒收，已搁置"),
    (r"journal: the disk takes nothing", "日志：磁盘无法写入"),
)
COUNTERS = ("granted", "completed", "timed_out", "revoked", "in", "out")


class NotRunning(Exception):
    """Nobody answers at the address of the bridge's own pages."""


def address(api: ApiSettings, url: str | None) -> str:
    """Where the bridge's own pages are; ValueError when only it itself knows."""
    if url is not None:
        return url.rstrip("/")
    if api.port == 0:
        raise ValueError("api.port is 0: give --url, as `run` printed it")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(api.host, api.host)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"http://{host}:{api.port}"


def health(url: str) -> dict[str, Any]:
    """What the bridge at this address says. Raises NotRunning."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=TIMEOUT) as answer:
            found = json.load(answer)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise NotRunning(f"no bridge answers at {url}: {reason}") from error
    if not isinstance(found, dict) or "lanes" not in found:
        raise NotRunning(f"at {url} answers something else than a bridge")
    return found


def show(found: dict[str, Any], zh: bool) -> str:
    """The answer as text."""

    def say(name: str) -> str:
        return LABELS[name][0 if zh else 1]

    def word(words: tuple[str, str, str]) -> str:
        return words[0 if zh else 1]

    server = found["server"]
    last = _local(server["last_ok"]) or say("never")
    facts = [
        (say("device"), found["device"] or "–"),
        (say("version"), found["version"]),
        (say("state"), say(found["status"])),
        (say("server"), f"{word(SERVER[ServerState(server['state'])])}"),
        (say("last"), last),
        (say("decides"), say(found["decides"])),
        (say("copy"), _local(found["copy_at"]) or say("never")),
        (say("outbox"), found["outbox"]),
        (say("unresolved"), found["unresolved"]),
        (say("parked"), found["parked"]),
        (say("conflicts"), found["conflicts"]),
    ]
    lanes: list[list[object]] = [
        [say(name) for name in ("lane", "direction", "mode", "link", *COUNTERS)]
    ]
    for lane in found["lanes"]:
        mode = LaneMode.EMERGENCY if lane["emergency"] else LaneMode(lane["mode"])
        direction = DIRECTIONS[lane["direction"]].split()[0 if zh else 1]
        named = [lane["lane"], direction, word(MODES[mode]), say(lane["link"])]
        lanes.append([*named, *(lane[name] for name in COUNTERS)])
    parts = [table([(name, str(value)) for name, value in facts]), table(lanes)]
    if found["problems"]:
        lines = [_problem(text, zh) for text in found["problems"]]
        parts.append("\n".join([f"{say('problems')}:", *lines]))
    return "\n\n".join(parts)


def _problem(text: str, zh: bool) -> str:
    for pattern, chinese in PROBLEMS if zh else ():
        if re.fullmatch(pattern, text):
            return "  " + re.sub(pattern, chinese, text).strip()
    return f"  {text}"


def _local(text: str | None) -> str:
    """A time on the clock of this machine."""
    if not text:
        return ""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")

"""The lane log as a page for people: Chinese first, English beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from .journal import LogRow
from .lane import Lane
from .model import Direction, LaneDirection, LaneMode, ModeSource
from .status import ServerState

PHASES = {
    "admitted": ("允许通行", "admitted", "good"),
    "denied": ("拒绝", "denied", "bad"),
    "finger": ("请按指纹", "finger wanted", "info"),
    "passed": ("已通过", "passed", "done"),
    "annulled": ("已撤销", "annulled", "warn"),
    "exit": ("出园", "exit", "done"),
    "entry": ("自由入园", "free entry", "done"),
    "forced": ("强行通过", "forced entry", "bad"),
    "tailgating": ("尾随", "tailgating", "bad"),
    "wrong_direction": ("逆行", "wrong direction", "bad"),
    "pinch": ("夹人", "pinch", "bad"),
    "stepped_back": ("折返", "stepped back", "info"),
    "fire": ("消防放行", "fire alarm", "bad"),
    "fire_over": ("消防解除", "fire alarm over", "info"),
    "muted": ("读头静默", "reader muted", "warn"),
    "fault": ("故障", "fault", "bad"),
    "fault_cleared": ("故障解除", "fault cleared", "info"),
    "link_down": ("设备断开", "link down", "bad"),
    "link_up": ("设备已连接", "link up", "info"),
    "mode": ("模式", "mode", "info"),
    "emergency": ("紧急放行", "emergency", "bad"),
    "emergency_over": ("紧急解除", "emergency over", "info"),
}
MODES = {
    LaneMode.CONTROLLED: ("检票通行", "controlled", "good"),
    LaneMode.EXIT: ("出口", "exit", "warn"),
    LaneMode.EMERGENCY: ("紧急放行", "emergency", "bad"),
    LaneMode.LOCKED: ("关闭", "locked", "bad"),
    LaneMode.FREE: ("自由通行", "free", "warn"),
}
DIRECTIONS = {"in": "入口 In", "out": "出口 Out", "both": "双向 Both"}
SOURCES = {
    ModeSource.SERVER: ("服务器", "server"),
    ModeSource.SCHEDULE: ("时间表", "schedule"),
    ModeSource.LOCAL: ("本机", "local"),
}
SERVER = {
    ServerState.UNKNOWN: ("正在连接", "connecting", "warn"),
    ServerState.ONLINE: ("服务器在线", "server online", "good"),
    ServerState.OFFLINE: ("服务器离线", "server offline", "bad"),
    ServerState.FAULT: ("服务器异常", "server fault", "bad"),
    ServerState.KEY_INVALID: ("设备密钥无效", "device key refused", "bad"),
}
NOTES = {
    "timeout": ("超时未通过", "nobody walked in time"),
    "restart": ("重启后处理", "resolved after a restart"),
    "link lost": ("设备断线", "the link was lost"),
    "shutdown": ("程序停止", "the bridge was stopped"),
    "emergency": ("紧急状态", "emergency"),
    "fire": ("消防报警", "fire alarm"),
    "mode": ("模式改变", "the lane's mode was changed"),
    "assumed": ("无传感器，按通过计", "no sensor: counted as passed"),
    **{
        f"{mode} by {by}": (f"{mode_zh}（{by_zh}）", f"{mode_en} by {by_en}")
        for mode, (mode_zh, mode_en, _tone) in MODES.items()
        for by, (by_zh, by_en) in SOURCES.items()
    },
    "free lane": ("自由通行", "free lane"),
    "FINGER": ("指纹不符", "the finger did not match"),
}

SAID = ("admitted", "denied", "finger")  # what a visitor is told by

# of a decision that the bridge took by itself
DECIDED = {
    "offline": ("离线检票", "decided offline"),
    "site": ("本地检票", "decided here"),
}

STYLE = """
:root{--ink:#1d2733;--soft:#66758a;--line:#e3e8ef;--bg:#f3f6fa;--good:#0f8a55;
--bad:#c62f3b;--warn:#b7791f;--info:#2b6cb0;--done:#0b7285}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.45 "Noto Sans CJK SC",
"Source Han Sans SC","Microsoft YaHei","PingFang SC",system-ui,sans-serif}
header{display:flex;flex-wrap:wrap;gap:10px 14px;align-items:center;color:#fff;
padding:16px 24px;background:linear-gradient(100deg,#0b4f6c,#0b7285 60%,#12a08a)}
header h1{font-size:21px;margin:0 auto 0 0;font-weight:650}
header h1 small{font-weight:400;opacity:.8;font-size:14px;margin-left:8px}
.pill{display:inline-flex;gap:7px;align-items:center;border-radius:99px;
padding:3px 12px;font-size:13px;background:rgba(255,255,255,.16);white-space:nowrap;
color:#fff;text-decoration:none}
.dot{width:9px;height:9px;border-radius:50%;background:#9fb3c8;flex:none}
.dot.good{background:#3ddc97}.dot.bad{background:#ff6b6b}.dot.warn{background:#ffc457}
main{display:grid;gap:18px;padding:20px 24px;
grid-template-columns:repeat(auto-fit,minmax(min(380px,100%),1fr))}
section{background:#fff;border:1px solid var(--line);border-radius:14px;
overflow:hidden;box-shadow:0 1px 3px rgba(20,40,80,.06)}
.top{display:flex;flex-wrap:wrap;align-items:center;gap:6px 12px;
padding:14px 18px 10px}
.top b{font-size:20px}.top span.name{color:var(--soft);white-space:nowrap}
.top .right{margin-left:auto;display:flex;gap:8px;align-items:center}
.tag{border-radius:7px;padding:2px 9px;font-size:13px;font-weight:600;
background:#eef2f7;color:var(--soft);white-space:nowrap}
.tag.good{background:#e3f6ed;color:var(--good)}.tag.bad{background:#fde9ea;
color:var(--bad)}.tag.warn{background:#fdf3df;color:var(--warn)}
.tag.info{background:#e6f0fb;color:var(--info)}.tag.done{background:#e0f3f5;
color:var(--done)}
.sum{display:flex;flex-wrap:wrap;gap:4px 16px;padding:0 18px 12px;
color:var(--soft);font-size:13px}
.sum b{color:var(--ink);font-size:15px}
.say{margin:0 18px 14px;border-radius:11px;padding:12px 16px;background:#eef2f7;
border-left:6px solid #b8c4d3;min-height:76px}
.say.good{background:#e3f6ed;border-color:var(--good)}
.say.bad{background:#fde9ea;border-color:var(--bad)}
.say.info{background:#e6f0fb;border-color:var(--info)}
.say p{margin:0;font-size:20px;font-weight:650}
.say small{color:var(--soft);font-size:13px;display:block}
table{border-collapse:collapse;width:100%;font-size:14px}
td{padding:7px 8px;border-top:1px solid var(--line);vertical-align:top}
td:first-child{padding-left:18px;color:var(--soft);white-space:nowrap;
font-variant-numeric:tabular-nums}
td:last-child{padding-right:18px;width:99%}
td code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:12px;
margin-left:4px;white-space:nowrap}
td small{color:var(--soft);display:block}
.none{padding:18px;color:var(--soft);border-top:1px solid var(--line)}
footer{padding:0 24px 24px;color:var(--soft);font-size:13px}
.lost{display:none;padding:12px 24px;background:var(--bad);color:#fff;font-weight:650}
.stale .lost{display:block}.stale main{opacity:.45}
@media(max-width:600px){header,main{padding-left:12px;padding-right:12px}
.lost,footer{padding-left:12px;padding-right:12px}}
"""

SCRIPT = """
setInterval(async () => {
  try {
    const answer = await fetch("?part=body", {cache: "no-store"});
    if (!answer.ok) throw new Error(answer.statusText);
    document.body.innerHTML = await answer.text();
    document.documentElement.classList.remove("stale");
  } catch (error) {
    document.documentElement.classList.add("stale");
  }
}, 1000);
"""


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows beside the lanes."""

    device: str
    server: ServerState
    outbox: int
    version: str
    now: datetime
    copy_at: datetime | None  # None: it does not decide by itself, or has no copy yet
    conflicts: int
    problems: int


def page(body: str) -> str:
    """The whole document; it fetches a fresh body every second."""
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        "<title>通道日志 · Lane log</title>"
        f'<style>{STYLE}</style><script src="page.js" defer></script></head>'
        f"<body>{body}</body></html>"
    )


def body(view: View, lanes: Sequence[tuple[Lane, str, Sequence[LogRow]]]) -> str:
    """What changes: a bar, one card a lane."""
    zh, en, tone = SERVER[view.server]
    cards = "".join(_card(lane, name, rows) for lane, name, rows in lanes)
    clock = view.now.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return (
        "<header><h1>通道日志<small>Lane log</small></h1>"
        + (f'<span class="pill">{escape(view.device)}</span>' if view.device else "")
        + f'<span class="pill"><i class="dot {tone}"></i>{zh} · {en}</span>'
        f"{_problems(view)}{_copy(view)}"
        f'<span class="pill">待上传 · outbox {view.outbox}</span>'
        f'<span class="pill">{clock}</span></header>'
        '<div class="lost">程序没有应答，以下内容已过时'
        " · The bridge does not answer: what you see is old</div>"
        f"<main>{cards}</main>"
        f"<footer>scenic-gate-bridge {escape(view.version)}</footer>"
    )


def _problems(view: View) -> str:
    if not view.problems:
        return ""
    return (
        '<a class="pill" href="health" target="_blank"><i class="dot bad"></i>'
        f"异常 · problems {view.problems}</a>"
    )


def _copy(view: View) -> str:
    """What a bridge that decides by itself knows, and what came of that."""
    pills = ""
    if view.copy_at is not None:
        at = view.copy_at.astimezone().strftime("%m-%d %H:%M:%S")
        pills += f'<span class="pill">票务副本 · copy {at}</span>'
    if view.conflicts:
        pills += (
            '<span class="pill"><i class="dot warn"></i>'
            f"冲突 · conflicts {view.conflicts}</span>"
        )
    return pills


def _card(lane: Lane, name: str, rows: Sequence[LogRow]) -> str:
    machine = lane.machine
    zh, en, tone = MODES[machine.mode]
    if machine.in_emergency:
        zh, en, tone = MODES[LaneMode.EMERGENCY]
    if machine.fire:
        zh, en, tone = ("消防放行", "open by fire alarm", "bad")
    link = "good" if machine.link else "bad"
    linked = "设备在线 · link up" if machine.link else "设备断开 · link down"
    direction = DIRECTIONS[machine.rules.direction.value]
    lines = "".join(_line(row) for row in rows)
    table = (
        f"<table>{lines}</table>"
        if lines
        else '<div class="none">暂无记录 · nothing yet</div>'
    )
    return (
        f'<section><div class="top"><i class="dot {link}" title="{linked}"></i>'
        f"<b>{escape(lane.code)}</b>"
        f'<span class="name">{escape(name)}</span>'
        f'<div class="right"><span class="tag">{direction}</span>'
        f'<span class="tag {tone}">{zh} {en}</span></div></div>'
        f"{_sums(lane)}{_next(lane)}"
        f"{_banner(lane, rows)}{table}</section>"
    )


def _banner(lane: Lane, rows: Sequence[LogRow]) -> str:
    """What holds for everybody at this lane, else what the newest visitor was told."""
    tone, zh, en = _for_everybody(lane) or _told(
        next((row for row in rows if row.phase in SAID), None)
    )
    return (
        f'<div class="say {tone}"><p>{escape(zh)}</p><small>{escape(en)}</small></div>'
    )


def _for_everybody(lane: Lane) -> tuple[str, str, str] | None:
    machine = lane.machine
    walk = ("good", "请直接通行", "Please walk through")
    if machine.fire:
        return walk  # it is wired in the lane, link or not
    if not machine.link:
        return "bad", "设备断开，请走其他通道", "Out of order: use another lane"
    if machine.in_emergency:
        return walk
    if machine.wanted_rest == machine.served:
        if Direction.IN in machine.served:
            return walk
        return "good", "出园请直接通行", "Way out: please walk through"
    if machine.mode is LaneMode.LOCKED:
        return "bad", "通道关闭，请走其他通道", "Closed: use another lane"
    return None


def _told(row: LogRow | None) -> tuple[str, str, str]:
    """Tone, and the words to the visitor."""
    if row is None:
        return "", "请扫码", "Please scan"
    if row.phase == "finger":
        return "info", "请按指纹", "Please press your finger"
    return (
        "good" if row.phase == "admitted" else "bad",
        row.text_zh + (f"，{row.remedy_zh}" if row.remedy_zh else ""),
        row.text_en + (f". {row.remedy_en}" if row.remedy_en else ""),
    )


def _line(row: LogRow) -> str:
    zh, en, tone = PHASES.get(row.phase, (row.phase, "", "info"))
    time = datetime.fromisoformat(row.at).astimezone().strftime("%H:%M:%S")
    count = f" ×{row.count}" if row.count > 1 else ""
    assumed = "（推定）" if row.assumed else ""
    said_zh, said_en = NOTES.get(row.note, (row.note, ""))
    if row.note.startswith("port lost: "):
        said_zh, said_en = "端口断开", row.note
    if row.code:
        said_zh = " · ".join(filter(None, (row.product, row.text_zh)))
        said_en = " · ".join(filter(None, (row.text_en, row.code)))
    if row.note in DECIDED:
        by_zh, by_en = DECIDED[row.note]
        said_zh, said_en = f"{said_zh}（{by_zh}）", f"{said_en} · {by_en}"
    code = f"<code>#{escape(row.code_hash)}</code>" if row.code_hash else ""
    photo = ""
    if row.photo:
        photo = f'<a href="photos/{escape(row.photo)}" target="_blank">照片 photo</a>'
    small = " ".join(filter(None, (escape(said_en), code, photo)))
    return (
        f'<tr><td>{time}</td><td><span class="tag {tone}">{zh}{assumed}{count}</span>'
        f"<small>{en}</small></td><td>{escape(said_zh)}<small>{small}</small></td></tr>"
    )


def _sums(lane: Lane) -> str:
    """The counters that mean something at this lane."""
    counters, rules = lane.machine.counters, lane.machine.rules
    sums = []
    if not (rules.free_exit and rules.direction is LaneDirection.OUT):
        sums = [
            ("放行 granted", counters.granted),
            ("通过 passed", counters.completed),
            ("超时 timed out", counters.timed_out),
            ("撤回 revoked", counters.revoked),
        ]
    if rules.free_exit or counters.exits:
        sums.append(("出园 exits", counters.exits))
    if rules.direction is LaneDirection.BOTH:
        sums += [("进 in", counters.came_in), ("出 out", counters.went_out)]
    cells = "".join(f"<span>{name} <b>{count}</b></span>" for name, count in sums)
    return f'<div class="sum">{cells}</div>'


def _next(lane: Lane) -> str:
    """The next change that the schedule brings."""
    if not lane.plan:
        return ""
    zh, en, _tone = MODES[lane.plan[0].mode]
    time = lane.plan[0].at.astimezone().strftime("%m-%d %H:%M")
    return f'<div class="sum"><span>{time} → {zh} {en}</span></div>'

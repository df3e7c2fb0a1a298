"""The command line: run, check-config, devices, status, replay, simulate."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NoReturn

import structlog
import typer

from . import __version__
from .bridge import Bridge, StateDirError
from .commands import look
from .commands import replay as replaying
from .commands import status as asking
from .discover import discover
from .journal import JournalError
from .model import utc_now
from .rpc import RpcError
from .settings import ConfigError, Settings, load
from .simulator.day import parse_faults
from .simulator.park import ParkError, parse_lanes
from .simulator.reconcile import Reconciliation
from .simulator.rehearsal import RealServer, rehearse, rehearse_at
from .simulator.server import serve

BAD_CONFIG = 2
FATAL = 1

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Drives turnstiles and code readers, and asks Odoo who may pass.",
)

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The settings file (TOML).")
]


@app.command()
def run(
    config: ConfigOption,
    log_level: Annotated[
        str, typer.Option(help="debug, info, warning or error.")
    ] = "info",
) -> None:
    """Run the bridge until SIGTERM or Ctrl-C."""
    _set_up_logging(log_level)
    settings = _load(config)
    _run(
        lambda stop: Bridge(settings).run(
            stop, lambda url: print(f"bridge ready {url}", flush=True)
        )
    )


@app.command("check-config")
def check_config(config: ConfigOption) -> None:
    """Check the settings file and name every mistake with its line."""
    for line in look.describe(_load(config)):
        print(line)
    print(f"{config}: ok")


@app.command()
def devices(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Also show which lane uses what."),
    ] = None,
) -> None:
    """List the serial ports and card readers of this machine, by the names that the
    settings take and that survive a restart."""
    settings = None if config is None else _load(config)
    for line in look.devices(discover(), settings):
        print(line)


@app.command()
def status(
    config: ConfigOption,
    url: Annotated[
        str | None,
        typer.Option(help="Address of the bridge's pages, if not as in the settings."),
    ] = None,
    lang: Annotated[
        str | None, typer.Option(help="zh or en; else as the terminal has it.")
    ] = None,
) -> None:
    """Ask the running bridge how it is. Exit status 0: all is well, 1: something is
    wrong and named, 3: no bridge answers."""
    if lang not in (None, "zh", "en"):
        _fail("--lang is zh or en", BAD_CONFIG)
    try:
        found = asking.health(asking.address(_load(config).api, url))
    except ValueError as error:
        _fail(str(error), BAD_CONFIG)
    except asking.NotRunning as error:
        _fail(str(error), asking.UNREACHABLE)
    print(asking.show(found, (lang or _terminal_language()) == "zh"))
    raise typer.Exit(asking.OK if found["status"] == "ok" else asking.DEGRADED)


def _terminal_language() -> str:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return "zh" if os.environ[name].startswith("zh") else "en"
    return "en"


@app.command()
def replay(
    config: ConfigOption,
    begin: Annotated[
        str, typer.Option("--from", help="Begin, as 2026-12-01T09:00[+08:00].")
    ],
    end: Annotated[
        str | None, typer.Option("--to", help="End, exclusive; else now.")
    ] = None,
    lane: Annotated[str | None, typer.Option(help="Only this lane.")] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run/--send", help="Only show them, or tell the server."),
    ] = True,
) -> None:
    """Show the facts that the journal has of a time span, or tell the server the very
    same once more, for example after it was restored from a backup. Nothing is made
    up and nothing is written: the server knows each fact by its id, keeps it once."""
    settings = _load(config)
    try:
        until = utc_now() if end is None else replaying.read_time(end)
        span = replaying.Span(replaying.read_time(begin), until, lane)
        found = replaying.facts(settings, span)
    except replaying.ReplayError as error:
        _fail(str(error), BAD_CONFIG)
    print(replaying.show(found))
    if dry_run:
        print(f"{len(found)} facts; nothing was sent (--send tells the server)")
        return
    _set_up_logging("error")
    answers: Counter[str] = Counter()

    async def send() -> None:
        async for _fact, answer in replaying.send(settings, found):
            answers[answer] += 1

    try:
        asyncio.run(send())
    except (ConfigError, RpcError) as error:
        _fail(f"sent {answers.total()} of {len(found)} facts: {error}", FATAL)
    told = ", ".join(f"{count} {code}" for code, count in sorted(answers.items()))
    print(f"{len(found)} facts sent: {told or 'none'}")


@app.command()
def simulate(
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir",
            help="Where the ports' stable names are made; with --park: where journals"
            " and logs are kept (else they are thrown away).",
        ),
    ] = None,
    lanes: Annotated[
        str | None, typer.Option(help="The lanes with their directions: L1:in,X1:out")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Control port; 0 finds a free one.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of visitors and faults.")] = 0,
    park: Annotated[
        str | None,
        typer.Option(
            help="Rehearse a day of this park (demo) with real bridge processes, and"
            " compare the books."
        ),
    ] = None,
    visitors: Annotated[
        int, typer.Option(min=1, max=100_000, help="Parties of visitors, with --park.")
    ] = 200,
    faults: Annotated[
        str, typer.Option(help="With --park: all, none, or names with commas.")
    ] = "none",
    server: Annotated[
        str | None,
        typer.Option(
            help="With --park: a real server (http) that decides, instead of the"
            " simulator's own; the lanes are those of the device."
        ),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="With --server: the device key.")
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="With --server: the database.")
    ] = None,
    codes: Annotated[
        Path | None,
        typer.Option(
            help="With --server: codes sold there, one a line, `code,persons` for a"
            " group; they are used up."
        ),
    ] = None,
) -> None:
    """Run simulated turnstiles and scanners: either with an HTTP API to walk visitors
    (--dir, --lanes), or a whole day of a park (--park)."""
    if park is not None:
        _set_up_logging("error")
        with ExitStack() as stack:
            home = directory or Path(
                stack.enter_context(TemporaryDirectory(prefix="scenic-park-"))
            )
            try:
                names = parse_faults(faults)
                if server is None:
                    work = rehearse(park, visitors, names, seed, home, _say)
                else:
                    real = _real_server(server, key_file, database, codes)
                    work = rehearse_at(real, names, seed, home, _say)
                found = asyncio.run(work)
            except ParkError as error:
                _fail(str(error), BAD_CONFIG)
        _print_books(found)
        return
    if directory is None or lanes is None:
        _fail("give --dir and --lanes, or --park", BAD_CONFIG)
    _set_up_logging("info")
    try:
        wanted = parse_lanes(lanes)
    except ParkError as error:
        _fail(str(error), BAD_CONFIG)
    _run(
        lambda stop: serve(
            directory,
            wanted,
            port,
            seed,
            stop,
            lambda url: print(f"simulator ready {url}", flush=True),
        )
    )


def _say(text: str) -> None:
    print(text, flush=True)


def _real_server(
    url: str, key_file: Path | None, database: str | None, codes: Path | None
) -> RealServer:
    if key_file is None or codes is None:
        raise ParkError("--server needs --key-file and --codes")
    try:
        key = key_file.read_text("ascii").strip()
        lines = codes.read_text("utf-8").split()
        sold = {
            code: int(persons or 1)
            for code, _, persons in (line.partition(",") for line in lines)
        }
    except (OSError, ValueError) as error:
        raise ParkError(f"--key-file, --codes: {error}") from error
    return RealServer(url, key, database, sold)


def _print_books(found: Reconciliation) -> None:
    """Exit status 1 when the books differ; each differing row is printed."""
    print(found.table())
    for difference in found.differences:
        print(f"differs: {difference}")
    print(
        f"reconciled: {found.admissions} admissions,"
        f" {len(found.differences)} differences"
    )
    if found.differences:
        raise typer.Exit(FATAL)


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.")
    ] = False,
) -> None:
    """Drives turnstiles and code readers, and asks Odoo who may pass."""
    if version:
        print(__version__)
        raise typer.Exit


def _load(config: Path) -> Settings:
    try:
        return load(config)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        raise typer.Exit(BAD_CONFIG) from None


def _fail(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(code)


def _run(work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run until a signal asks to stop. What only the operator can mend is said in one
    sentence; anything else is a fault of the program and keeps its traceback."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await work(stop)

    try:
        asyncio.run(main())
    except (Exception, BaseExceptionGroup) as error:
        causes = list(_causes(error))
        known = (JournalError, StateDirError, ParkError, ConfigError, OSError)
        if not all(isinstance(cause, known) for cause in causes):
            raise
        for cause in causes:
            print(f"fatal: {cause}", file=sys.stderr)
        raise typer.Exit(FATAL) from None


def _causes(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    else:
        yield error


def _set_up_logging(level: str) -> None:
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        _fail(f"unknown log level {level}", BAD_CONFIG)
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer(
        ensure_ascii=False
    )
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number or logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )

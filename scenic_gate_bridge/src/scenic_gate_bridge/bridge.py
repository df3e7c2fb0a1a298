"""Puts the parts together and takes them apart again in the right order."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from .biometric import (
    FingerCheck,
    Fingerprints,
    FingerSensor,
    Members,
    TemplateStore,
)
from .decision import DecisionClient
from .drivers import make_driver
from .heartbeat import Heartbeat
from .journal import Journal, JournalUnwritable
from .journal.rows import LaneState
from .lane import Lane
from .lane_machine import LaneMachine
from .lane_words import LaneRules
from .local.service import DecisionService
from .local.sync import SyncPuller
from .local_api import LocalApi
from .metrics import Metrics
from .model import utc_now
from .outbox import OutboxSender
from .photos import Album, Camera, Photographer
from .readers.watch import watch
from .rpc import RpcClient, RpcError
from .settings import LaneSettings, PrinterSettings, Settings
from .site_server import SiteServer
from .status import ServerStatus
from .supervisor import supervise
from .watchdog import Pulses, Systemd

if TYPE_CHECKING:
    from .printing import PrintClerk

PRUNE_EVERY = 3600.0
FOLD_AGAIN = 0.5
LAST_UPLOAD = 2.0
START = 60.0  # seconds until each lane has begun to work


class StateDirError(Exception):
    """The state directory cannot be used."""


@contextmanager
def state_dir_lock(state_dir: Path) -> Iterator[None]:
    """The state directory, for this process alone."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(state_dir / "bridge.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StateDirError(f"cannot use state_dir {state_dir}: {error}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateDirError(
                f"another bridge is running with state_dir {state_dir}"
            ) from None
        yield
    finally:
        os.close(handle)


class Bridge:
    """One bridge process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.lanes: dict[str, Lane] = {}
        self.clerks: list[PrintClerk] = []
        self._album = Album(settings.state_dir / "photos")
        self._templates = TemplateStore(settings.state_dir / "fingerprints")
        self._pulses = Pulses()
        self._log = structlog.get_logger()

    async def run(self, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
        """Run until `stop`; `ready` is called with the URL of the local pages."""
        settings = self.settings
        status = ServerStatus()
        rpc = RpcClient(settings)
        rpc.on_outcome = status.outcome
        with state_dir_lock(settings.state_dir):
            path = settings.state_dir / "journal.sqlite"
            async with (
                Journal(path, self.metrics.journal.observe) as journal,
                rpc,
                asyncio.TaskGroup() as group,
            ):
                await self._recover(journal)
                states = await journal.call(lambda db: db.lane_states())
                client = DecisionClient(rpc, settings.server.timeout, group)
                decisions = DecisionService(
                    settings.server.mode,
                    journal,
                    client.decide,
                    lambda by: self.metrics.decided.labels(by).inc(),
                )
                members = Members(journal, self._templates)
                await members.load()
                puller = SyncPuller(journal, rpc, settings.server.sync, members.sweep)
                for lane_settings in settings.lanes:
                    self._add_lane(lane_settings, states, journal, decisions, members)
                outbox = OutboxSender(
                    journal, rpc, status, self.metrics, settings.server.backoff_max
                )
                site_server = SiteServer(settings.site_server, journal, self.metrics)
                self.clerks = [self._clerk(item, rpc) for item in settings.printers]
                heartbeat = Heartbeat(
                    journal,
                    rpc,
                    self.lanes,
                    self.metrics,
                    settings.server.heartbeat,
                    site_server.lanes,
                )
                heartbeat.on_config = puller.told_config
                api = LocalApi(
                    settings.api,
                    self.lanes,
                    journal,
                    status,
                    outbox,
                    heartbeat,
                    self.metrics,
                    site_server,
                    puller,
                    self._album,
                    self.clerks,
                )
                pulses = self._pulses
                outbox.turns = pulses.of("outbox")
                heartbeat.turns = pulses.of("heartbeat")
                puller.turns = pulses.of("sync")
                for lane in self.lanes.values():
                    lane.turns = pulses.of(f"lane {lane.code}")
                    lane.turns(START)
                systemd = Systemd(pulses)
                url = await api.start()
                feeding = group.create_task(systemd.feed())
                pulling = group.create_task(puller.run())
                try:
                    await self._work(
                        group, stop, journal, outbox, heartbeat, systemd, ready, url
                    )
                finally:
                    await _cancel([pulling])
                    await api.stop()
                    await _cancel([feeding])
                    systemd.close()

    async def _work(
        self,
        group: asyncio.TaskGroup,
        stop: asyncio.Event,
        journal: Journal,
        outbox: OutboxSender,
        heartbeat: Heartbeat,
        systemd: Systemd,
        ready: Callable[[str], None],
        url: str,
    ) -> None:
        sender = group.create_task(outbox.run())
        beating = group.create_task(heartbeat.run())
        pruning = group.create_task(self._prune(journal))
        lanes = [group.create_task(lane.run()) for lane in self.lanes.values()]
        drivers = [group.create_task(self._drive(lane)) for lane in self.lanes.values()]
        readers = [
            group.create_task(
                watch(self.lanes[settings.code], settings, number, self._pulses.of)
            )
            for settings in self.settings.lanes
            for number in range(len(settings.readers))
        ]
        printing = [group.create_task(clerk.run()) for clerk in self.clerks]
        self._log.info("bridge started", lanes=list(self.lanes), url=url)
        ready(url)
        systemd.ready(url)
        await stop.wait()
        systemd.stopping()
        self._log.info("stopping")
        # No new scans; then the lanes finish with their devices still there; then the
        # devices; and what the lanes wrote last gets one chance to be uploaded.
        await _cancel(readers)
        for lane in self.lanes.values():
            lane.stop()
        for clerk in self.clerks:
            clerk.stop()
        # a bridge may have printers only
        await asyncio.wait([*lanes, *printing])
        await _cancel([*drivers, beating, pruning, sender])
        try:
            async with asyncio.timeout(LAST_UPLOAD):
                while await outbox.send_once():
                    pass
        except (RpcError, JournalUnwritable, TimeoutError):
            self._log.info("the outbox keeps what could not be uploaded")

    async def _recover(self, journal: Journal) -> None:
        rules = {lane.code: lane.after_crash for lane in self.settings.lanes}
        at = utc_now()
        for done in await journal.call(lambda db: db.recover(rules, at)):
            self._log.warning(
                "resolved what a crash had left open",
                request_id=done.request_id,
                lane=done.lane,
                was=done.was,
                assumed_passed=done.passed,
                annulled=done.annulled,
            )

    def _add_lane(
        self,
        settings: LaneSettings,
        states: dict[str, LaneState],
        journal: Journal,
        decisions: DecisionService,
        members: Members,
    ) -> None:
        state = states.get(settings.code, LaneState())
        driver = make_driver(settings)
        rules = LaneRules(
            code=settings.code,
            direction=settings.direction,
            free_exit=settings.exits_freely,
            caps=driver.caps,
            pass_timeout=settings.pass_timeout,
            settle=settings.settle,
            # the longest that the visitor in front may take, and a little more
            queue_timeout=settings.pass_timeout + settings.settle + 2,
            after_crash=settings.after_crash,
            camera=settings.camera is not None,
        )
        photographer = None
        if settings.camera is not None:
            camera = Camera(settings.camera)
            photographer = Photographer(settings.code, camera, self._album)
        finger = None
        if settings.fingerprint is not None:
            sensor = FingerSensor(
                settings.fingerprint.link,
                settings.fingerprint.timeout,
                settings.fingerprint.password,
            )
            fingers = Fingerprints(sensor, self._templates)
            finger = FingerCheck(settings.code, fingers, members)
        lane = Lane(
            LaneMachine(rules, mode=state.mode, emergency=state.emergency),
            driver,
            journal,
            decisions.decide,
            self.metrics,
            photographer,
            finger,
        )
        lane.plan = state.plan
        self.lanes[settings.code] = lane

    def _clerk(self, settings: PrinterSettings, rpc: RpcClient) -> PrintClerk:
        # needs python-escpos, an extra; the settings made sure that it is there
        from .printing import PrintClerk, TicketPrinter

        turns = self._pulses.of(f"printer {settings.code}")
        return PrintClerk(settings, TicketPrinter(settings, turns), rpc, turns)

    async def _drive(self, lane: Lane) -> None:
        name, driver = f"{lane.code} turnstile", lane.driver
        driver.turns = self._pulses.of(name)
        await supervise(name, lambda: driver.run(lane.put), driver.turns)

    async def _prune(self, journal: Journal) -> None:
        days = self.settings.retention_days
        while True:
            try:
                gone = await journal.call(lambda db: db.prune(days, utc_now()))
            except JournalUnwritable as error:
                self._log.error("old rows are kept", reason=str(error))
                gone = 0
            if gone:
                self._log.info("old rows forgotten", rows=gone)
            await self._fold(journal)
            await self._prune_photos()
            await asyncio.sleep(PRUNE_EVERY)

    async def _fold(self, journal: Journal) -> None:
        try:
            while not await journal.call(lambda db: db.fold()):
                await asyncio.sleep(FOLD_AGAIN)
        except JournalUnwritable as error:
            self._log.error("the journal is not folded", reason=str(error))

    async def _prune_photos(self) -> None:
        days = self.settings.photos.keep_days
        try:
            gone = await asyncio.to_thread(self._album.prune, days, utc_now())
        except OSError as error:
            self._log.error("old pictures are kept", reason=str(error))
            return
        if gone:
            self._log.info("old pictures deleted", pictures=gone)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

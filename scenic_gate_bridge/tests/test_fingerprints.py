"""One finger against one template, with a sensor on a real pty."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scenic_gate_bridge.biometric import (
    EnrolFailed,
    Fingerprints,
    FingerSensor,
    Match,
    SensorFault,
    TemplateStore,
)
from scenic_gate_bridge.biometric import r30x_codec as r30x
from scenic_gate_bridge.settings import SerialSettings
from scenic_gate_bridge.simulator.pty_port import PtyPort
from scenic_gate_bridge.simulator.r30x_model import SMUDGED, R30xModel, features

THUMB, INDEX, OTHER = "thumb of Li", "index of Li", "thumb of Wang"
SEARCH = 0x04  # of one finger among all that are stored: never used


class SimSensor:
    """The model on a pty."""

    def __init__(self, link: Path) -> None:
        self.model = R30xModel()
        self.port = PtyPort(link, self._received, random.Random(1))

    def _received(self, data: bytes) -> None:
        self.port.send(self.model.feed(data))

    def fingerprints(self, store: TemplateStore, timeout: float = 5) -> Fingerprints:
        port = SerialSettings(port=str(self.port.link), baud=57600)
        return Fingerprints(FingerSensor(port, timeout), store)


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[SimSensor]:
    sensor = SimSensor(tmp_path / "sensor")
    sensor.port.plug()
    yield sensor
    sensor.port.unplug()


@pytest.fixture
def store(tmp_path: Path) -> TemplateStore:
    return TemplateStore(tmp_path / "fingerprints")


@pytest.mark.parametrize("size_code", [0, 3])
async def test_enrol_and_verify(
    sim: SimSensor, store: TemplateStore, size_code: int
) -> None:
    sim.model.size_code = size_code
    fingers = sim.fingerprints(store)
    sim.model.press(THUMB, THUMB, looks=2)
    await fingers.enrol("7")
    assert store.find("7") == features(THUMB)
    sim.model.press(THUMB)
    assert await fingers.verify("7") is Match.YES
    sim.model.press(OTHER, OTHER, OTHER)
    assert await fingers.verify("7") is Match.NO
    # the right finger at the third try, a smudged one between does not count
    sim.model.press(INDEX, SMUDGED, OTHER, THUMB)
    assert await fingers.verify("7") is Match.YES
    assert SEARCH not in sim.model.commands


async def test_nobody_presses(sim: SimSensor, store: TemplateStore) -> None:
    fingers = sim.fingerprints(store, timeout=0.1)
    with pytest.raises(EnrolFailed, match="no finger at press 1"):
        await fingers.enrol("7")
    store.keep("7", features(THUMB))
    assert await fingers.verify("7") is Match.NOBODY


async def test_two_fingers_are_no_template(
    sim: SimSensor, store: TemplateStore
) -> None:
    sim.model.press(THUMB, INDEX)
    with pytest.raises(EnrolFailed, match="do not fit"):
        await sim.fingerprints(store).enrol("7")
    assert store.members() == set()


async def test_who_is_not_enrolled_here_is_not_measured(
    sim: SimSensor, store: TemplateStore
) -> None:
    assert await sim.fingerprints(store).verify("7") is Match.UNKNOWN
    assert sim.model.commands == []


async def test_what_the_sensor_stores_is_deleted(
    sim: SimSensor, store: TemplateStore
) -> None:
    sim.model.stored = 3
    store.keep("7", features(THUMB))
    fingers = sim.fingerprints(store)
    for _ in range(2):
        sim.model.press(THUMB)
        assert await fingers.verify("7") is Match.YES
    # once: its memory wears out by writing
    assert sim.model.commands.count(r30x.EMPTY_LIBRARY[0]) == 1
    assert sim.model.stored == 0


async def test_a_sensor_that_is_away_is_told(
    sim: SimSensor, store: TemplateStore
) -> None:
    store.keep("7", features(THUMB))
    fingers = sim.fingerprints(store)
    sim.port.unplug()
    with pytest.raises(SensorFault, match="cannot open"):
        await fingers.verify("7")
    sim.port.plug()
    sim.model.press(THUMB)
    assert await fingers.verify("7") is Match.YES


async def test_a_wrong_password_is_told(sim: SimSensor, store: TemplateStore) -> None:
    sim.model.password = 1
    store.keep("7", features(THUMB))
    with pytest.raises(SensorFault, match="wrong_password"):
        await sim.fingerprints(store).verify("7")


@pytest.mark.parametrize("seed", range(4))
async def test_damage_on_the_line_opens_for_nobody(
    sim: SimSensor, store: TemplateStore, seed: int
) -> None:
    """A line that changes bytes may make it fail, never make another finger fit."""
    store.keep("7", features(THUMB))
    sim.port._rng.seed(seed)
    for faults in (sim.port.to_host, sim.port.to_device):
        faults.corrupt = 0.002
    for _ in range(3):
        sim.model.presses.clear()
        sim.model.press(OTHER, OTHER, OTHER)
        try:
            assert await sim.fingerprints(store, timeout=0.5).verify("7") in (
                Match.NO,
                Match.NOBODY,
            )
        except SensorFault:
            pass


# -- templates -------------------------------------------------------------------------


def test_templates_are_encrypted_and_for_this_user_only(
    store: TemplateStore, tmp_path: Path
) -> None:
    template = features(THUMB)
    store.keep("7", template)
    files = list((tmp_path / "fingerprints").iterdir())
    assert {file.name for file in files} == {"7.template", "templates.key"}
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
        assert template[:16] not in file.read_bytes()
    assert (tmp_path / "fingerprints").stat().st_mode & 0o777 == 0o700


def test_a_template_is_bound_to_its_member(
    store: TemplateStore, tmp_path: Path
) -> None:
    store.keep("7", features(THUMB))
    file = tmp_path / "fingerprints" / "7.template"
    file.with_stem("8").write_bytes(file.read_bytes())
    assert store.members() == {"7", "8"}
    assert store.find("8") is None
    file.write_bytes(file.read_bytes()[:-1])
    assert store.find("7") is None
    file.write_bytes(b"")
    assert store.find("7") is None


def test_a_forgotten_template_is_gone(store: TemplateStore) -> None:
    store.keep("7", features(THUMB))
    store.keep("7", features(INDEX))
    assert store.find("7") == features(INDEX)
    assert store.forget("7")
    assert not store.forget("7")
    assert store.find("7") is None
    assert store.members() == set()


@pytest.mark.parametrize("member", ["", "..", "../journal", "a/b", "7\n", "x" * 65])
def test_only_a_name_is_looked_up(store: TemplateStore, member: str) -> None:
    for work in (store.find, store.forget):
        with pytest.raises(ValueError, match="no name"):
            work(member)

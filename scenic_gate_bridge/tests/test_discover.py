"""Ports are found by the names that survive a restart."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from scenic_gate_bridge.discover import Bus, discover


def test_serial_ports_by_their_stable_names(tmp_path: Path) -> None:
    master, slave = os.openpty()
    other_master, other = os.openpty()
    try:
        for folder, name, port in (
            ("by-path", "pci-0000:00:14.0-usb-0:2:1.0", slave),
            ("by-id", "usb-Honeywell_Scanner_42-if00", slave),
            ("by-path", "pci-0000:00:14.0-usb-0:3:1.0", other),
        ):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / name).symlink_to(os.ttyname(port))
        found = {
            each.device: each
            for each in discover(tmp_path).found
            if each.bus is Bus.SERIAL
        }
        scanner, board = found[os.ttyname(slave)], found[os.ttyname(other)]
        assert scanner.name == str(tmp_path / "by-id" / "usb-Honeywell_Scanner_42-if00")
        assert board.name == str(tmp_path / "by-path" / "pci-0000:00:14.0-usb-0:3:1.0")
        assert scanner.stable and board.stable
    finally:
        for fd in (master, slave, other_master, other):
            os.close(fd)


def test_without_its_extra_pcsc_is_not_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("smartcard", "smartcard.Exceptions", "smartcard.System"):
        monkeypatch.setitem(sys.modules, module, None)
    (note,) = discover(Path("/none")).notes
    assert "extra pcsc" in note


def test_a_machine_without_ports_has_none(tmp_path: Path) -> None:
    assert not [each for each in discover(tmp_path / "none").found if each.stable]

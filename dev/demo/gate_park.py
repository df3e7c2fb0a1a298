"""The demo park with all that may stand at a lane: a camera, a fingerprint sensor."""

import asyncio
import io
import random
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image, ImageDraw
from scenic_gate_bridge.simulator.pty_port import PtyPort
from scenic_gate_bridge.simulator.r30x_model import R30xModel

from .park import DEVICE, LANES, Park

#: Lanes that the demo files do not have: code → name, gate, kind, direction.
MORE_LANES = {
    "L4": ("4号通道", "南门入口", "tripod", "in"),
    "B1": ("5号双向通道", "南门入口", "tripod", "both"),
    "M1": ("西侧人工出口", "南门出口", "manual", "out"),
}


class GatePark(Park):
    """L1 has camera and sensor; L4, B1 and a manual exit stand beside the usual."""

    lanes = {**LANES, "L4": "in", "B1": "both"}

    def start(self) -> "GatePark":
        self.camera = Camera()
        ports = self.home / "ports"
        ports.mkdir(parents=True, exist_ok=True)
        self.sensor = Sensor(ports / "L1.finger")
        super().start()
        return self

    def stop(self) -> None:
        super().stop()
        self.camera.stop()
        self.sensor.stop()

    def new_device_key(self) -> str:
        self._make_lanes()
        return super().new_device_key()

    def beside_the_lanes(self) -> dict[str, list[str]]:
        sensor = f'kind = "serial", port = "{self.sensor.port.link}", baud = 57600'
        camera = ["[lanes.camera]", f'url = "{self.camera.url}"']
        finger = ["[lanes.fingerprint]", f"transport = {{ {sensor} }}"]
        return {"L1": [*camera, *finger], "B1": camera}

    def _make_lanes(self) -> None:
        manager = self.person("manager")
        (device,) = manager.read("scenic.device", [["name", "=", DEVICE]], ["id"])
        manager.call(
            "scenic.device", "write", [device["id"]], {"has_fingerprint": True}
        )
        for code, (name, gate, kind, direction) in MORE_LANES.items():
            (leads,) = manager.read("scenic.gate", [["name", "=", gate]], ["id"])
            manager.call(
                "scenic.lane",
                "create",
                {
                    "name": name,
                    "code": code,
                    "gate_id": leads["id"],
                    "device_id": device["id"],
                    "kind": kind,
                    "direction": direction,
                    "outdoor": True,
                },
            )


class Camera:
    """A network camera over a lane: each GET gets one drawn JPEG."""

    def __init__(self) -> None:
        picture = _drawn()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "image/jpeg")
                self.send_header("Content-Length", str(len(picture)))
                self.end_headers()
                self.wfile.write(picture)

            def log_message(self, *_what: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/snapshot"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Sensor:
    """A fingerprint sensor on a pseudo terminal, byte for byte."""

    def __init__(self, link: Path) -> None:
        self._model = R30xModel()
        self.port = PtyPort(link, self._received, random.Random(1))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self.port.plug)

    def press(self, *fingers: str) -> None:
        """Put fingers on the glass, one after the other."""
        self._do(lambda: self._model.press(*fingers))

    def stop(self) -> None:
        self._do(self.port.unplug)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _received(self, data: bytes) -> None:
        self.port.send(self._model.feed(data))

    def _do(self, act: Callable[[], None]) -> None:
        async def done() -> None:
            act()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(10)


def _drawn() -> bytes:
    """Two persons in one turnstile, as a camera above might see them."""
    image = Image.new("RGB", (640, 480), "#8d989f")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 640, 150), fill="#b9c4c9")
    for left in (70, 470):
        draw.rounded_rectangle((left, 170, left + 100, 440), 14, fill="#3f4a52")
        draw.rectangle((left + 14, 186, left + 86, 214), fill="#7fd6a4")
    draw.line((170, 300, 330, 330), fill="#d7dde0", width=12)
    for middle, coat, top in ((300, "#2f5d8a", 120), (395, "#a8453f", 150)):
        draw.rounded_rectangle(
            (middle - 46, top + 76, middle + 46, top + 260), 30, fill=coat
        )
        draw.ellipse((middle - 34, top, middle + 34, top + 74), fill="#e2b48c")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()

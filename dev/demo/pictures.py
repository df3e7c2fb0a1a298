"""``make screenshots``: the pictures of README.md and docs/, from a running park."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from bootstrap.console import SetupError, say, step
from bootstrap.odoo_server import Odoo
from bootstrap.paths import LOCAL, ROOT
from bootstrap.postgres import Cluster, free_port
from databases import demo_database
from playwright.sync_api import Browser

from . import (
    desk_pictures,
    gate_pictures,
    kiosk_pictures,
    people_pictures,
    shift_pictures,
    window_pictures,
    window_print_pictures,
)
from .browser import chromium, save
from .gate_park import GatePark
from .park import DATABASE
from .printed import save_pages
from .till import Till
from .walk_through import walk_through

IMAGES = ROOT / "docs" / "images"
COPY = "scenic_pictures"
TICKETS = LOCAL / "park" / "tickets"
WINDOW_PARK = Path(__file__).with_name("window_park.py")


def _readme(chrome: Browser, park: GatePark, images: Path) -> None:
    """The lane log, an order at the window, and a ticket of the walk-through."""
    page = chrome.new_page(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    page.goto(park.bridge.url)
    page.wait_for_timeout(1500)
    save(page, images / "lane-log.png")
    till = Till(chrome, park, images)
    till.touch("成人票", "成人票", "团队票", "三景联票")
    till.save("pos")
    till.close()
    pages = save_pages((TICKETS / "window.pdf").read_bytes(), TICKETS / "page")
    shutil.copy(pages[0], images / "ticket.png")


#: Name → what takes these pictures. A name stands for those that begin with it, too.
PARTS: dict[str, Callable[[Browser, GatePark, Path], None]] = {
    "readme": _readme,
    "window": window_pictures.take,
    "window-people": people_pictures.take,
    "window-desk": desk_pictures.take,
    "window-print": window_print_pictures.take,
    "window-kiosk": kiosk_pictures.take,
    "window-shift": shift_pictures.take,
    "gates": gate_pictures.take,
}


def take_pictures(names: Sequence[str]) -> int:
    """Walk through a copy of the park once and photograph it; 0 when all went well.

    :param names: of ``PARTS``; none: all of them
    :raises SetupError: there is no such part
    """
    parts = _chosen(names)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with Cluster("run") as cluster:
        odoo = Odoo(cluster, "run")
        demo_database(cluster, odoo, DATABASE)
        odoo.copy_database(DATABASE, COPY)
        if "window-kiosk" in parts:
            with step("installing the kiosk"):
                odoo.install(COPY, ["pos_self_order", "payment_demo"])
        park = GatePark(odoo, COPY, port=free_port())
        park.forget()
        with park:
            failures = walk_through(park, TICKETS)
            odoo.shell(COPY, WINDOW_PARK)
            with chromium() as chrome:
                for part in parts:
                    with step(f"taking pictures: {part}"):
                        PARTS[part](chrome, park, IMAGES)
        odoo.drop_database(COPY)
    for image in sorted(IMAGES.glob("*.png")):
        say(f"  {image.relative_to(ROOT)}")
    return 1 if failures else 0


def _chosen(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in PARTS:
            raise SetupError(
                f"There are no pictures called {name}: choose of {', '.join(PARTS)}."
            )
    return [
        part
        for part in PARTS
        if not names or any(f"{part}-".startswith(f"{name}-") for name in names)
    ]

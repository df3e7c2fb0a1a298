"""``make screenshots``: the pictures of README.md and docs/, from a running park."""

import shutil

from bootstrap.console import say, step
from bootstrap.odoo_server import Odoo
from bootstrap.paths import LOCAL, ROOT
from bootstrap.postgres import Cluster, free_port
from databases import demo_database
from playwright.sync_api import Browser

from . import desk_pictures, gate_pictures, window_pictures
from .browser import chromium, save
from .gate_park import GatePark
from .park import DATABASE, Park
from .printed import save_pages
from .walk_through import walk_through

IMAGES = ROOT / "docs" / "images"
COPY = "scenic_pictures"


def take_pictures() -> int:
    """Walk through a copy of the park once and photograph it; 0 when all went well."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with Cluster("run") as cluster:
        odoo = Odoo(cluster, "run")
        demo_database(cluster, odoo, DATABASE)
        odoo.copy_database(DATABASE, COPY)
        tickets = LOCAL / "park" / "tickets"
        park = GatePark(odoo, COPY, port=free_port())
        park.forget()
        with park:
            failures = walk_through(park, tickets)
            with step("taking pictures"), chromium() as chrome:
                _lane_log(chrome, park)
                _window(chrome, park)
                window_pictures.take(chrome, park, IMAGES)
                desk_pictures.take(chrome, park, IMAGES)
                gate_pictures.take(chrome, park, IMAGES)
            pages = save_pages((tickets / "window.pdf").read_bytes(), tickets / "page")
            shutil.copy(pages[0], IMAGES / "ticket.png")
        odoo.drop_database(COPY)
    for image in sorted(IMAGES.glob("*.png")):
        say(f"  {image.relative_to(ROOT)}")
    return 1 if failures else 0


def _lane_log(chrome: Browser, park: Park) -> None:
    page = chrome.new_page(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    page.goto(park.bridge.url)
    page.wait_for_timeout(1500)
    save(page, IMAGES / "lane-log.png")


def _window(chrome: Browser, park: Park) -> None:
    page = window_pictures.open_window(chrome, park)
    for name in ("成人票", "成人票", "团队票", "三景联票"):
        window_pictures.touch(page, name)
    page.wait_for_timeout(800)
    save(page, IMAGES / "pos.png")

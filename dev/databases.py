"""The databases the suite works on, each made once and copied by template after."""

import hashlib
import os

from bootstrap.console import say, step
from bootstrap.odoo_server import STOCK_MODULES, Odoo
from bootstrap.paths import ADDONS, ROOT
from bootstrap.postgres import Cluster

STOCK_TEMPLATE = "scenic_stock"
DEMO = ROOT / "dev" / "demo"


def stock_template(cluster: Cluster, odoo: Odoo) -> str:
    """Return a database with Odoo's own modules, made on the first call.

    Chinese company, Chinese language, no demo data, none of our add-ons.
    """
    if STOCK_TEMPLATE not in cluster.databases():
        raw = f"{STOCK_TEMPLATE}_raw"
        odoo.drop_database(raw)
        with step("making the template database with Odoo's own modules"):
            odoo.install(raw, ["base"], "--load-language", "zh_CN,en_US")
            odoo.shell(raw, DEMO / "company.py")
            odoo.install(raw, STOCK_MODULES)
            odoo.rename_database(raw, STOCK_TEMPLATE)
    return STOCK_TEMPLATE


def demo_database(cluster: Cluster, odoo: Odoo, database: str) -> bool:
    """Make the demo park in ``database``; update it when the add-ons have changed.

    :return: whether the database is new
    """
    wanted = addons_fingerprint()
    if database in cluster.databases():
        is_new = False
        if _fingerprint_of(cluster, database) == wanted:
            return is_new
        with step("updating the demo database: the add-ons have changed"):
            odoo.run(
                ["-d", database, "-u", ",".join(ADDONS), "--stop-after-init"]
                + ["--no-http"],
                f"update-{database}",
                "The demo database could not be updated; remove it with: make clean.",
            )
    else:
        is_new = True
        template = stock_template(cluster, odoo)
        raw = f"{database}_raw"
        odoo.copy_database(template, raw)
        with step("installing the four add-ons"):
            odoo.install(raw, ADDONS)
        with step("building the demo park"):
            for line in odoo.shell(raw, DEMO / "populate.py").splitlines():
                say(f"    {line}")
        odoo.rename_database(raw, database)
    cluster.psql(
        database,
        "INSERT INTO ir_config_parameter (key, value) VALUES "
        f"('scenic.demo.fingerprint', '{wanted}') "
        "ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
    )
    return is_new


def _fingerprint_of(cluster: Cluster, database: str) -> str:
    return cluster.psql(
        database,
        "SELECT value FROM ir_config_parameter WHERE key = 'scenic.demo.fingerprint'",
    )


def addons_fingerprint() -> str:
    """Return a hash over what an update of the add-ons would read."""
    found = hashlib.sha256()
    for addon in ADDONS:
        for folder, folders, files in os.walk(ROOT / addon):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(files):
                path = os.path.join(folder, name)
                found.update(os.path.relpath(path, ROOT).encode())
                with open(path, "rb") as file:
                    found.update(hashlib.sha256(file.read()).digest())
    return found.hexdigest()

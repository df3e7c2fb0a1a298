"""Message templates: exported from a database that has the add-ons, merged by polib."""

import shutil
import time
from pathlib import Path

import polib
from bootstrap.console import say, step
from bootstrap.odoo_server import Odoo
from bootstrap.paths import ADDONS, GLUE, LOCAL, ROOT
from bootstrap.postgres import Cluster
from databases import stock_template
from testing.result import PartResult

DATABASE = "scenic_i18n"


def export(cluster: Cluster, odoo: Odoo, target: Path) -> dict[str, Path]:
    """Export a fresh template of every add-on into ``target``."""
    template = stock_template(cluster, odoo)
    odoo.copy_database(template, DATABASE)
    with step("installing the add-ons to read their messages"):
        odoo.install(DATABASE, [*ADDONS, *GLUE])
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    found = {}
    for addon in (*ADDONS, *GLUE):
        found[addon] = target / f"{addon}.pot"
        odoo.run(
            ["i18n", "export", "-d", DATABASE, "-l", "pot", "-o", found[addon], addon],
            f"i18n-{addon}",
            f"The messages of {addon} could not be exported.",
        )
    odoo.drop_database(DATABASE)
    return found


def update(addons: list[str]) -> int:
    """Write the add-ons' .pot anew, merge it into zh_CN.po; say what is left to do."""
    from testing.runner import test_cluster

    with test_cluster() as cluster:
        found = export(cluster, Odoo(cluster, "test"), LOCAL / "i18n")
    open_messages = 0
    for addon in addons:
        folder = ROOT / addon / "i18n"
        folder.mkdir(exist_ok=True)
        shutil.copy(found[addon], folder / f"{addon}.pot")
        template = polib.pofile(str(found[addon]))
        catalogue_file = folder / "zh_CN.po"
        if catalogue_file.exists():
            catalogue = polib.pofile(str(catalogue_file), wrapwidth=78)
            catalogue.merge(template)
        else:
            catalogue = template
            catalogue.metadata["Language"] = "zh_CN"
        for entry in list(catalogue.obsolete_entries()):
            catalogue.remove(entry)
        catalogue.save(str(catalogue_file))
        todo = catalogue.untranslated_entries() + catalogue.fuzzy_entries()
        open_messages += len(todo)
        say(f"{addon}: {len(catalogue)} messages, {len(todo)} to translate")
        for entry in todo:
            say(f"    {entry.msgid!r}")
    return 1 if open_messages else 0


def check_exports(cluster: Cluster, odoo: Odoo) -> PartResult:
    """One test an add-on: the committed template equals a fresh export."""
    from lint.check_po import compare_pot

    started = time.monotonic()
    result = PartResult("i18n")
    for addon, fresh in export(cluster, odoo, LOCAL / "i18n-check").items():
        committed = ROOT / addon / "i18n" / f"{addon}.pot"
        differences = compare_pot(committed, fresh)
        if differences:
            result.fail(f"{addon}.pot is not what the code says; run: make i18n")
            result.problems += [f"  {line}" for line in differences[:10]]
        else:
            result.passed += 1
    result.seconds = time.monotonic() - started
    return result.close()

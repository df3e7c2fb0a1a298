#!/usr/bin/env python3
"""Refuse an incomplete or outdated translation.

    check_po.py [--exported DIR] [ADDON ...]      default: every add-on

Each add-on has ``i18n/<addon>.pot`` and ``i18n/zh_CN.po``. The PO holds exactly the
POT's messages, each translated, none fuzzy, with the same placeholders on both sides
(a wrong placeholder only shows the English text at run time). With ``--exported``,
DIR holds a fresh ``<addon>.pot`` of each add-on, and the committed one must say the
same; creation dates, line numbers and the order of messages do not count.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polib
from lxml import etree

ROOT = Path(__file__).resolve().parents[2]
LANGUAGE = "zh_CN"

_PRINTF = re.compile(r"%(?:\((\w+)\))?[#0+-]*(?:\d+|\*)?(?:\.(?:\d+|\*))?[a-zA-Z%]")
_FORMAT = re.compile(r"\{\{.*?\}\}|\$\{.*?\}|\{[\w.]*\}")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def placeholders(text: str) -> Counter[str]:
    """Return what is filled in at run time: ``%(name)s``, ``%s``, ``{name}``, …"""
    found = Counter(match[0] for match in _PRINTF.finditer(text))
    found.subtract({"%%": found["%%"]})
    found.update(_bare(match[0]) for match in _FORMAT.finditer(text))
    return +found


def _bare(expression: str) -> str:
    """Drop what a translator may change in ``{{ … }}``: blanks and quoted texts."""
    if not expression.startswith("{{"):
        return expression
    return re.sub(r"\s+", "", re.sub(r"'[^']*'|\"[^\"]*\"", "''", expression))


def check_addon(addon: Path, exported: Path | None = None) -> list[str]:
    """Return what is wrong with the add-on's translations, a sentence each."""
    pot_path = addon / "i18n" / f"{addon.name}.pot"
    po_path = addon / "i18n" / f"{LANGUAGE}.po"
    missing = [path for path in (pot_path, po_path) if not path.is_file()]
    if missing:
        return [f"{path}: missing" for path in missing]
    try:
        pot, po = polib.pofile(str(pot_path)), polib.pofile(str(po_path))
    except (OSError, UnicodeDecodeError) as error:
        return [f"{addon.name}: not readable: {error}"]
    problems = [f"{po_path}: {text}" for text in check_po(pot, po)]
    if not pot:
        problems.append(f"{pot_path}: holds no message at all")
    if exported is not None:
        differences = compare_pot(pot_path, exported / f"{addon.name}.pot")
        problems += [f"{pot_path}: {text}" for text in differences]
    return problems


def check_po(pot: polib.POFile, po: polib.POFile) -> Iterator[str]:
    """Yield what a translation lacks against its template."""
    language = po.metadata.get("Language", "")
    if language != LANGUAGE:
        yield f"header Language is {language!r}, not {LANGUAGE!r}"
    wanted = {_key(entry): entry for entry in pot}
    counted = Counter(_key(entry) for entry in po if not entry.obsolete)
    for key, times in counted.items():
        if times > 1:
            yield f"{_short(key)} stands {times} times"
        if key not in wanted:
            yield f"{_short(key)} is not in the template"
    for key in wanted.keys() - counted.keys():
        yield f"{_short(key)} is missing"
    for entry in po:
        if entry.obsolete:
            yield f"line {entry.linenum}: obsolete entry {_short(_key(entry))}"
        else:
            yield from (f"line {entry.linenum}: {text}" for text in _entry(entry))


def _entry(entry: polib.POEntry) -> Iterator[str]:
    name = _short(_key(entry))
    if entry.fuzzy:
        yield f"{name} is fuzzy"
    if entry.msgid_plural:
        texts = list(entry.msgstr_plural.values())
    else:
        texts = [entry.msgstr]
    if not texts or not all(text.strip() for text in texts):
        yield f"{name} is not translated"
        return
    for text in texts:
        expected = placeholders(entry.msgid_plural or entry.msgid)
        found = placeholders(text)
        if expected != found:
            yield (
                f"{name} has the placeholders {_list(found)}"
                f" where the source has {_list(expected)}"
            )
        if _TAG.search(entry.msgid) and (problem := _markup(entry.msgid, text)):
            yield f"{name} {problem}"


def _markup(source: str, text: str) -> str:
    """Say how the translation of a view's text breaks its elements, or return ''."""
    try:
        wanted = _elements(source)
    except etree.XMLSyntaxError:
        return ""  # the source only looks like markup
    try:
        found = _elements(text)
    except etree.XMLSyntaxError:
        return "is no well-formed markup"
    if wanted != found:
        return f"has the elements {_list(found)} where the source has {_list(wanted)}"
    return ""


def _elements(text: str) -> Counter[str]:
    tree = etree.fromstring(f"<r>{text.replace('&nbsp;', ' ')}</r>")
    return Counter(element.tag for element in tree.iterdescendants(etree.Element))


def compare_pot(committed: Path, exported: Path) -> list[str]:
    """Return how the committed template differs from a fresh export.

    Messages and where they are used count; dates, line numbers and order do not.
    """
    missing = [path for path in (committed, exported) if not path.is_file()]
    if missing:
        return [
            f"{path} is missing, so there is nothing to compare" for path in missing
        ]
    old, new = (_references(polib.pofile(str(path))) for path in (committed, exported))
    problems = [
        f"{_short(key)} is new in the code: export the template again"
        for key in sorted(new.keys() - old.keys())
    ]
    problems += [
        f"{_short(key)} is no longer in the code: export the template again"
        for key in sorted(old.keys() - new.keys())
    ]
    problems += [
        f"{_short(key)} is used elsewhere now: export the template again"
        for key in sorted(old.keys() & new.keys())
        if old[key] != new[key]
    ]
    return problems


def _references(pot: polib.POFile) -> dict[tuple[str, str], set[str]]:
    return {
        _key(entry): {reference for reference, _line in entry.occurrences}
        for entry in pot
        if not entry.obsolete
    }


def _key(entry: polib.POEntry) -> tuple[str, str]:
    return (entry.msgctxt or "", entry.msgid)


def _short(key: tuple[str, str]) -> str:
    text = key[1].replace("\n", "⏎")
    return repr(text if len(text) <= 60 else text[:57] + "…")


def _list(found: Counter[str]) -> str:
    return ", ".join(sorted(found.elements())) or "none"


def addons() -> list[Path]:
    """Return the folders of all add-ons of this repository."""
    return sorted(manifest.parent for manifest in ROOT.glob("*/__manifest__.py"))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exported", type=Path, help="folder of fresh <addon>.pot")
    parser.add_argument("addons", nargs="*", type=Path)
    options = parser.parse_args(arguments)
    checked = [path.resolve() for path in options.addons] or addons()
    if not checked:
        print("no add-on found")
        return 1
    problems = [
        text for addon in checked for text in check_addon(addon, options.exported)
    ]
    for text in problems:
        print(text)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

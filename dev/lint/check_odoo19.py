#!/usr/bin/env python3
"""Refuse what Odoo 19 ignores in silence, or takes and then breaks in the client.

    check_odoo19.py [FILE ...]        default: every file of every add-on

Python and XML are parsed, so a comment, a docstring or a longer name that merely
contains one of the words is no finding. A line that must keep one says why::

    something._cr  # odoo19-ok: the attribute of a library, not of a model

(in XML: ``<!-- odoo19-ok: reason -->`` on the same line).
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from lxml import etree

ROOT = Path(__file__).resolve().parents[2]
EXEMPT = re.compile(r"odoo19-ok:\s*\S")

#: What is refused → what happens in Odoo 19, and what to write.
REASONS = {
    "_sql_constraints": "is ignored with a warning: use models.Constraint",
    "tree": "view type: 'tree' is 'list' now",
    "kanban-box": "the client misses its 'card' template: use t-name=\"card\"",
    "groups_id": "is named group_ids on users, menus, actions, views and reports",
    "attrs": "is gone: write invisible=, readonly= or required= with an expression",
    "states": "is gone: write invisible= or readonly= with an expression",
    "odoo.osv.expression": "is deprecated: from odoo.fields import Domain",
    "name_get": "is never called: define _compute_display_name",
    "type='json'": "is a deprecated alias of type='jsonrpc'",
    "numbercall": "is no field of ir.cron any more",
    "doall": "is no field of ir.cron any more",
    "_cr": "is deprecated: self.env.cr",
    "_uid": "is deprecated: self.env.uid",
    "_context": "is deprecated: self.env.context",
    "group_operator": "is ignored: write aggregator=",
    "oe_chatter": "is no chatter any more: write <chatter/>",
}

GONE_NAMES = {"numbercall", "doall", "groups_id"}
GONE_FIELD_ARGUMENTS = {"group_operator", "states"}
GONE_ATTRIBUTES = {"attrs", "states"}
DEPRECATED_MODEL_ATTRIBUTES = {"_cr", "_uid", "_context"}
VIEW_MODE_NEIGHBOURS = {
    *("list", "form", "kanban", "search", "pivot", "graph", "calendar", "activity"),
}


class Finding(NamedTuple):
    """One refused construct."""

    path: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what} {REASONS[self.what]}"


def check_file(path: Path) -> list[Finding]:
    """Return what the file holds of :data:`REASONS`, by line."""
    text = path.read_text(encoding="utf-8")
    kinds = {".py": _python, ".xml": _xml, ".js": _javascript, ".csv": _csv}
    found = kinds.get(path.suffix, lambda _text: [])(text)
    lines = text.splitlines()
    return [
        Finding(path, line, what)
        for line, what in sorted(set(found))
        if not EXEMPT.search(lines[line - 1] if line <= len(lines) else "")
    ]


def is_tree_mode(text: str) -> bool:
    """Whether the text is a list of view types with ``tree`` among other types."""
    modes = [mode.strip() for mode in text.split(",")]
    others = [mode for mode in modes if mode != "tree"]
    return "tree" in modes and bool(others) and set(others) <= VIEW_MODE_NEIGHBOURS


# --- Python ---------------------------------------------------------------------


def _python(text: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        for what in _python_node(node):
            yield node.lineno, what
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _embedded_arch(node)


def _python_node(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.Assign(targets=[ast.Name(id="_sql_constraints")]):
            yield "_sql_constraints"
        case ast.AnnAssign(target=ast.Name(id="_sql_constraints")):
            yield "_sql_constraints"
        case ast.ImportFrom(module="odoo.osv", names=names):
            if any(name.name == "expression" for name in names):
                yield "odoo.osv.expression"
        case ast.ImportFrom(module="odoo.osv.expression"):
            yield "odoo.osv.expression"
        case ast.Import(names=names):
            if any(name.name == "odoo.osv.expression" for name in names):
                yield "odoo.osv.expression"
        case ast.FunctionDef(name="name_get") | ast.Attribute(attr="name_get"):
            yield "name_get"
        case ast.Attribute(attr=name) if name in DEPRECATED_MODEL_ATTRIBUTES:
            yield name
        case ast.Call():
            yield from _call(node)
        case ast.Dict(keys=keys, values=values):
            yield from _dict(keys, values)
        case ast.Constant(value=str(value)) if is_tree_mode(value):
            yield "tree"
        case ast.Tuple(elts=[_, ast.Constant(value="tree")]):
            yield "tree"
        case ast.List(elts=[_, ast.Constant(value="tree")]):
            yield "tree"


def _call(node: ast.Call) -> Iterator[str]:
    called = node.func
    owner = called.value if isinstance(called, ast.Attribute) else None
    name = called.attr if isinstance(called, ast.Attribute) else ""
    name = called.id if isinstance(called, ast.Name) else name
    is_field = isinstance(owner, ast.Name) and owner.id == "fields"
    for keyword in node.keywords:
        argument = keyword.arg or ""
        if argument in GONE_NAMES:
            yield argument
        elif is_field and argument in GONE_FIELD_ARGUMENTS:
            yield argument
        elif (
            name == "route"
            and argument == "type"
            and isinstance(keyword.value, ast.Constant)
            and keyword.value.value == "json"
        ):
            yield "type='json'"


def _dict(keys: list[ast.expr | None], values: list[ast.expr]) -> Iterator[str]:
    for key, value in zip(keys, values, strict=True):
        if not isinstance(key, ast.Constant):
            continue
        if key.value in GONE_NAMES:
            yield key.value
        elif key.value in ("view_mode", "view_type") and isinstance(
            value, ast.Constant
        ):
            if "tree" in str(value.value).split(","):
                yield "tree"


def _embedded_arch(node: ast.Constant) -> Iterator[tuple[int, str]]:
    """A view written inside Python, e.g. in a test or in ``_get_view``."""
    if not re.match(r"\s*<(tree|list|form|kanban|search|xpath|data)\b", node.value):
        return
    try:
        for _line, what in _xml(node.value):
            yield node.lineno, what
    except etree.XMLSyntaxError:
        return


# --- XML ------------------------------------------------------------------------


def _xml(text: str) -> Iterator[tuple[int, str]]:
    root = etree.fromstring(text.encode())
    for element in root.iter(etree.Element):
        for what in _element(element):
            yield element.sourceline, what


def _element(element: etree._Element) -> Iterator[str]:
    name = element.get("name")
    if element.tag == "tree":
        yield "tree"
    yield from GONE_ATTRIBUTES & set(element.attrib)
    if element.get("t-name") == "kanban-box":
        yield "kanban-box"
    if "oe_chatter" in (element.get("class") or "").split():
        yield "oe_chatter"
    if element.tag == "attribute" and name in GONE_ATTRIBUTES:
        yield name
    if element.tag == "field" and element.getparent() is not None:
        yield from _field(element)
    expression = element.get("expr") or ""
    if re.search(r"(^|/)tree\b", expression):
        yield "tree"


def _field(element: etree._Element) -> Iterator[str]:
    name = element.get("name")
    if name in GONE_NAMES:
        yield name
    if name in ("view_mode", "binding_view_types", "type", "mode"):
        modes = (element.text or "").strip()
        if "tree" in modes.split(","):
            yield "tree"
    if "tree" in (element.get("mode") or "").split(","):
        yield "tree"


# --- JavaScript and CSV ---------------------------------------------------------

_COMMENTS = re.compile(r"/\*.*?\*/|(?<![:\"'`\\])//[^\n]*", re.DOTALL)
_JAVASCRIPT = (
    ("tree", re.compile(r"""\[\s*[\w.]+\s*,\s*["']tree["']\s*\]""")),
    ("kanban-box", re.compile(r"""["'`]kanban-box["'`]""")),
    ("groups_id", re.compile(r"\bgroups_id\b")),
    ("name_get", re.compile(r"""["'`]name_get["'`]""")),
)
_MODES = re.compile(r"""["'`]([a-z, ]+)["'`]""")


def _javascript(text: str) -> Iterator[tuple[int, str]]:
    text = _COMMENTS.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    for what, pattern in _JAVASCRIPT:
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, what
    for match in _MODES.finditer(text):
        if is_tree_mode(match[1]):
            yield text.count("\n", 0, match.start()) + 1, "tree"


def _csv(text: str) -> Iterator[tuple[int, str]]:
    head = text.splitlines()[0] if text.strip() else ""
    columns = {re.split(r"[/:.]", name.strip('" '))[0] for name in head.split(",")}
    for name in columns & GONE_NAMES:
        yield 1, name


# --- Command line ---------------------------------------------------------------


def addon_files() -> Iterator[Path]:
    """Return the checked files of every add-on of this repository."""
    for manifest in sorted(ROOT.glob("*/__manifest__.py")):
        for path in sorted(manifest.parent.rglob("*")):
            if path.suffix in {".py", ".xml", ".js", ".csv"} and path.is_file():
                yield path


def main(arguments: list[str]) -> int:
    paths = [Path(argument) for argument in arguments] or list(addon_files())
    findings = [finding for path in paths for finding in check_file(path)]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

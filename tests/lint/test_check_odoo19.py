"""The gate finds each construct that Odoo 19 drops, and nothing that resembles it."""

import pytest
from lint import check_odoo19
from lint.check_odoo19 import REASONS, check_file

REFUSED = [
    # Python
    ("a.py", "_sql_constraints", "_sql_constraints = [('a', 'unique(a)', 'b')]"),
    ("b.py", "_sql_constraints", "_sql_constraints: list = []"),
    ("a.py", "tree", "action = {'view_mode': 'tree,form'}"),
    ("b.py", "tree", "action = {'view_mode': 'tree'}"),
    ("c.py", "tree", "views = [(False, 'tree'), (False, 'form')]"),
    ("d.py", "tree", "views = [[view.id, 'tree']]"),
    ("e.py", "tree", "mode = 'kanban,tree,form'"),
    ("f.py", "tree", "arch = '<tree><field name=\"name\"/></tree>'"),
    ("a.py", "groups_id", "user.write({'groups_id': [(4, group.id)]})"),
    ("b.py", "groups_id", "new_test_user(env, login='x', groups_id=group)"),
    ("a.py", "attrs", 'arch = \'<form><field name="a" attrs="{}"/></form>\''),
    ("a.py", "states", "x = fields.Char(states={'done': [('readonly', True)]})"),
    ("a.py", "odoo.osv.expression", "from odoo.osv import expression"),
    ("b.py", "odoo.osv.expression", "import odoo.osv.expression"),
    ("c.py", "odoo.osv.expression", "from odoo.osv.expression import AND"),
    ("a.py", "name_get", "class A:\n    def name_get(self):\n        return []"),
    ("b.py", "name_get", "label = record.name_get()[0][1]"),
    (
        "a.py",
        "type='json'",
        "@http.route('/x', type='json', auth='user')\ndef f(): ...",
    ),
    ("b.py", "type='json'", "@route('/x', type=\"json\")\ndef f(): ..."),
    ("a.py", "numbercall", "env['ir.cron'].create({'numbercall': -1})"),
    ("a.py", "doall", "env['ir.cron'].create({'doall': False})"),
    ("a.py", "_cr", "self._cr.execute('SELECT 1')"),
    ("a.py", "_uid", "user = self._uid"),
    ("a.py", "_context", "lang = records._context.get('lang')"),
    ("a.py", "group_operator", "x = fields.Float(group_operator='avg')"),
    # XML
    ("a.xml", "tree", '<field name="arch" type="xml">\n<tree/></field>'),
    ("b.xml", "tree", '<field name="view_mode">tree,form</field>'),
    ("c.xml", "tree", '<field name="view_mode">tree</field>'),
    ("d.xml", "tree", '<field name="line_ids" mode="tree,kanban"/>'),
    ("e.xml", "tree", '<xpath expr="//tree/field" position="after"/>'),
    ("f.xml", "tree", '<field name="line_ids"><tree editable="top"/></field>'),
    ("a.xml", "kanban-box", '<t t-name="kanban-box"><div/></t>'),
    ("a.xml", "groups_id", '<field name="groups_id" eval="[]"/>'),
    ("a.xml", "attrs", '<field name="x" attrs="{\'invisible\': []}"/>'),
    ("b.xml", "attrs", '<attribute name="attrs">{}</attribute>'),
    ("a.xml", "states", '<button name="x" states="draft"/>'),
    ("b.xml", "states", '<attribute name="states">draft</attribute>'),
    ("a.xml", "numbercall", '<field name="numbercall">-1</field>'),
    ("a.xml", "doall", '<field name="doall" eval="False"/>'),
    ("a.xml", "oe_chatter", '<div class="oe_chatter"/>'),
    # JavaScript and CSV
    ("a.js", "tree", 'const action = { views: [[false, "tree"]] };'),
    ("b.js", "tree", 'const action = { view_mode: "tree,form" };'),
    ("a.js", "kanban-box", 'const name = "kanban-box";'),
    ("a.js", "groups_id", "const g = user.groups_id;"),
    ("a.js", "name_get", 'await orm.call("res.partner", "name_get", [ids]);'),
    ("a.csv", "groups_id", "id,name,groups_id/id\na,b,c"),
]

INNOCENT = [
    ("a.py", "# _sql_constraints = [] is ignored in Odoo 19"),
    ("b.py", '"""Not <tree>, not attrs=, not tree,form."""'),
    ("c.py", "kind = 'tree'"),
    ("d.py", "note = 'a tree, a form and a lake'"),
    ("e.py", "record.groups_ids = group_ids"),
    ("f.py", "vals = {'group_ids': [], 'groups': []}"),
    ("g.py", "states = {'draft': 'Draft'}\nmodel.create(states=states)"),
    ("h.py", "@http.route('/x', type='jsonrpc')\ndef f(): ..."),
    ("i.py", "answer = request.make_response('x', type='json')"),
    ("j.py", "def _name_get_cached(self): ...\n\nx = display_name_get"),
    ("k.py", "x = self.env.cr, self.env.uid, self.env.context, self._create"),
    ("l.py", "x = fields.Float(aggregator='avg')"),
    ("m.py", "from odoo.fields import Domain\nexpression = Domain.TRUE"),
    ("n.py", "element.attrs = {}\nnode.get('attrs')"),
    ("o.py", "path = 'tree,park'"),
    ("p.py", "x = library._cr  # odoo19-ok: the attribute of a library"),
    ("a.xml", "<!-- <tree/> attrs= tree,form kanban-box -->"),
    ("b.xml", '<field name="view_mode">list,form</field>'),
    ("c.xml", '<field name="groups_ids" eval="[]"/>'),
    ("d.xml", '<field name="states"/><field name="attrs_json"/>'),
    ("e.xml", '<t t-name="card"><field name="tree_count"/></t>'),
    ("f.xml", '<div t-att-class="x" t-attf-style="y" class="o_tree"/>'),
    ("g.xml", '<field name="description">See the tree,form and lake</field>'),
    ("h.xml", '<field name="groups_id"/> <!-- odoo19-ok: a field of our own -->'),
    ("i.xml", '<xpath expr="//field[@name=\'tree_ids\']" position="after"/>'),
    ("a.js", '// views: [[false, "tree"]]\nconst x = 1;'),
    ("b.js", '/* "tree,form"\n"kanban-box" */\nconst url = "https://x/groups";'),
    ("c.js", "const tree = buildTree(); const states = { a: 1 };"),
    ("a.csv", "id,name,group_id:id\na,groups_id,c"),
    ("a.txt", "<tree attrs=''/>"),
]


def findings(tmp_path, name, text):
    path = tmp_path / name
    if path.suffix == ".xml":
        text = f"<odoo>\n<record>{text}</record>\n</odoo>"
    path.write_text(text, encoding="utf-8")
    return check_file(path)


@pytest.mark.parametrize(("name", "what", "text"), REFUSED)
def test_refused(tmp_path, name, what, text):
    assert {finding.what for finding in findings(tmp_path, name, text)} == {what}


@pytest.mark.parametrize(("name", "text"), INNOCENT)
def test_innocent(tmp_path, name, text):
    assert findings(tmp_path, name, text) == []


def test_every_reason_has_an_example():
    assert {what for _name, what, _text in REFUSED} == set(REASONS)


def test_an_exemption_needs_its_reason(tmp_path):
    assert findings(tmp_path, "a.py", "x = self._cr  # odoo19-ok:")


def test_the_line_is_named(tmp_path):
    found = findings(tmp_path, "a.xml", '\n\n<field\nname="x"/><tree/>')
    assert [finding.line for finding in found] == [5]


def test_the_command_fails_on_a_finding(tmp_path, capsys):
    bad = tmp_path / "bad.py"
    bad.write_text("x = self._cr\n")
    assert check_odoo19.main([str(bad)]) == 1
    assert "bad.py:1: _cr" in capsys.readouterr().out
    good = tmp_path / "good.py"
    good.write_text("x = self.env.cr\n")
    assert check_odoo19.main([str(good)]) == 0

"""The translation gate: what it refuses, and what it lets pass."""

import polib
import pytest
from lint.check_po import check_addon, compare_pot, main, placeholders

HEADER = {"Content-Type": "text/plain; charset=UTF-8"}


def catalogue(*entries, **metadata):
    file = polib.POFile()
    file.metadata = {**HEADER, **metadata}
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, tuple):
            entry = {"msgid": entry[0], "msgstr": entry[1]}
        entry.setdefault("occurrences", [(f"code:addons/x/models/a{number}.py", "0")])
        file.append(polib.POEntry(**entry))
    return file


@pytest.fixture
def addon(tmp_path):
    """Return a function that writes an add-on's catalogues and checks them."""
    folder = tmp_path / "my_addon"
    (folder / "i18n").mkdir(parents=True)

    def check(sources, translations, exported=None, **metadata):
        template = catalogue(*((source, "") for source in sources))
        template.save(str(folder / "i18n/my_addon.pot"))
        metadata = {"Language": "zh_CN", **metadata}
        catalogue(*translations, **metadata).save(str(folder / "i18n/zh_CN.po"))
        return check_addon(folder, exported)

    check.folder = folder
    return check


def compare(tmp_path, committed, exported):
    paths = tmp_path / "committed.pot", tmp_path / "exported.pot"
    for path, content in zip(paths, (committed, exported), strict=True):
        content.save(str(path))
    return compare_pot(*paths)


def only(problems):
    assert len(problems) == 1, problems
    return problems[0]


def test_a_complete_translation_passes(addon):
    sources = ["Ticket", "Sold %(n)s of %(total)s", "<b>Hi</b> there", "100%", "5 < 6"]
    texts = ["门票", "%(total)s 张中已售 %(n)s", "你好<b>呀</b>", "100%", "5 < 6"]
    assert addon(sources, list(zip(sources, texts, strict=True))) == []


def test_untranslated(addon):
    assert "'Ticket' is not translated" in only(addon(["Ticket"], [("Ticket", "")]))
    assert "is not translated" in only(addon(["Ticket"], [("Ticket", "  ")]))


def test_fuzzy(addon):
    entry = {"msgid": "Ticket", "msgstr": "门票", "flags": ["fuzzy"]}
    assert "'Ticket' is fuzzy" in only(addon(["Ticket"], [entry]))


def test_missing_message(addon):
    problems = addon(["Ticket", "Gate"], [("Ticket", "门票")])
    assert "'Gate' is missing" in only(problems)


def test_message_that_the_template_lost(addon):
    problems = addon(["Ticket"], [("Ticket", "门票"), ("Gate", "检票口")])
    assert "'Gate' is not in the template" in only(problems)


def test_obsolete_message(addon):
    entry = {"msgid": "Gate", "msgstr": "检票口", "obsolete": True}
    problems = addon(["Ticket"], [("Ticket", "门票"), entry])
    assert "obsolete entry 'Gate'" in only(problems)


def test_doubled_message(addon):
    problems = addon(["Ticket"], [("Ticket", "门票"), ("Ticket", "票")])
    assert "'Ticket' stands 2 times" in only(problems)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Sold %s", "已售 %d"),
        ("Sold %(n)s", "已售 %(m)s"),
        ("Sold %(n)s", "已售"),
        ("Sold", "已售 %s"),
        ("Sold %s of %s", "已售 %s"),
        ("Hello {name}", "你好 {nmae}"),
        ("Dear {{ object.name }}", "尊敬的 {{ object.nom }}"),
    ],
)
def test_placeholders_must_be_equal(addon, source, text):
    assert "placeholders" in only(addon([source], [(source, text)]))


@pytest.mark.parametrize(
    ("source", "text"),
    [("<b>Hi</b> there", "<b>你好"), ("<b>Hi</b> there", "<i>你好</i>")],
)
def test_markup_must_survive(addon, source, text):
    assert only(addon([source], [(source, text)]))


def test_texts_inside_an_expression_may_be_translated(addon):
    source, text = "{{ o.name or 'n/a' }} sold", "已售 {{o.name or '无'}}"
    assert addon([source], [(source, text)]) == []


def test_percent_signs_are_text():
    assert placeholders("100%% sure, 50 % of it, 100%") == {}
    assert placeholders("%(a)s %(a)s %d") == {"%(a)s": 2, "%d": 1}


def test_wrong_language_in_the_header(addon):
    problems = addon(["Ticket"], [("Ticket", "门票")], Language="")
    assert "header Language" in only(problems)


def test_missing_files(addon):
    assert sorted(text.rsplit("/", 1)[1] for text in check_addon(addon.folder)) == [
        "my_addon.pot: missing",
        "zh_CN.po: missing",
    ]


def test_an_empty_template_is_no_template(addon):
    assert "holds no message" in only(addon([], []))


def test_a_broken_file_is_one_sentence(addon):
    addon(["Ticket"], [("Ticket", "门票")])
    (addon.folder / "i18n/zh_CN.po").write_text('msgid "open\nmsgstr')
    assert "not readable" in only(check_addon(addon.folder))


def test_a_fresh_export_may_differ_in_dates_lines_and_order(tmp_path):
    old = catalogue(
        {"msgid": "A", "occurrences": [("code:addons/x/a.py", "3")]},
        {"msgid": "B", "occurrences": [("model:x", "0"), ("model:y", "0")]},
        **{"POT-Creation-Date": "2026-01-01 00:00+0000"},
    )
    new = catalogue(
        {"msgid": "B", "occurrences": [("model:y", "0"), ("model:x", "0")]},
        {"msgid": "A", "occurrences": [("code:addons/x/a.py", "7")]},
        **{"POT-Creation-Date": "2026-02-02 00:00+0000"},
    )
    assert compare(tmp_path, old, new) == []


def test_a_fresh_export_shows_new_lost_and_moved_messages(tmp_path):
    old = catalogue({"msgid": "A"}, {"msgid": "B", "occurrences": [("model:x", "0")]})
    new = catalogue({"msgid": "C"}, {"msgid": "B", "occurrences": [("model:y", "0")]})
    new_one, lost, moved = compare(tmp_path, old, new)
    assert "'C' is new" in new_one
    assert "'A' is no longer" in lost
    assert "'B' is used elsewhere" in moved


def test_exported_folder(addon, tmp_path):
    def check():
        return addon(["Ticket"], [("Ticket", "门票")], exported=tmp_path)

    assert "nothing to compare" in only(check())
    catalogue(("Ticket", "")).save(str(tmp_path / "my_addon.pot"))
    assert check() == []
    catalogue(("Billet", "")).save(str(tmp_path / "my_addon.pot"))
    assert len(check()) == 2


def test_the_command_fails_on_a_problem(addon, capsys):
    addon(["Ticket"], [("Ticket", "")])
    assert main([str(addon.folder)]) == 1
    assert "not translated" in capsys.readouterr().out
    addon(["Ticket"], [("Ticket", "门票")])
    assert main([str(addon.folder)]) == 0

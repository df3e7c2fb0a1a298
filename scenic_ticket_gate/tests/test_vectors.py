"""One rule, two deciders: Odoo plays docs/gate-vectors.

The bridge plays the same files in scenic_gate_bridge/tests/test_vectors.py. With
``SCENIC_GATE_VECTORS=write`` in the environment the parts that Odoo knows (media,
config, feed) are written into the files before they are compared.
"""

import json
import os
import re
import tempfile
from pathlib import Path
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged

from . import vector_feed
from .common import GateCommon
from .vector_setup import VectorSetup, clock, moment, write_key_file

FOLDER = Path(__file__).parents[2] / "docs" / "gate-vectors"
GATE_API = FOLDER.parent / "gate-api.md"
WRITES = os.environ.get("SCENIC_GATE_VECTORS") == "write"
#: About the message, not about the ticket: there is no rule that two could decide.
NOT_OF_THE_RULE = {"SEQUENCE"}


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def to_text(vector):
    """Return a vector as its file has it: short values on one line."""

    def shown(value, indent):
        flat = json.dumps(value, ensure_ascii=False)
        if not isinstance(value, dict | list) or len(flat) + indent <= 98:
            return flat
        inner = " " * (indent + 2)
        if isinstance(value, list):
            items = [inner + shown(item, indent + 2) for item in value]
            return "[\n" + ",\n".join(items) + "\n" + " " * indent + "]"
        items = [
            f"{inner}{json.dumps(key, ensure_ascii=False)}: "
            + shown(item, indent + 4 + len(key))
            if not isinstance(item, dict | list)
            or len(json.dumps(item, ensure_ascii=False)) + indent + len(key) <= 92
            else f"{inner}{json.dumps(key, ensure_ascii=False)}: "
            + shown(item, indent + 2)
            for key, item in value.items()
        ]
        return "{\n" + ",\n".join(items) + "\n" + " " * indent + "}"

    return shown(vector, 0) + "\n"


def utc_times(value):
    """Return a value with its times as moments, however they are written."""
    if isinstance(value, dict):
        return {key: utc_times(item) for key, item in value.items()}
    if isinstance(value, list):
        return [utc_times(item) for item in value]
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value):
        return moment(value)
    return value


@tagged("post_install", "-at_install")
class TestVectors(GateCommon):
    """Each file is one test, in a company of its own with keys that all know."""

    maxDiff = None

    @classmethod
    def _scenic_setup(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        path = Path(folder.name) / "keys.json"
        write_key_file(path)
        cls.startClassPatcher(patch.dict(os.environ, {"SCENIC_KEY_FILE": str(path)}))
        cls.env.cr.execute("DELETE FROM scenic_credential")
        cls.env.cr.execute("DELETE FROM scenic_signing_key")
        cls.registry.clear_cache()
        cls.addClassCleanup(cls.registry.clear_cache)
        company = cls.env["res.company"].create(
            {"name": "Vectors", "currency_id": cls.env.ref("base.CNY").id}
        )
        cls.env["res.lang"]._activate_lang("zh_CN")
        cls.env.user.company_ids = [Command.link(company.id)]
        cls.env = cls.env(
            context={**cls.env.context, "allowed_company_ids": [company.id]}
        )
        cls.account = cls._scenic_account("SCI001", "Ticket revenue", "income")
        company.scenic_liability_account_id = cls._scenic_account(
            "SCL001", "Contract liability", "liability_current"
        )
        company.scenic_revenue_journal_id = cls.env["account.journal"].create(
            {
                "name": "Ticket revenue",
                "code": "SCREV",
                "type": "general",
                "company_id": company.id,
            }
        )
        cls.sequence = 0

    def _play_file(self, path):
        vector = read(path)
        setup = VectorSetup(self.env, vector, self.account)
        self.numbers = vector_feed.Numbers(setup)
        self.setup = setup
        self.device = setup.devices["main"].sudo()  # sudo: it is no user, as its calls
        self.born = moment(vector["setup"]["sold_at"])
        if WRITES:
            vector = self._with_answers(vector)
        else:
            self._check_answers(vector)
        self.admissions = {}
        for number, step in enumerate(vector["steps"], 1):
            with self.subTest(step=number, **{k: str(v) for k, v in step.items()}):
                with clock(step["at"]):
                    self._play(vector, step)
                if "feed" in step or (WRITES and {"change", "elsewhere"} & step.keys()):
                    self._check_feed_after(step)
        if WRITES:
            path.write_text(to_text(vector), encoding="utf-8")

    # ------------------------------------------------------------------
    # What the device's copy holds
    # ------------------------------------------------------------------

    def _feed(self, at):
        now = moment(at)
        self.env.flush_all()
        rows = vector_feed.sync_rows(self.device, self.born, now)
        return self.numbers.feed(rows)

    def _config(self, vector):
        """Return the config answer, with those days only on which steps happen.

        A device asks anew each day: a day is taken from the answer of that day.
        """
        moments = vector_feed.step_days(vector)
        self.env.flush_all()
        answers = {
            day: self.numbers.config(vector_feed.config_answer(self.device, now))
            for day, now in moments.items()
        }
        config = answers[min(answers)]
        for number, site in enumerate(config["sites"]):
            # no days of a place to which no lane of the device leads
            site["days"] = {
                day: answer["sites"][number]["days"][day]
                for day, answer in answers.items()
                if answer["sites"][number]["days"]
            }
        return config

    def _media(self):
        """Return what readers read of the codes of the tickets."""
        found = {}
        for name, ticket in self.setup.tickets.items():
            found[f"{name}:qr"] = {"kind": "auto", "value": ticket._qr_token()}
            found[f"{name}:barcode"] = {
                "kind": "auto",
                "value": ticket._barcode_number(),
            }
        return found

    def _check_answers(self, vector):
        found = self._media()
        for key in found.keys() & vector["media"].keys():
            self.assertEqual(vector["media"][key], found[key], key)
        feed = self._feed(vector["steps"][0]["at"])
        self.assertEqual(utc_times(vector["feed"]), utc_times(feed))
        self.assertEqual(vector["config"], self._config(vector))

    def _check_feed_after(self, step):
        ids = {row["id"] for row in step.get("feed", ())}
        rows = self._feed(step["at"])
        if WRITES:
            changed = [row for row in rows if row != self.last_feed.get(row["id"])]
            self.last_feed.update({row["id"]: row for row in changed})
            step["feed"] = changed
            return
        self.assertEqual(
            utc_times(step["feed"]), utc_times([r for r in rows if r["id"] in ids])
        )

    def _with_answers(self, vector):
        used = {
            part["medium"]
            for step in vector["steps"]
            for part in step.values()
            if isinstance(part, dict) and part.get("medium")
        }
        media = {
            key: value
            for key, value in {**vector.get("media", {}), **self._media()}.items()
            if key in used
        }
        feed = self._feed(vector["steps"][0]["at"])
        self.last_feed = {row["id"]: row for row in feed}
        head = {key: vector[key] for key in ("name", "about", "tz", "setup")}
        return {
            **head,
            "media": media,
            "config": self._config(vector),
            "feed": feed,
            "steps": vector["steps"],
        }

    # ------------------------------------------------------------------
    # Steps
    # ------------------------------------------------------------------

    def _play(self, vector, step):
        now = moment(step["at"])
        match step:
            case {"scan": scan, "expect": expect}:
                self._play_scan(vector, step, scan, expect, now)
            case {"passed": count}:
                self._report_step(step, "passed", count, now)
            case {"annulled": count}:
                self._report_step(step, "annulled", count, now)
            case {"exit": values}:
                self._play_exit(vector, step, values, now)
            case {"change": values}:
                self.setup.change(values)
            case {"elsewhere": values}:
                self._play_elsewhere(vector, step, values, now)
            case _:
                self.fail(f"no such step: {step}")

    def _scan_of(self, vector, step, values):
        medium = vector["media"][values["medium"]]
        return self._scan(
            medium["value"],
            kind=medium["kind"],
            lane=values["lane"],
            direction=values.get("direction", "in"),
            at=step["at"],
        )

    def _play_scan(self, vector, step, values, expect, now):
        scan = self._scan_of(vector, step, values)
        [result] = self._validate(scan, now=now)
        seen = {name: result[name] for name in ("decision", "code", "passes")}
        if "ticket" in expect:
            seen["ticket"] = self.numbers.of["ticket"][
                self._find(scan["request_id"]).ticket_id.id
            ]
        if "again" in expect:
            seen["again"] = result["again"]
        if "right" in expect:
            seen["right"] = self.numbers.of["right"][result["ticket"]["right"]]
        self.assertEqual(seen, expect)
        if result["code"] == "ADMIT":
            admission = (scan["request_id"], values["lane"])
            self.admissions[step.get("as")] = self.admissions[None] = admission

    def _report_step(self, step, kind, count, now):
        request_id, lane = self.admissions[step.get("of")]
        event = self._event(kind, request_id, count=count, lane=lane, at=step["at"])
        self.assertEqual(self._report(event, now=now), ["OK"])

    def _play_exit(self, vector, step, values, now):
        medium = vector["media"].get(values.get("medium"))
        event = self._event(
            "exit",
            lane=values["lane"],
            count=values.get("count", 1),
            at=step["at"],
            **({"credential": medium} if medium else {}),
        )
        self.assertEqual(self._report(event, now=now), ["OK"])

    def _play_elsewhere(self, vector, step, values, now):
        """Let a visitor enter by the lane of another device."""
        other = self.setup.lanes[values["lane"]].device_id
        scan = self._scan_of(vector, step, values)
        [result] = self._validate(scan, device=other, now=now)
        self.assertEqual(
            (result["code"], result["passes"]), ("ADMIT", values["passes"])
        )
        if values["passed"]:
            event = self._event(
                "passed",
                scan["request_id"],
                count=values["passed"],
                lane=values["lane"],
                at=step["at"],
            )
            self.assertEqual(self._report(event, device=other, now=now), ["OK"])


def _test_of(path):
    def test(self):
        self._play_file(path)

    test.__doc__ = read(path)["about"]
    return test


for _path in sorted(FOLDER.glob("*.json")):
    setattr(TestVectors, f"test_{_path.stem.replace('-', '_')}", _test_of(_path))


@tagged("post_install", "-at_install")
class TestVectorsComplete(GateCommon):
    """The files say what the API says, and each of them is played."""

    def _vectors(self):
        return {path.stem: read(path) for path in FOLDER.glob("*.json")}

    def _expected(self):
        return [
            step["expect"]["code"]
            for vector in self._vectors().values()
            for step in vector["steps"]
            if "expect" in step
        ]

    def test_each_refusal_is_expected_somewhere(self):
        text = GATE_API.read_text(encoding="utf-8").split("\n## validate\n")[1]
        text = text.split("\n## report\n")[0]
        codes = set(re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE))
        self.assertGreater(len(codes), 30)
        expected = set(self._expected())
        self.assertEqual(codes - expected - NOT_OF_THE_RULE, set())
        self.assertEqual(expected - codes, {"ADMIT"})

    def test_each_refusal_has_an_admitted_neighbour(self):
        for name, vector in self._vectors().items():
            codes = [s["expect"]["code"] for s in vector["steps"] if "expect" in s]
            self.assertIn("ADMIT", codes, name)

    def test_each_file_is_played(self):
        played = {name.removeprefix("test_") for name in vars(TestVectors)}
        for path in FOLDER.iterdir():
            if path.name == "README.md":
                continue
            self.assertEqual(path.suffix, ".json", path)
            self.assertIn(path.stem.replace("-", "_"), played)
            self.assertEqual(read(path)["name"], path.stem)

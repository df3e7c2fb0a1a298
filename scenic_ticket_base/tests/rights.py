"""A table of rights, held against what the server answers to each role.

An add-on gives its table by :class:`RightsMixin`. Nothing is left to chance: a model
or a public method that the table does not name fails the test until somebody decides
who may use it.
"""

from typing import NamedTuple

from psycopg2 import IntegrityError

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.service.model import get_public_method
from odoo.tests import new_test_user
from odoo.tools import SQL, mute_logger

from .common import STAFF

OUTSIDERS = ("employee", "portal", "public")
NOBODY = ()
MANAGER = ("manager",)
WINDOW = ("cashier", "supervisor", "manager")
SERVICE = ("customer_service", "manager")
OVERRIDE = ("supervisor", "customer_service", "manager")
MONEY = ("finance", "manager")
# Opens a screen and tells nothing: what the screen shows is asked for afterwards.
ANYBODY = (*STAFF, *OUTSIDERS)

COPY = {"copy", "copy_data", "copy_translations"}
CRUD = {"create", "write", "unlink", "read", "load", *COPY}
NO_RECORD = 2**31 - 1


class Right(NamedTuple):
    """Who may do what with the records of a model.

    company: a record belongs to one company, the others do not see it
    site: a record belongs to sites, users of other sites do not see it
    """

    read: tuple = STAFF
    write: tuple = NOBODY
    create: tuple | None = None
    unlink: tuple | None = None
    company: bool = True
    site: bool = True

    def roles(self, operation):
        roles = getattr(self, operation)
        return self.write if roles is None else roles


# Facts are made by the API, settings by the manager.
FACT = Right()
SETTING = Right(write=MANAGER)
SHARED_SETTING = Right(write=MANAGER, company=False, site=False)


def wizard(*roles):
    return Right(
        read=roles,
        write=roles,
        # the rows of a wizard are its user's own
        company=False,
        site=False,
    )


class RightsMixin:
    """Put before ``ScenicMixin`` and ``HttpCase``."""

    # the tests stand here, each add-on runs them with its own table
    allow_inherited_tests_method = True
    # name of the add-on, {model: Right}, {(model, method): (roles, arguments)};
    # arguments in a list follow the ids, in a tuple they are all
    rights_module = None
    rights = None
    rights_methods = None
    # what works on files outside the transaction: shown to work by tests of its own
    rights_outside = ()
    # exceptions that refuse as well as an AccessError
    rights_refusals = ("odoo.exceptions.AccessError",)

    @classmethod
    def _rights_setup(cls, samples):
        """Make the users.

        :param samples: ``{model: record}`` to try on; other models are tried with
            any record there is, or none
        """
        cls.samples = samples
        cls.users = cls._scenic_users("rights")
        cls.users["employee"] = new_test_user(
            cls.env, "rights_employee", "base.group_user"
        )
        cls.users["portal"] = new_test_user(
            cls.env, "rights_portal", "base.group_portal"
        )
        cls.env.flush_all()

    # --- the server ------------------------------------------------------

    def _login(self, role):
        login = self.users[role].login if role in self.users else None
        self.authenticate(login, login)

    def _rpc(self, model, method, *args):
        """Call as the web client does; return the name of the error or None."""
        answer = self.url_open(
            "/web/dataset/call_kw",
            json={
                "params": {
                    "model": model,
                    "method": method,
                    "args": list(args),
                    "kwargs": {},
                }
            },
        ).json()
        return answer["error"]["data"]["name"] if "error" in answer else None

    def _json2(self, key, model, method, **body):
        """Call as an integration does; return the status."""
        return self.url_open(
            f"/json/2/{model}/{method}",
            json=body,
            headers={"Authorization": f"Bearer {key}"},
        ).status_code

    def _models(self):
        """Return the names of the add-on's own models."""
        return sorted(
            name
            for name, cls in self.env.registry.items()
            if cls._original_module == self.rights_module and not cls._abstract
        )

    def _public_methods(self):
        """Return the methods of the add-on that a client may call."""
        prefix = f"odoo.addons.{self.rights_module}."
        found = set()
        for name, registered in self.env.registry.items():
            if registered._abstract:
                continue
            for cls in registered.mro():
                if not cls.__module__.startswith(prefix):
                    continue
                for attribute, value in vars(cls).items():
                    if attribute.startswith("_") or attribute in CRUD:
                        continue
                    if not callable(value) or isinstance(value, type):
                        continue
                    try:
                        get_public_method(self.env[name], attribute)
                    except (AccessError, AttributeError):
                        continue
                    found.add((name, attribute))
        return found

    def _sample_id(self, model):
        record = self.samples.get(model)
        if record is None:
            # sudo: whatever there is, whether or not the test's own user may read it
            Model = self.env[model].sudo().with_context(active_test=False)
            domain = []
            if "company_id" in Model._fields and Model._fields["company_id"].store:
                domain = [("company_id", "in", (False, self.env.company.id))]
            record = Model.search(domain, limit=1)
        return record[:1].id or NO_RECORD

    def _other_value(self, model):
        """Return values that would change a record."""
        # sudo: as there
        record = self.env[model].sudo().browse(self._sample_id(model)).exists()
        for name, field in self.env[model]._fields.items():
            if not field.store or not field.column_type or name == "id":
                continue
            old = record[name] if record else None
            if field.type == "boolean":
                return {name: not old}
            if field.type in ("char", "text") and field.type != "selection":
                return {name: "by somebody else"}
            if field.type == "integer" and name != "res_id":
                return {name: (old or 0) + 1}
        return {"create_uid": 1}

    def _tables(self):
        """Return a fingerprint of all that the suite has stored."""
        self.env.flush_all()
        tables = sorted(
            {
                cls._table
                for name, cls in self.env.registry.items()
                if name.startswith("scenic.") and not cls._abstract and cls._auto
            }
        )
        query = SQL(" UNION ALL ").join(
            SQL(
                "SELECT %s, count(*), md5(string_agg(t::text, '|' ORDER BY id)) "
                "FROM %s t",
                table,
                SQL.identifier(table),
            )
            for table in tables
        )
        return self.env.execute_query(query)

    # --- tests -----------------------------------------------------------

    def test_f1_the_table_is_complete(self):
        decide = f"Decide in {type(self).__name__} who may do what with it."
        self.assertEqual(self._models(), sorted(self.rights), decide)
        self.assertEqual(self._public_methods(), set(self.rights_methods), decide)

    @mute_logger("odoo.http")
    def test_f1_each_right_by_rpc(self):
        """Each role, each model, each operation: allowed or refused, as decided."""
        for role in (*STAFF, *OUTSIDERS):
            self._login(role)
            before = self._tables()
            for model, right in self.rights.items():
                id_ = self._sample_id(model)
                calls = {
                    "read": ([id_], ["id"]),
                    "create": ([{}],),
                    "write": ([id_], self._other_value(model)),
                    "unlink": ([id_],),
                }
                for operation, args in calls.items():
                    allowed = role in right.roles(operation)
                    if allowed and (operation != "read" or self.env[model]._transient):
                        continue  # see test_f1_who_may_may, and of the wizards below
                    with self.subTest(role=role, model=model, operation=operation):
                        error = self._rpc(model, operation, *args)
                        if allowed:
                            self.assertIsNone(error)
                        else:
                            self._assert_refused(role, error, id_)
            self.assertEqual(self._tables(), before, f"{role} changed something")

    def _assert_refused(self, role, error, id_=None):
        if role == "public":
            self.assertIn("SessionExpired", error or "")
        else:
            self.assertIn(error, self.rights_refusals)

    @mute_logger("odoo.http", "odoo.sql_db")
    def test_f1_who_may_may(self):
        """No right of the table is refused to those who have it."""
        for role in STAFF:
            self._login(role)
            for model, right in self.rights.items():
                for operation in ("create", "write", "unlink"):
                    if role not in right.roles(operation):
                        continue
                    args = [{}] if operation == "create" else [NO_RECORD]
                    rest = [{"create_uid": 1}] if operation == "write" else []
                    with self.subTest(role=role, model=model, operation=operation):
                        error = self._rpc(model, operation, args, *rest)
                        self.assertNotEqual(error, "odoo.exceptions.AccessError")

    @mute_logger("odoo.http", "odoo.sql_db")
    def test_f2_each_setting_is_audited(self):
        """Whatever the manager may write by himself leaves a trace of him."""
        for model, right in self.rights.items():
            if right.write != MANAGER or self.env[model]._transient:
                continue
            with self.subTest(model=model):
                record = self.env[model].browse(self._sample_id(model)).exists()
                self.assertTrue(record, "there is a record to change")
                name = self._change_something(record.with_user(self.users["manager"]))
                trail = self.env["scenic.audit"].search(
                    [("res_model", "=", model), ("res_id", "=", record.id)], limit=1
                )
                self.assertEqual(trail.user_id, self.users["manager"])
                self.assertIn(name, trail.after)

    def _change_something(self, record):
        """Write another value to some field that a person may set; return its name."""
        for name, field in record._fields.items():
            if (
                field.type not in ("char", "text", "boolean", "integer")
                or not field.store
                or field.readonly
                or field.related
                or name in ("code", "active")
                or name.startswith(("message_", "activity_"))
            ):
                continue
            value = record[name]
            new = "Changed"
            if field.type == "boolean":
                new = not value
            elif field.type == "integer":
                new = value + 1
            try:
                with self.env.cr.savepoint():
                    record.write({name: new})
                    record.flush_recordset()
            except (UserError, IntegrityError):
                record.invalidate_recordset()
                continue
            return name
        return self.fail(f"nothing of {record} can be changed")

    @mute_logger("odoo.http")
    def test_f1_each_method_by_rpc(self):
        for role in (*STAFF, *OUTSIDERS):
            self._login(role)
            before = self._tables()
            for (model, method), (roles, args) in self.rights_methods.items():
                if role in roles:
                    continue
                with self.subTest(role=role, model=model, method=method):
                    error = self._rpc(model, method, *self._method_args(model, args))
                    self._assert_refused(role, error)
            self.assertEqual(self._tables(), before, f"{role} changed something")

    @mute_logger("odoo.http", "odoo.sql_db")
    def test_f1_who_may_call_may_call(self):
        for role in STAFF:
            self._login(role)
            for (model, method), (roles, args) in self.rights_methods.items():
                if role not in roles or (model, method) in self.rights_outside:
                    continue
                with self.subTest(role=role, model=model, method=method):
                    error = self._rpc(
                        model, method, *self._method_args(model, args, role)
                    )
                    self.assertNotIn(error, self.rights_refusals)

    def _method_args(self, model, args, role=None):
        """Return the arguments of a call, the ids in front.

        :param role: whose own a wizard is to be
        """
        if isinstance(args, tuple):  # a method of the model, not of records
            return list(args)
        if self.env[model]._transient and role:
            id_ = self._own_wizard(model, self.users[role])
        else:
            id_ = self._sample_id(model)
        return [[id_], *args]

    def _own_wizard(self, model, user):
        """Return the id of a wizard of the user, filled in as far as needed."""
        record = self.samples.get(model)
        if not record:
            return NO_RECORD
        # sudo: the rights on the wizard itself are tried elsewhere
        return record.with_user(user).sudo().copy().id

    @mute_logger("odoo.http")
    def test_f1_a_wizard_is_its_users_own(self):
        """Nobody reads or changes what another one is about to do."""
        for model, right in self.rights.items():
            if not self.env[model]._transient:
                continue
            self.assertIn(model, self.samples, "there is one to try it on")
            id_ = self._sample_id(model)
            for role in right.write:
                self._login(role)
                for operation, args in (
                    ("read", ([id_], ["id"])),
                    ("write", ([id_], self._other_value(model))),
                    ("unlink", ([id_],)),
                ):
                    with self.subTest(role=role, model=model, operation=operation):
                        self.assertEqual(
                            self._rpc(model, operation, *args),
                            "odoo.exceptions.AccessError",
                        )

    @mute_logger("odoo.http")
    def test_f1_the_other_door(self):
        """The same table holds for API keys at ``/json/2``."""
        for role in ("cashier", "auditor", "employee"):
            user = self.users[role]
            key = (
                self.env["res.users.apikeys"]
                .with_user(user)
                .sudo()  # sudo: a key without an end
                ._generate("rpc", "rights", None)
            )
            before = self._tables()
            for model, right in self.rights.items():
                id_ = self._sample_id(model)
                for operation, body in (
                    ("read", {"ids": [id_], "fields": ["id"]}),
                    ("create", {"vals_list": [{}]}),
                    ("write", {"ids": [id_], "vals": self._other_value(model)}),
                    ("unlink", {"ids": [id_]}),
                ):
                    allowed = role in right.roles(operation)
                    if allowed and (operation != "read" or self.env[model]._transient):
                        continue
                    with self.subTest(role=role, model=model, operation=operation):
                        self.assertIn(
                            self._json2(key, model, operation, **body),
                            (200,) if allowed else (403, 422),
                        )
            self.assertEqual(self._tables(), before, f"{role} changed something")

    @mute_logger("odoo.http")
    def test_f1_another_company_sees_nothing(self):
        self.users["stranger"] = self._scenic_stranger(
            "rights_stranger", ("manager", "auditor")
        )
        self._assert_out_of_sight("stranger", "company")

    @mute_logger("odoo.http")
    def test_f1_another_site_sees_nothing(self):
        site = self.env["scenic.site"].create({"name": "Far", "code": "FARSITE"})
        self.users["elsewhere"] = new_test_user(
            self.env,
            "rights_elsewhere",
            "scenic_ticket_base.group_scenic_manager,"
            "scenic_ticket_base.group_scenic_auditor",
            scenic_site_ids=[Command.set(site.ids)],
        )
        self._assert_out_of_sight("elsewhere", "site")

    def _assert_out_of_sight(self, role, attribute):
        self._login(role)
        before = self._tables()
        for model, right in self.rights.items():
            if not getattr(right, attribute):
                continue
            with self.subTest(model=model):
                id_ = self._sample_id(model)
                self.assertNotEqual(id_, NO_RECORD, "there is a record to hide")
                self.assertEqual(
                    self._rpc(model, "read", [id_], ["id"]),
                    "odoo.exceptions.AccessError",
                )
                if role in ("stranger", "elsewhere"):
                    found = self.env[model].with_user(self.users[role]).search([])
                    self.assertNotIn(id_, found.ids)
                self.assertIn(
                    self._rpc(model, "write", [id_], self._other_value(model)),
                    self.rights_refusals,
                )
                self.assertIn(self._rpc(model, "unlink", [id_]), self.rights_refusals)
        self.assertEqual(self._tables(), before, f"{role} changed something")

import json

from odoo import api, fields, models, tools
from odoo.exceptions import AccessError
from odoo.http import request
from odoo.tools import SQL


class ScenicAppendOnly(models.AbstractModel):
    """A table of facts: rows are added by the model itself and stay as they are.

    This class refuses with a clear text; triggers of the table refuse everybody
    else, the owner of the database included. So no stored computed field may be
    added to such a model, no record may be deleted by a foreign key of it
    (``ondelete="cascade"``, ``"set null"``), and whoever adds a column with a value
    does so in a migration that switches the triggers off.
    """

    _name = "scenic.append.only"
    _description = "Append-Only Facts"
    _log_access = False

    def init(self):
        super().init()
        with tools.file_open("scenic_ticket_base/sql/append_only.sql") as file:
            self.env.cr.execute(file.read())
        if not self._abstract:
            self.env.cr.execute(SQL("SELECT scenic_append_only_on(%s)", self._table))

    @api.model_create_multi
    def create(self, vals_list):  # pylint: disable=method-required-super
        raise AccessError(
            self.env._("These records are written by the system itself, by nobody.")
        )

    def write(self, vals):  # pylint: disable=method-required-super
        raise AccessError(
            self.env._("These records are facts: they cannot be changed, by anybody.")
        )

    def unlink(self):  # pylint: disable=method-required-super
        raise AccessError(  # pylint: disable=no-raise-unlink
            self.env._("These records are facts: they cannot be deleted, by anybody.")
        )

    @api.model
    def _insert(self, rows):
        """Add rows, values by column, in one statement."""
        if not rows:
            return
        columns = [
            name
            for name, field in self._fields.items()
            if field.store and field.column_type and name != "id"
        ]
        names = SQL(", ").join(map(SQL.identifier, columns))
        types = SQL(", ").join(
            SQL(
                "%s %s",
                SQL.identifier(name),
                SQL(self._fields[name].column_type[0]),
            )
            for name in columns
        )
        self.env.cr.execute(
            SQL(
                "INSERT INTO %s (%s) SELECT %s FROM jsonb_to_recordset(%s::jsonb) "
                "AS row (%s)",
                SQL.identifier(self._table),
                names,
                names,
                json.dumps(
                    [{k: v for k, v in row.items() if v is not None} for row in rows],
                    default=str,
                ),
                types,
            )
        )

    @api.model
    def _prepare_now(self):
        """Return who does something, when and from where."""
        return {
            "event_time": fields.Datetime.to_string(fields.Datetime.now()),
            "user_id": self.env.uid,
            "remote_addr": request.httprequest.remote_addr if request else None,
        }

    @api.model
    def _prepare_document(self, document):
        if not document:
            return {}
        if isinstance(document, str):
            return {"document": document}
        document_sudo = document.sudo()[:1]  # sudo: its name only
        return {
            "document": document_sudo.display_name,
            "document_model": document_sudo._name,
            "document_id": document_sudo.id,
        }

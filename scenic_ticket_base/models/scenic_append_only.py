from odoo import api, models, tools
from odoo.exceptions import AccessError
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

from odoo import api, models

from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG

TECHNICAL = {
    *models.MAGIC_COLUMNS,
    "complete_name",
    "display_name",
    "parent_path",
}


class ScenicAudited(models.AbstractModel):
    """Writes each change of a configuration model into the audit trail.

    Put it first in ``_inherit``. What is logged is what was asked for: values that
    follow from it by computation are not.
    """

    _name = "scenic.audited"
    _description = "Audited Configuration"

    # Names of the fields to log; None for all stored fields that are not technical.
    _audited_fields = None

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        audited = records._filtered_audited()
        names = audited._audited_names()
        after = {
            record.id: {
                name: value
                for name, value in record._audit_words(names).items()
                if value not in (False, None, "", [])
            }
            for record in audited
        }
        self.env["scenic.audit"]._log("config_create", audited, after=after)
        return records

    def write(self, vals):
        names = [name for name in self._audited_names() if name in vals]
        if not names:
            return super().write(vals)
        # who may not write is told so before anything is read for the trail
        self.check_access("write")
        audited = self._filtered_audited()
        before = {record.id: record._audit_words(names) for record in self}
        res = super().write(vals)
        # the change itself may make a record one that is audited, or no longer
        audited |= self._filtered_audited()
        old, new = {}, {}
        for record in audited:
            after = record._audit_words(names)
            changed = [n for n in names if before[record.id][n] != after[n]]
            if changed:
                old[record.id] = {n: before[record.id][n] for n in changed}
                new[record.id] = {n: after[n] for n in changed}
        self.env["scenic.audit"]._log(
            "config_write",
            audited.filtered(lambda record: record.id in new),
            before=old,
            after=new,
        )
        return res

    def unlink(self):
        # a module that goes takes its records with it; nobody decided on each
        if self.env.context.get(MODULE_UNINSTALL_FLAG):
            return super().unlink()
        self.check_access("unlink")
        audit = self.env["scenic.audit"]
        audited = self._filtered_audited()
        names = audited._audited_names()
        # put together before: afterwards there is nothing to read any more
        rows = audit._prepare_rows(
            "config_unlink",
            audited,
            reason=None,
            before={record.id: record._audit_words(names) for record in audited},
            after=None,
        )
        res = super().unlink()
        audit._insert(rows)
        return res

    def _filtered_audited(self):
        """Return those of the records whose changes are logged."""
        return self

    @api.model
    def _audited_names(self):
        """Return the names of the fields whose values are logged."""
        if self._audited_fields is not None:
            return [name for name in self._audited_fields if name in self._fields]
        return [
            name
            for name, field in self._fields.items()
            if field.store
            and not field.related
            and not (field.compute and field.readonly)
            # the lines of a record are audited by themselves
            and field.type not in ("one2many", "binary", "image")
            and name not in TECHNICAL
            and not name.startswith(("message_", "activity_"))
        ]

    def _audit_words(self, names):
        """Return ``{field name: value}`` of one record, as a person reads them."""
        self.ensure_one()
        record_sudo = self.sudo()  # sudo: what is logged is not what the user may read
        return {name: record_sudo._audit_word(name) for name in names}

    def _audit_word(self, name):
        field, value = self._fields[name], self[name]
        if field.relational:
            words = value.mapped("display_name")
            return words if field.type != "many2one" else (words[0] if words else None)
        if field.type in ("date", "datetime"):
            return value and field.to_string(value)
        if field.type in ("binary", "image"):
            return bool(value)
        # a selection by its word: the reader sees its label in his own language
        return value

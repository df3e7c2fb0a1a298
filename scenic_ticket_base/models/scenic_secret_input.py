import json

from odoo import api, fields, models
from odoo.orm.models import NO_ACCESS


class ScenicSecretInput(models.AbstractModel):
    """A wizard with numbers that must not stand in the database in clear.

    The client saves a wizard before it presses a button, so what was typed goes
    through a table; it is encrypted on the way and never read back.
    """

    _name = "scenic.secret.input"
    _description = "Wizard with Personal Numbers"

    # names of the fields to encrypt; they are declared with ``_compute_secret``
    _secret_fields = ()

    sealed = fields.Char(readonly=True, copy=False, groups=NO_ACCESS)

    def _compute_secret(self):
        for name in self._secret_fields:
            self[name] = False

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(
            [
                {k: v for k, v in vals.items() if k not in self._secret_fields}
                for vals in vals_list
            ]
        )
        for wizard, vals in zip(wizards, vals_list, strict=True):
            wizard._seal(vals)
        return wizards

    def write(self, vals):
        res = super().write(
            {k: v for k, v in vals.items() if k not in self._secret_fields}
        )
        for wizard in self:
            wizard._seal(vals)
        return res

    def _seal(self, vals):
        """Keep the secret values among these, encrypted."""
        self.ensure_one()
        secrets = {name: vals[name] for name in self._secret_fields if name in vals}
        if secrets:
            # sudo: hidden from everybody, only the wizard itself opens it
            wizard_sudo = self.sudo()
            keys_sudo = self.env["scenic.signing.key"].sudo()
            wizard_sudo.sealed = keys_sudo._encrypt(
                f"{self._name},{self.id}",
                json.dumps({**self._secrets(), **secrets}),
                keys_sudo._data().data_kid,
            )

    def _secrets(self):
        """Return what was typed, ``{field: text}``."""
        self.ensure_one()
        wizard_sudo = self.sudo()  # sudo: hidden from everybody
        if not wizard_sudo.sealed:
            return {}
        keys_sudo = self.env["scenic.signing.key"].sudo()
        return json.loads(
            keys_sudo._decrypt(f"{self._name},{self.id}", wizard_sudo.sealed)
        )

"""What a line keeps encrypted until it is paid: nobody reads it but the sale."""

import json

from odoo import models


class PosOrderLine(models.Model):
    _inherit = "pos.order.line"

    def _scenic_seal(self, name, value):
        """Keep a value in ``scenic_<name>_sealed``, encrypted; nothing empties it."""
        self.ensure_one()
        line_sudo = self.sudo()  # sudo: hidden from everybody, only the sale opens it
        column = f"scenic_{name}_sealed"
        if not value:
            line_sudo[column] = False
            return
        keys_sudo = self.env["scenic.signing.key"].sudo()
        line_sudo[column] = keys_sudo._encrypt(
            self._scenic_sealed_place(name),
            json.dumps(value),
            keys_sudo._data().data_kid,
        )

    def _scenic_unseal(self, name):
        """Return what :meth:`_scenic_seal` kept, or None."""
        self.ensure_one()
        sealed = self.sudo()[f"scenic_{name}_sealed"]  # sudo: as in _scenic_seal
        if not sealed:
            return None
        keys_sudo = self.env["scenic.signing.key"].sudo()
        return json.loads(keys_sudo._decrypt(self._scenic_sealed_place(name), sealed))

    def _scenic_sealed_place(self, name):
        """Return what binds the cipher text to its line."""
        return f"pos.order.line,{self.id},{name}"

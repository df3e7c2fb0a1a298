import hashlib
import logging
import re

from odoo import api, models
from odoo.http import request

from ..exceptions import DeviceKeyInvalid

_logger = logging.getLogger(__name__)
_BEARER = re.compile(r"bearer +(sgk_[A-Za-z0-9_-]{43})", re.IGNORECASE)


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _auth_method_scenic_device(cls):
        """Let a gate device in by its own key, and nothing else.

        There is no user behind a device: neither a session nor the API key of a
        user counts here, and a device key is unknown to all other routes.
        """
        request.env = api.Environment(request.env.cr, None, {})
        request.env.transaction.default_env = request.env
        request.session.can_save = False
        match = _BEARER.fullmatch(request.httprequest.headers.get("Authorization", ""))
        if not match:
            raise DeviceKeyInvalid()
        key_hash = hashlib.sha256(match[1].encode("ascii")).hexdigest()
        try:
            device_id = request.env["scenic.device"]._id_of_key(key_hash)
        except KeyError:
            _logger.info("unknown device key from %s", request.httprequest.remote_addr)
            raise DeviceKeyInvalid() from None
        # sudo: there is no user to ask as. Without a language here the framework
        # reads company and partner in each request to find one (8 ms); the answers
        # carry both languages anyway.
        language, _name = request.env["res.lang"].sudo().get_installed()[0]
        request.update_context(
            lang=language,
            scenic_device_id=device_id,
            scenic_device_key_hash=key_hash,
        )

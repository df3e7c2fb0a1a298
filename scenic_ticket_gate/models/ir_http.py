import hashlib
import logging
import re

from odoo import api, models
from odoo.http import request

from ..exceptions import DeviceKeyInvalid, RateLimited
from ..tools.rate_limit import RateLimit

_logger = logging.getLogger(__name__)
_limit = RateLimit()
# Of an address that shows unknown keys: a bridge with an old key tries all few seconds.
UNKNOWN_RATE, UNKNOWN_BURST = 0.2, 20
RATE_PARAMETER = "scenic_ticket_gate.requests_per_second"
RATE_DEFAULT = 100
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
            device = request.env["scenic.device"]._use_own_connection()
            device_id = device._id_of_key(key_hash)
        except KeyError:
            cls._refuse_unknown_key()
        cls._limit_device(device_id)
        # sudo: there is no user to ask as. Without a language here the framework
        # reads company and partner in each request to find one (8 ms); the answers
        # carry both languages anyway.
        language, _name = request.env["res.lang"].sudo().get_installed()[0]
        request.update_context(
            lang=language,
            scenic_device_id=device_id,
            scenic_device_key_hash=key_hash,
        )

    @classmethod
    def _refuse_unknown_key(cls):
        """Refuse a key that nobody has; who shows many is told to wait.

        The address counts only here: a device with a good key behind the same address
        is not held up by its neighbour.
        """
        address = request.httprequest.remote_addr
        wait = _limit.take(
            (request.db, "address", address), UNKNOWN_RATE, UNKNOWN_BURST
        )
        if wait:
            raise RateLimited(wait)
        _logger.info("unknown device key from %s", address)
        raise DeviceKeyInvalid()

    @classmethod
    def _limit_device(cls, device_id):
        """Hold up a device that asks more often than it may, in this worker."""
        # sudo: system parameter; there is no user to ask as
        parameters_sudo = request.env["ir.config_parameter"].sudo()
        rate = float(parameters_sudo.get_param(RATE_PARAMETER, RATE_DEFAULT))
        wait = _limit.take((request.db, "device", device_id), rate, 2 * rate)
        if wait:
            raise RateLimited(wait)

    @classmethod
    def _pre_dispatch(cls, rule, args):
        """Leave out what is there for pages: language, signup, editor, web site.

        It would cost a scan as much as the framework's own work.
        """
        if rule.endpoint.routing["type"] == "scenic_gate":
            request.dispatcher.pre_dispatch(rule, args)
        else:
            super()._pre_dispatch(rule, args)

import hashlib
import logging
import re

from odoo import api, models
from odoo.http import request

from odoo.addons.scenic_ticket_base.tools.rate_limit import RateLimit

from ..exceptions import DeviceKeyInvalid, RateLimited

_logger = logging.getLogger(__name__)
_limit = RateLimit()
# Of an address that shows unknown keys: a bridge with an old key tries all few seconds.
UNKNOWN_RATE, UNKNOWN_BURST = 0.2, 20
RATE_PARAMETER = "scenic_ticket_gate.requests_per_second"
RATE_DEFAULT = 100
_BEARER = re.compile(r"bearer +(sgk_[A-Za-z0-9_-]{43})", re.IGNORECASE)


def key_hash_of(authorization):
    """Return the hash of the device key in the header of a request.

    :raise DeviceKeyInvalid: there is nothing of the shape of a key
    """
    match = _BEARER.fullmatch(authorization)
    if not match:
        raise DeviceKeyInvalid()
    return hashlib.sha256(match[1].encode("ascii")).hexdigest()


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _auth_method_scenic_device(cls):
        """Let a gate device in by its own key, and nothing else.

        There is no user behind a device: neither a session nor the API key of a
        user counts here, and a device key is unknown to all other routes.
        """
        request.session.can_save = False
        key_hash = key_hash_of(request.httprequest.headers.get("Authorization", ""))
        cr = request.env.cr
        env = cls._gate_env(cr, request.env["scenic.device"]._own_connection())
        env.transaction.default_env = env
        request.env = env
        try:
            device_id = env["scenic.device"]._id_of_key(key_hash)
        except KeyError:
            cls._refuse_unknown_key()
        wait = cls._device_wait(env["scenic.device"].browse(device_id))
        if wait:
            raise RateLimited(wait)
        request.scenic_device = (device_id, key_hash)

    @classmethod
    def _gate_env(cls, cr, connection):
        """Return the one environment of a request of a gate.

        As superuser: there is no user to ask as, and whatever a device does is bound to
        it by the statement that does it. With a language: else the framework reads
        company and partner to find one.

        :param GateConnection connection: or None, for statements on ``cr``
        """
        env = api.Environment(cr, None, {}, su=True)
        language, _name = env["res.lang"].get_installed()[0]
        context = {"lang": language, "scenic_gate_connection": connection}
        return api.Environment(cr, None, context, su=True)

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
    def _device_wait(cls, device):
        """Return how many seconds a device has to wait that asks too often.

        As often as the system parameter says, in this worker.
        """
        parameters = device.env["ir.config_parameter"]
        rate = float(parameters.get_param(RATE_PARAMETER, RATE_DEFAULT))
        return _limit.take((device.env.cr.dbname, "device", device.id), rate, 2 * rate)

    @classmethod
    def _pre_dispatch(cls, rule, args):
        """Leave out what is there for pages: language, signup, editor, web site.

        It would cost a scan as much as the framework's own work.
        """
        if rule.endpoint.routing["type"] == "scenic_gate":
            request.dispatcher.pre_dispatch(rule, args)
        else:
            super()._pre_dispatch(rule, args)

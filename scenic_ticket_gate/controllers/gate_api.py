from werkzeug.exceptions import NotFound

from odoo.http import Controller, request, route

from ..exceptions import (
    DeviceDecidesNothing,
    DeviceKeyInvalid,
    InvalidParams,
    KeyShared,
)
from ..tools import gate_schema
from .dispatcher import MAX_BODY, JsonText

ROUTING = {
    "type": "scenic_gate",
    "auth": "scenic_device",
    "methods": ["POST"],
    "readonly": False,
    "save_session": False,
    "max_content_length": MAX_BODY,
}

#: By the last part of the path: the check of the parameters, the method of the device
CALLS = {
    "validate": (gate_schema.check_validate, "_gate_validate"),
    "report": (gate_schema.check_report, "_gate_report"),
    "heartbeat": (gate_schema.check_heartbeat, "_gate_heartbeat"),
    "sync": (gate_schema.check_sync, "_gate_sync"),
    "config": (gate_schema.check_config, "_gate_config"),
    "print": (gate_schema.check_print, "_gate_print"),
}


class ScenicGateApi(Controller):
    """The gate API, version 1: see docs/gate-api.md."""

    @route("/scenic/gate/v1/validate", **ROUTING)
    def validate(self, params):
        """Decide on scans; what is admitted reserves its entries."""
        return self._call("validate", params)

    @route("/scenic/gate/v1/report", **ROUTING)
    def report(self, params):
        """Keep what the lanes did."""
        return self._call("report", params)

    @route("/scenic/gate/v1/heartbeat", **ROUTING)
    def heartbeat(self, params):
        """Keep that the device lives; answer with the settings of its lanes."""
        return self._call("heartbeat", params)

    @route("/scenic/gate/v1/sync", **ROUTING)
    def sync(self, params):
        """Tell a page of the tickets that a deciding device keeps a copy of."""
        answer = self._call("sync", params)
        if not answer:
            raise DeviceDecidesNothing()
        if answer == "KEY_SHARED":
            raise KeyShared()
        return JsonText(answer)

    @route("/scenic/gate/v1/config", **ROUTING)
    def config(self, params):
        """Tell the settings of the device, unless it knows them."""
        return JsonText(self._call("config", params))

    @route("/scenic/gate/v1/print", **ROUTING)
    def print(self, params):
        """Hand out the next ticket of a printer; keep what became of the one before."""
        return self._call("print", params)

    @route(
        "/scenic/gate/v1/<string:method>",
        **{**ROUTING, "auth": "none"},
    )
    def other(self, params):
        """Refuse all else; without a database, where only this route is, everything."""
        raise NotFound()

    def _call(self, name, params):
        """Check the parameters, then do the work for the device of the key."""
        check, method = CALLS[name]
        try:
            values = check(params)
        except gate_schema.SchemaError as error:
            raise InvalidParams(error.en, error.zh) from error
        device_id, key_hash = request.scenic_device
        # its key was proven and is proven again in the statement that does the work
        device = request.env["scenic.device"].browse(device_id)
        result = getattr(device, method)(key_hash, values)
        if result is None:
            raise DeviceKeyInvalid()
        return result

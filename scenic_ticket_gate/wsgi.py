"""The short way: requests that visitors wait for, past what only pages need of Odoo.

Of what Odoo does around a request a gate needs next to nothing: no session, no user,
no page. A connection borrowed, reset and given back, the routes, the changes of caches
looked up by a statement of their own: together as much as the decision.

Here is answered what is good, by the very methods that the routes call. Whatever is
not - another method or header, a wrong key, a wrong field, a line that broke, a cache
that is old - is given to Odoo from its beginning, as if nothing had been tried; so no
refusal is written twice. What was decided by then is found by its ids.
"""

import functools
import io
import json
import logging
import threading

import psycopg2
from werkzeug.exceptions import HTTPException

from odoo import modules
from odoo.http import Application, db_filter, db_list
from odoo.modules.registry import Registry
from odoo.service.server import thread_local
from odoo.tools import config
from odoo.tools.misc import real_time

from odoo.addons.scenic_ticket_base.tools.kept_connections import CONNECTIONS

from .controllers.dispatcher import CONTENT_TYPE, MAX_BODY, params_of, read_call
from .controllers.gate_api import CALLS
from .gate_connection import GateConnection, RegistryChangedError
from .models.ir_http import key_hash_of
from .tools.gate_schema import SchemaError

_logger = logging.getLogger(__name__)
PREFIX = "/scenic/gate/v1/"
SHORT_WAY = ("validate", "report", "heartbeat")
#: What makes of a request more than a call of a device
NOT_SHORT = ("HTTP_COOKIE", "HTTP_TRANSFER_ENCODING", "QUERY_STRING")


class _NotShortError(Exception):
    """The request goes the way of all others."""


def serve_gates():
    """Let Odoo's server look at requests of gates first (``post_load``)."""
    serve = Application.__call__

    @functools.wraps(serve)
    def serve_or_decide(self, environ, start_response):
        if environ.get("PATH_INFO", "").startswith(PREFIX):
            answer = _answer(environ)
            if answer is not None:
                headers = [
                    ("Content-Type", CONTENT_TYPE),
                    ("Content-Length", str(len(answer))),
                    ("X-Content-Type-Options", "nosniff"),
                ]
                start_response("200 OK", headers)
                return [answer]
        return serve(self, environ, start_response)

    Application.__call__ = serve_or_decide


def _answer(environ):
    """Return the answer to a good request, or None: then it is Odoo's, unread."""
    try:
        check, method, key_hash = _called(environ)
        registry = _registry(environ)
        call = read_call(_body(environ))
        values = check(params_of(call))
        result = _decide(registry, method, key_hash, values)
        answer = {"jsonrpc": "2.0", "id": call.get("id"), "result": result}
        return json.dumps(answer, ensure_ascii=False).encode()
    except (
        _NotShortError,
        HTTPException,
        KeyError,
        psycopg2.Error,
        RegistryChangedError,
        SchemaError,
    ):
        return None
    except Exception:
        # Odoo's way fails by it, too, and answers as the API has it
        _logger.info("not answered on the short way", exc_info=True)
        return None


def _called(environ):
    """Return what a request calls: check, method of the device, hash of its key."""
    name = environ["PATH_INFO"][len(PREFIX) :]
    if (
        name not in SHORT_WAY
        or environ["REQUEST_METHOD"] != "POST"
        or environ.get("CONTENT_TYPE") != "application/json"
        or any(environ.get(name) for name in NOT_SHORT)
    ):
        raise _NotShortError()
    return *CALLS[name], key_hash_of(environ.get("HTTP_AUTHORIZATION", ""))


def _registry(environ):
    """Return the registry of the database that the request means, if it is loaded."""
    # tests see each other's rows on the cursor of a request only
    if modules.module.current_test:
        raise _NotShortError()
    host = environ.get("HTTP_HOST", "")
    if config["proxy_mode"] and environ.get("HTTP_X_FORWARDED_HOST"):
        host = environ["HTTP_X_FORWARDED_HOST"].rpartition(",")[2].strip()
    named = environ.get("HTTP_X_ODOO_DATABASE")
    names = db_filter([named], host=host) if named else db_list(True, host=host)
    if len(names) != 1:
        raise _NotShortError()
    registry = Registry.registries.get(names[0])
    if registry is None or not registry.ready or "scenic.device" not in registry:
        raise _NotShortError()
    return registry


def _body(environ):
    """Return the body, and leave it to be read once more."""
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY:
        raise _NotShortError()
    body = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = io.BytesIO(body)
    if len(body) < int(length):
        raise _NotShortError()
    return body


def _decide(registry, method, key_hash, values):
    """Do the work for the device of a key; see ``ScenicGateApi`` and ``IrHttp``."""
    _begin(registry.db_name)
    with CONNECTIONS.lend(registry.db_name) as cr:
        connection = GateConnection(registry.db_name, registry, cr)
        http = registry["ir.http"]
        device = http._gate_env(cr, connection)["scenic.device"]
        if device.env.registry is not registry:
            raise _NotShortError()
        device = device.browse(device._id_of_key(key_hash))
        if http._device_wait(device):
            raise _NotShortError()
        result = getattr(device, method)(key_hash, values)
    if result is None:
        # the key has died
        raise _NotShortError()
    return result


def _begin(database):
    """Tell the log what Odoo tells it at the beginning of a request."""
    thread = threading.current_thread()
    thread.query_count = 0
    thread.query_time = 0
    thread.perf_t0 = real_time()
    thread.cursor_mode = None
    thread.dbname = database
    if hasattr(thread, "uid"):
        del thread.uid
    thread_local.rpc_model_method = ""

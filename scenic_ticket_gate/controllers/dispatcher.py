import json

from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from odoo.http import Dispatcher

from ..exceptions import (
    DatabaseAway,
    GateApiError,
    InternalError,
    InvalidRequest,
    ParseError,
)

MAX_BODY = 4 * 1024 * 1024
CONTENT_TYPE = "application/json; charset=utf-8"


class JsonText(str):
    """A result that is JSON already: large ones are not read and written again."""


def _refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def read_call(text):
    """Return the object that a body holds.

    :raise ParseError:
    :raise InvalidRequest: JSON, but no object
    """
    try:
        body = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ParseError() from error
    if not isinstance(body, dict):
        raise InvalidRequest()
    return body


def params_of(body):
    """Return the parameters of a call.

    :raise InvalidRequest: the object is no JSON-RPC 2.0 call
    """
    params = body.get("params")
    if (
        body.get("jsonrpc") != "2.0"
        or body.get("method") != "call"
        or not isinstance(params, dict)
    ):
        raise InvalidRequest()
    return params


class ScenicGateDispatcher(Dispatcher):
    """JSON-RPC 2.0 as docs/gate-api.md has it.

    Unlike Odoo's own JSON-RPC an error has an HTTP status and a stable code, and
    never a traceback: a device reads it, and it may stand on a public square.
    """

    routing_type = "scenic_gate"
    mimetypes = ("application/json",)

    def __init__(self, request):
        super().__init__(request)
        self.rpc_id = None

    @classmethod
    def is_compatible_with(cls, request):
        # a wrong content type gets the envelope of this API, too
        return True

    def dispatch(self, endpoint, args):
        if self.request.httprequest.method != "POST":
            # the framework lets OPTIONS through to every route
            raise InvalidRequest()
        if not self.request.db:
            # of a module that is loaded server-wide
            raise DatabaseAway()
        body = read_call(self.request.httprequest.get_data())
        self.rpc_id = body.get("id")
        self.request.params = {"params": params_of(body)}
        result = self.request.registry["ir.http"]._dispatch(endpoint)
        if isinstance(result, JsonText):
            return self.request.make_response(
                f'{{"jsonrpc": "2.0", "id": {json.dumps(self.rpc_id)}, '
                f'"result": {result}}}',
                headers=[("Content-Type", CONTENT_TYPE)],
            )
        return self._answer({"result": result}, 200)

    def handle_error(self, exc):
        if isinstance(exc, RequestEntityTooLarge):
            exc = InvalidRequest(
                f"The body is larger than {MAX_BODY} bytes",
                f"请求正文超过 {MAX_BODY} 字节",
            )
        elif not isinstance(exc, GateApiError):
            is_client = isinstance(exc, HTTPException) and 400 <= (exc.code or 0) < 500
            exc = InvalidRequest() if is_client else InternalError()
        error = {
            "code": exc.rpc_code,
            "message": exc.en,
            "data": {"code": exc.stable_code, "text": {"en": exc.en, "zh": exc.zh}},
        }
        headers = []
        if exc.code == 401:
            headers.append(("WWW-Authenticate", "Bearer"))
        elif exc.code == 429:
            headers.append(("Retry-After", str(exc.retry_after)))
        return self._answer({"error": error}, exc.code, headers)

    def _answer(self, content, status, headers=None):
        return self.request.make_json_response(
            {"jsonrpc": "2.0", "id": self.rpc_id, **content},
            headers=headers,
            status=status,
        )

"""What the gate API answers when it cannot do what it was asked."""

import math

from werkzeug.exceptions import HTTPException


class GateApiError(HTTPException):
    """An error of the envelope, see docs/gate-api.md; nothing was done."""

    code = 400
    rpc_code = -32600
    stable_code = "INVALID_REQUEST"
    en = "The body is not a JSON-RPC 2.0 request"
    zh = "请求不是 JSON-RPC 2.0 对象"

    def __init__(self, en=None, zh=None):
        super().__init__()
        self.en = en or self.en
        self.zh = zh or self.zh


class ParseError(GateApiError):
    rpc_code = -32700
    stable_code = "PARSE_ERROR"
    en = "The body is not JSON"
    zh = "请求正文不是 JSON"


class InvalidRequest(GateApiError):
    pass


class InvalidParams(GateApiError):
    rpc_code = -32602
    stable_code = "INVALID_PARAMS"
    en = "A parameter does not fit"
    zh = "参数错误"


class DeviceKeyInvalid(GateApiError):
    code = 401
    rpc_code = -32001
    stable_code = "DEVICE_KEY_INVALID"
    en = "The device key is missing, unknown or revoked"
    zh = "设备密钥缺失、未知或已吊销"


class RateLimited(GateApiError):
    """:param float wait: seconds after which it may be tried again"""

    code = 429
    rpc_code = -32029
    stable_code = "RATE_LIMITED"
    en = "Too many requests; repeat this one later with the same ids"
    zh = "请求过于频繁；请稍后使用相同的编号重试"

    def __init__(self, wait):
        super().__init__()
        self.retry_after = math.ceil(wait)


class DeviceDecidesNothing(GateApiError):
    code = 403
    rpc_code = -32003
    stable_code = "DEVICE_DECIDES_NOTHING"
    en = (
        "This device asks the server for each decision and gets no copy of the "
        "tickets; a manager can allow it to decide (device, field Decides)"
    )
    zh = (
        "本设备每次检票都由服务器判定，不下发门票副本；管理员可在设备的“判定方式”中放开"
    )


class KeyShared(GateApiError):
    code = 409
    rpc_code = -32009
    stable_code = "KEY_SHARED"
    en = (
        "Another computer decides with this key, or the journal of this one was lost; "
        "give this computer a new key in Odoo (device, New Key)"
    )
    zh = "另有电脑使用此密钥判定，或本机日志已丢失；请在 Odoo 的设备中为本机生成新密钥"


class DatabaseAway(GateApiError):
    code = 503
    rpc_code = -32053
    stable_code = "DATABASE_AWAY"
    en = (
        "The server runs, but reaches no database for this request: the database "
        "server is away, or X-Odoo-Database names none of this server"
    )
    zh = "服务器已启动，但无法访问数据库：数据库未运行，或 X-Odoo-Database 的名称有误"


class InternalError(GateApiError):
    code = 500
    rpc_code = -32603
    stable_code = "INTERNAL_ERROR"
    en = "The server failed; repeat the request with the same ids"
    zh = "服务器故障；请使用相同的编号重试"

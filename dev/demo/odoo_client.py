"""A person in front of Odoo, over HTTP: the same calls a browser makes."""

import itertools
import re
from typing import Any

import requests

_ids = itertools.count(1)


class OdooRefused(Exception):
    """Odoo said no; the text is what the person would read."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class OdooClient:
    """One logged-in user with a session of his own.

    :raises OdooRefused: from every call that Odoo answers with an error.
    """

    def __init__(self, url: str, database: str, login: str, password: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.headers["Accept-Language"] = "zh-CN,zh;q=0.9"
        answer = self._post(
            "/web/session/authenticate",
            {"db": database, "login": login, "password": password},
        )
        self.uid: int = answer["uid"]
        self.login = login

    def call(self, model: str, method: str, *arguments: Any, **named: Any) -> Any:
        """Call a public method of a model, as the web client does."""
        named.setdefault("context", {"lang": "zh_CN", "tz": "Asia/Shanghai"})
        return self._post(
            f"/web/dataset/call_kw/{model}/{method}",
            {"model": model, "method": method, "args": arguments, "kwargs": named},
        )

    def read(
        self, model: str, domain: list[Any], fields: list[str], **named: Any
    ) -> list[dict[str, Any]]:
        """Return ``search_read``."""
        rows: list[dict[str, Any]] = self.call(
            model, "search_read", domain, fields, **named
        )
        return rows

    def get(self, path: str) -> requests.Response:
        """Fetch a page; errors are the caller's to judge."""
        return self.session.get(f"{self.url}{path}", timeout=60)

    def submit(self, path: str, form: dict[str, Any]) -> requests.Response:
        """Post a form of the portal, with the token its page carries."""
        page = self.get(path)
        token = re.search(r'csrf_token: "([^"]+)"', page.text)
        if token:
            form = {"csrf_token": token[1], **form}
        return self.session.post(f"{self.url}{path}", data=form, timeout=60)

    def _post(self, path: str, parameters: dict[str, Any]) -> Any:
        answer = self.session.post(
            f"{self.url}{path}",
            json={
                "jsonrpc": "2.0",
                "id": next(_ids),
                "method": "call",
                "params": parameters,
            },
            timeout=120,
        )
        answer.raise_for_status()
        body = answer.json()
        if "error" in body:
            data = body["error"].get("data", {})
            raise OdooRefused(
                data.get("name", ""), data.get("message") or body["error"]["message"]
            )
        return body.get("result")

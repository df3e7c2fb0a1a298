"""The bridge as the server of its site: others on the LAN ask it as they ask Odoo.

Bridges of other lanes and handhelds speak docs/gate-api.md with it; nothing tells them
that it is not Odoo.
"""

from .http import SiteServer

__all__ = ["SiteServer"]

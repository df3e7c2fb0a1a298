from . import controllers, models, report, wizards
from .hooks import uninstall_hook
from .wsgi import serve_gates

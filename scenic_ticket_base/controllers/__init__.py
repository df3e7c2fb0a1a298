from . import portal, scenic_audit
from . import portal
from . import visitor

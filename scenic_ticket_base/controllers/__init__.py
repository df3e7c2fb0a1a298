from . import portal, scenic_audit, visitor

from . import report_scenic_ticket

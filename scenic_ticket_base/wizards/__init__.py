from . import scenic_ticket_change

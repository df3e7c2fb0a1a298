"""Tickets on paper: what the server has for the printers at the windows."""

from .clerk import PrintClerk
from .printer import PrinterFault, TicketPrinter

__all__ = ["PrintClerk", "PrinterFault", "TicketPrinter"]

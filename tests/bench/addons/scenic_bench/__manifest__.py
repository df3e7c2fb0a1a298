{
    "name": "Scenic Ticket: benchmark baseline",
    "summary": "The gate's rule as a plain ORM method, to measure against",
    "version": "19.0.1.0.0",
    "author": "Scenic Ticket",
    "license": "LGPL-3",
    "category": "Hidden",
    "depends": ["scenic_ticket_gate"],
    "data": ["security/ir.model.access.csv"],
    "installable": True,
}

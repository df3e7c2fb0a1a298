from . import (
    ir_http,
    scenic_device,
    scenic_entitlement,
    scenic_gate,
    scenic_lane,
    scenic_pass_event,
    scenic_revenue_entry,
    scenic_ticket,
    scenic_ticket_component,
    scenic_zone,
)

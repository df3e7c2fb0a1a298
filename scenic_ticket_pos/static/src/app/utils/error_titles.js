import { odooExceptionTitleMap } from "@web/core/errors/error_dialogs";

// Refusals of the ticket core are user errors to the cashier, not faults of the server.
const title = odooExceptionTitleMap.get("odoo.exceptions.UserError");
const refusals = {
    scenic_ticket_base: [
        "AccountMissingError",
        "BookingConflictError",
        "BookingError",
        "CapacityError",
        "KeyFileError",
        "ReasonMissingError",
        "RevenueError",
        "ScenicError",
        "TicketReservedError",
        "TicketStateError",
        "TicketUsedError",
    ],
    scenic_ticket_pos: [
        "WindowAmountError",
        "WindowError",
        "WindowPriceError",
        "WindowQuantityError",
        "WindowRefundError",
        "WindowRightError",
        "WindowShiftError",
        "WindowSlotError",
        "WindowTenderError",
        "WindowVisitorError",
    ],
};
for (const [addon, names] of Object.entries(refusals)) {
    for (const name of names) {
        odooExceptionTitleMap.set(`odoo.addons.${addon}.exceptions.${name}`, title);
    }
}

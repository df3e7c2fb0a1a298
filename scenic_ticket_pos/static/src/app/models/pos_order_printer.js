import { PosOrder } from "@point_of_sale/app/models/pos_order";
import { patch } from "@web/core/utils/patch";

patch(PosOrder.prototype, {
    /** The printer of a gate bridge that makes the tickets of this window, if there is one. */
    get scenicTicketPrinter() {
        return this.config_id?.raw.scenic_printer_id || false;
    },
});

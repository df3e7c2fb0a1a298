import { PosOrder } from "@point_of_sale/app/models/pos_order";
import { patch } from "@web/core/utils/patch";

patch(PosOrder.prototype, {
    /**
     * The printer of a gate bridge that makes the tickets of this order, if there is one. It prints
     * what the server sends: not what is sold without the server.
     */
    get scenicTicketPrinter() {
        return (!this.isSoldFromScenicBlanks() && this.config_id?.raw.scenic_printer_id) || false;
    },
});

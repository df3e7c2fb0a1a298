import { PosStore } from "@point_of_sale/app/services/pos_store";
import { PrinterPopup } from "@scenic_ticket_pos/app/components/printer_popup/printer_popup";
import { makeAwaitable } from "@point_of_sale/app/utils/make_awaitable_dialog";
import { patch } from "@web/core/utils/patch";

patch(PosStore.prototype, {
    /** Stay with the ticket printer until all tickets are out, or the cashier knows why not. */
    async printReceipt({ basic = false, order = this.getOrder() } = {}) {
        const result = await super.printReceipt(...arguments);
        if (
            result &&
            !basic &&
            order?.finalized &&
            order.scenicTicketPrinter &&
            order.scenicPrintableTickets.length
        ) {
            await makeAwaitable(this.dialog, PrinterPopup, { order });
        }
        return result;
    },
});

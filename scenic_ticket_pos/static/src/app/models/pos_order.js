import { PosOrder } from "@point_of_sale/app/models/pos_order";
import { patch } from "@web/core/utils/patch";

patch(PosOrder.prototype, {
    get scenicTickets() {
        return this.lines.flatMap((line) => line.scenicTickets);
    },

    get scenicPrintableTickets() {
        return this.scenicTickets.filter((ticket) => ticket.isPrintable);
    },

    get scenicRefundedTickets() {
        return this.lines.flatMap((line) => line.scenicRefundedTickets);
    },

    /** Paid, but the server did not answer yet: the visitor must not leave without tickets. */
    get scenicTicketsAwaited() {
        return (
            this.finalized &&
            !this.isSynced &&
            this.lines.some((line) => line.isScenicTicket && line.qty > 0)
        );
    },
});

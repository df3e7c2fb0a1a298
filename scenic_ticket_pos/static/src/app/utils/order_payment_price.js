import { handleRPCError } from "@point_of_sale/app/utils/error_handlers";
import OrderPaymentValidation from "@point_of_sale/app/utils/order_payment_validation";
// what is patched here once more
import "@scenic_ticket_pos/app/utils/order_payment_validation";
import { RPCError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

const REFUSAL = "odoo.addons.scenic_ticket_pos.exceptions.WindowPriceError";

patch(OrderPaymentValidation.prototype, {
    /** When a price has changed the order gets the new one, and the cashier is told so. */
    handleValidationError(error) {
        if (error instanceof RPCError && error.exceptionName === REFUSAL) {
            this.order.state = "draft";
            // not waited for: the screen is blocked until this returns
            this._scenicReprice(error);
            return error;
        }
        return super.handleValidationError(...arguments);
    },

    async _scenicReprice(refusal) {
        const lines = this.order.lines.filter((line) => line.isScenicTicket && line.qty > 0);
        try {
            await this.pos.applyScenicPrices(lines, { fresh: true });
        } finally {
            handleRPCError(refusal, this.pos.dialog);
        }
    },
});

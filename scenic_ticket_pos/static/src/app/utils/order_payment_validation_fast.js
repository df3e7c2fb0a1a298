import OrderPaymentValidation from "@point_of_sale/app/utils/order_payment_validation";
// this has the last word about what they have refused
import "@scenic_ticket_pos/app/utils/order_payment_price";
import "@scenic_ticket_pos/app/utils/order_payment_validation_concession";
import { patch } from "@web/core/utils/patch";

patch(OrderPaymentValidation.prototype, {
    setup(vals) {
        if (!vals.fastPaymentMethod) {
            return super.setup(...arguments);
        }
        const order = vals.pos.models["pos.order"].getBy("uuid", vals.orderUuid);
        const known = new Set(order.payment_ids.map((line) => line.uuid));
        super.setup(...arguments);
        order.uiState.scenicFastPayments = order.payment_ids
            .map((line) => line.uuid)
            .filter((uuid) => !known.has(uuid));
    },

    /** What the server has not sold is not paid. */
    handleValidationError() {
        const result = super.handleValidationError(...arguments);
        if (this.order.state === "draft") {
            this.pos.dropScenicFastPayments(this.order);
        }
        return result;
    },
});

import OrderPaymentValidation from "@point_of_sale/app/utils/order_payment_validation";
// this has the last word about what they have refused
import "@scenic_ticket_pos/app/utils/order_payment_price";
import "@scenic_ticket_pos/app/utils/order_payment_validation_concession";
import { patch } from "@web/core/utils/patch";

patch(OrderPaymentValidation.prototype, {
    setup(vals) {
        const order = vals.pos.models["pos.order"].getBy("uuid", vals.orderUuid);
        const known = new Set(order.payment_ids.map((line) => line.uuid));
        super.setup(...arguments);
        this.scenicFastPayments = this.paymentLines.filter((line) => !known.has(line.uuid));
    },

    async validateOrder() {
        const validated = await super.validateOrder(...arguments);
        if (!validated) {
            this._dropScenicFastPayments();
        }
        return validated;
    },

    handleValidationError() {
        const result = super.handleValidationError(...arguments);
        if (this.order.state === "draft") {
            this._dropScenicFastPayments();
        }
        return result;
    },

    /** What was not sold by one touch is not paid: the next one pays what it costs then. */
    _dropScenicFastPayments() {
        for (const line of this.scenicFastPayments.splice(0)) {
            this.order.removePaymentline(line);
        }
    },
});

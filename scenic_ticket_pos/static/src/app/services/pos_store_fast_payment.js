import { PosStore } from "@point_of_sale/app/services/pos_store";
import { patch } from "@web/core/utils/patch";

patch(PosStore.prototype, {
    /** One touch sells: what is asked for before any money is taken is asked for here, too. */
    async validateOrderFast() {
        const order = this.getOrder();
        // a quantity that was just typed is paid, too, and the next one is another
        this.numberBuffer.capture();
        this.numberBuffer.reset();
        // of a touch that came to nothing: this one pays what the order costs now
        this.dropScenicFastPayments(order);
        if (
            order.canPay() &&
            !((await this.askScenicVisitors(order)) && (await this.reviewScenicConcessions(order)))
        ) {
            return;
        }
        return super.validateOrderFast(...arguments);
    },

    /** Take the money off an order again that was not sold by one touch. */
    dropScenicFastPayments(order) {
        const fast = order.uiState.scenicFastPayments || [];
        order.uiState.scenicFastPayments = [];
        for (const line of order.payment_ids.filter(({ uuid }) => fast.includes(uuid))) {
            order.removePaymentline(line);
        }
    },
});

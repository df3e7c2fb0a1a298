import { PosStore } from "@point_of_sale/app/services/pos_store";
import { patch } from "@web/core/utils/patch";

patch(PosStore.prototype, {
    /** One touch sells: what is asked for before any money is taken is asked for here, too. */
    async validateOrderFast() {
        const order = this.getOrder();
        // a quantity that was just typed is paid, too, and the next one is another
        this.numberBuffer.capture();
        this.numberBuffer.reset();
        if (
            order.canPay() &&
            !((await this.askScenicVisitors(order)) && (await this.reviewScenicConcessions(order)))
        ) {
            return;
        }
        return super.validateOrderFast(...arguments);
    },
});

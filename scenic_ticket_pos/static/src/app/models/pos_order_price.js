import { PosOrder } from "@point_of_sale/app/models/pos_order";
import { patch } from "@web/core/utils/patch";

patch(PosOrder.prototype, {
    setPricelist() {
        super.setPricelist(...arguments);
        for (const line of this.lines) {
            line.repriceScenic();
        }
    },
});

import { PosOrder } from "@point_of_sale/app/models/pos_order";
import { patch } from "@web/core/utils/patch";

patch(PosOrder.prototype, {
    /** Whether its tickets are blanks that the server does not know to be sold. */
    isSoldFromScenicBlanks() {
        return this.isUnsyncedPaid && this.lines.some((line) => line.scenic_blanks?.length);
    },
});

import { PosOrderline } from "@point_of_sale/app/models/pos_order_line";
import { patch } from "@web/core/utils/patch";

patch(PosOrderline.prototype, {
    /** Where a ticket for several places admits; nothing for a ticket for one. */
    get scenicPartsText() {
        return (this.isScenicTicket && this.product_id.product_tmpl_id.scenic_parts) || "";
    },
});

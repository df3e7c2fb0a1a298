import { PosOrderline } from "@point_of_sale/app/models/pos_order_line";
import { patch } from "@web/core/utils/patch";

patch(PosOrderline.prototype, {
    /** Whether the line is for a person whose document, proof or reason goes with it. */
    get hasScenicConcession() {
        return Boolean(this.scenic_proof_note || this.scenic_choice_reason);
    },

    canBeMergedWith(orderline) {
        return (
            !this.hasScenicConcession &&
            !orderline.hasScenicConcession &&
            super.canBeMergedWith(...arguments)
        );
    },

    /** Whether the server has something to judge before money is taken. */
    get canBeScenicConcession() {
        return Boolean(
            this.isScenicTicket &&
            this.qty > 0 &&
            !this.refunded_orderline_id &&
            (this.product_id.product_tmpl_id.scenic_is_concession ||
                this.getScenicVisitors().length)
        );
    },

    /** What pos.config.scenic_review asks of a line. */
    getScenicChoice() {
        return {
            uuid: this.uuid,
            product_id: this.product_id.id,
            qty: this.qty,
            visit_date: this.scenic_visit_date?.toISODate() || false,
            price: this.price_unit * (1 - (this.discount || 0) / 100),
            pricelist_id: this.order_id.pricelist_id?.id || false,
            visitors: this.getScenicVisitors(),
            proof_checked: Boolean(this.scenic_proof_checked),
            reason: this.scenic_choice_reason || "",
        };
    },
});

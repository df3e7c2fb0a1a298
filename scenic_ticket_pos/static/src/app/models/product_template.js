import { ProductTemplate } from "@point_of_sale/app/models/product_template";
import { patch } from "@web/core/utils/patch";

patch(ProductTemplate.prototype, {
    /** Whether the ticket is for one day of visit; see product.template._pos_is_dated. */
    get isScenicDated() {
        return (
            this.service_tracking === "scenic_ticket" &&
            ["visit_date", "fixed_date"].includes(this.scenic_validity_rule_id?.mode)
        );
    },
});

import { ProductTemplate } from "@point_of_sale/app/models/product_template";
import { decidingPrices, visitPrice } from "@scenic_ticket_pos/app/utils/visit_prices";
import { patch } from "@web/core/utils/patch";

patch(ProductTemplate.prototype, {
    /** The window loads the rules of today only; a later day costs what the server says. */
    getPrice(pricelist, quantity, priceExtra = 0) {
        const price = visitPrice(decidingPrices(), pricelist, quantity);
        return price === undefined ? super.getPrice(...arguments) : price + priceExtra;
    },
});

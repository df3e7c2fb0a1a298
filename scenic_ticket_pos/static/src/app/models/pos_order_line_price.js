import { PosOrderline } from "@point_of_sale/app/models/pos_order_line";
import { pricedBy } from "@scenic_ticket_pos/app/utils/visit_prices";
import { patch } from "@web/core/utils/patch";

patch(PosOrderline.prototype, {
    /** Prices of the day of the visit, kept with the line; null: those of today hold. */
    get scenicPrices() {
        return this.uiState.scenicPrices || null;
    },

    setScenicPrices(prices) {
        this.uiState.scenicPrices = prices;
        this.repriceScenic();
    },

    /** Take the price anew, unless the cashier has set one. */
    repriceScenic() {
        if (
            !this.isScenicTicket ||
            this.price_type !== "original" ||
            this.refunded_orderline_id ||
            this.combo_parent_id
        ) {
            return;
        }
        const product = this.product_id;
        const price = pricedBy(this.scenicPrices, () =>
            product.getPrice(
                this.order_id.pricelist_id,
                this.getQuantity(),
                this.getPriceExtra(),
                false,
                product
            )
        );
        this.setUnitPrice(price);
    },

    setQuantity() {
        return pricedBy(this.scenicPrices, () => super.setQuantity(...arguments));
    },

    canBeMergedWith() {
        return pricedBy(this.scenicPrices, () => super.canBeMergedWith(...arguments));
    },
});

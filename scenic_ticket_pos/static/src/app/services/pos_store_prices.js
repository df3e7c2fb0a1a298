import { markRaw } from "@odoo/owl";
import { PosStore } from "@point_of_sale/app/services/pos_store";
// what is patched here once more
import "@scenic_ticket_pos/app/services/pos_store_visit";
import { visitPrice } from "@scenic_ticket_pos/app/utils/visit_prices";
import { formatCurrency } from "@web/core/currency";
import { ConnectionLostError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

patch(PosStore.prototype, {
    async addLineToOrder(vals) {
        const line = await super.addLineToOrder(...arguments);
        if (line?.order_id && line.scenic_visit_date && !("price_unit" in vals)) {
            await this.applyScenicPrices([line]);
        }
        return line;
    },

    async _askScenicPlaces(product) {
        const answer = await super._askScenicPlaces(...arguments);
        for (const { date, prices } of answer.days) {
            this._keepScenicPrices(product, date, prices);
        }
        return answer;
    },

    _keepScenicPrices(product, date, prices) {
        this.scenicPrices ??= markRaw(new Map());
        this.scenicPrices.set(`${product.id}/${date}`, prices);
    },

    /** Prices that the server told for a day; undefined: it was not asked. */
    getScenicPrices(product, date) {
        return this.scenicPrices?.get(`${product.id}/${date}`);
    },

    /**
     * Let lines cost what they do on the day of their visit. Without a connection they cost what
     * the window knows; the sale decides.
     *
     * @param {Object} [options]
     * @param {boolean} [options.fresh] ask the server even for prices that are known
     */
    async applyScenicPrices(lines, { fresh = false } = {}) {
        const dateOf = (line) => line.scenic_visit_date?.toISODate() || false;
        const unknown = lines.filter(
            (line) => fresh || !this.getScenicPrices(line.product_id, dateOf(line))
        );
        if (unknown.length) {
            try {
                const answer = await this.data.call("pos.config", "scenic_prices", [
                    [this.config.id],
                    unknown.map((line) => [line.product_id.id, dateOf(line)]),
                ]);
                unknown.forEach((line, index) =>
                    this._keepScenicPrices(line.product_id, dateOf(line), answer[index])
                );
            } catch (error) {
                if (!(error instanceof ConnectionLostError)) {
                    throw error;
                }
            }
        }
        for (const line of lines) {
            line.setScenicPrices(this.getScenicPrices(line.product_id, dateOf(line)) || null);
        }
    },

    /** What one of so many persons pays on a day, as shown on a product; "": nobody knows. */
    getScenicPriceText(product, date, persons, pricelist) {
        const price = visitPrice(this.getScenicPrices(product, date), pricelist, persons);
        if (price === undefined) {
            return "";
        }
        const { total_included, total_excluded } = product.getTaxDetails({
            overridedValues: { price, fiscalPosition: this.getOrder()?.fiscal_position_id },
        });
        const shown = this.config.iface_tax_included === "total" ? total_included : total_excluded;
        return formatCurrency(shown, this.currency.id);
    },
});

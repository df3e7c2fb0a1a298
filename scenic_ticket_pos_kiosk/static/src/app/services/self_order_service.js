import { makeAwaitable } from "@point_of_sale/app/utils/make_awaitable_dialog";
import { SelfOrder } from "@pos_self_order/app/services/self_order_service";
import { VisitPicker } from "@scenic_ticket_pos/app/components/visit_picker/visit_picker";
import {
    STRIP_DAYS,
    canTakeAtOnce,
    isSameVisit,
    slotText,
} from "@scenic_ticket_pos/app/utils/visit_places";
import { isScenicRefusal } from "@scenic_ticket_pos_kiosk/app/utils/refusal";
import { visitPrice } from "@scenic_ticket_pos/app/utils/visit_prices";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { deserializeDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { rpc } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

patch(SelfOrder.prototype, {
    /** A ticket for a day of visit is for today, unless the visitor has to choose. */
    async addToCart(productTemplate) {
        if (!productTemplate.isScenicDated) {
            return super.addToCart(...arguments);
        }
        const visit = await this.chooseScenicVisit(productTemplate.product_variant_ids[0]);
        if (!visit) {
            return;
        }
        await super.addToCart(...arguments);
        const line = this.currentOrder.lines.find(
            (l) => l.product_id.product_tmpl_id === productTemplate && !l.scenic_visit_date
        );
        this.setScenicVisit(line, visit);
    },

    /** Another day has another price, and joins the line of the same visit. */
    setScenicVisit(line, { values, prices }) {
        line.update(values);
        line.setScenicPrices(prices);
        this.mergeScenicLine(line);
    },

    mergeScenicLine(line) {
        const same = this.currentOrder.lines.find(
            (l) => l !== line && isSameVisit(l, line) && l.canBeMergedWith(line)
        );
        if (same) {
            same.setQuantity(same.qty + line.qty);
            this.removeLine(line);
        }
    },

    async getScenicPlaces(product, from = null) {
        const answer = await rpc("/scenic/kiosk/places", {
            access_token: this.access_token,
            product_id: product.id,
            date_from: from,
            days: STRIP_DAYS,
        });
        const slots = this.models["scenic.slot"];
        this.models.connectNewData({
            "scenic.slot": answer["scenic.slot"].filter(({ id }) => !slots.get(id)),
        });
        return answer;
    },

    /**
     * @param {Object} [line] order line that is moved to another day: always ask
     * @returns {Promise<Object|null>} values of the order line and the prices of that day; null:
     *     none was chosen
     */
    async chooseScenicVisit(product, line) {
        const slots = this.models["scenic.slot"];
        let places;
        // a second touch would be another person
        this.rpcLoading = true;
        try {
            places = await this.getScenicPlaces(product);
        } catch (error) {
            this.handleErrorNotification(error);
            return null;
        } finally {
            this.rpcLoading = false;
        }
        const { days, today } = places;
        const { mode } = product.product_tmpl_id.scenic_validity_rule_id;
        const known = new Map(days.map((day) => [day.date, day.prices]));
        const visit = (date, slotId) => ({
            prices: known.get(date),
            values: {
                scenic_visit_date: deserializeDate(date),
                scenic_slot_id: slotId ? slots.get(slotId) : false,
            },
        });
        const first = mode === "fixed_date" ? days[0].date : today;
        if (!line && canTakeAtOnce(days, first)) {
            return visit(first);
        }
        const choice = await makeAwaitable(this.dialog, VisitPicker, {
            title: product.display_name,
            persons: line?.qty || 1,
            current: {
                date: line?.scenic_visit_date?.toISODate(),
                slotId: line?.scenic_slot_id?.id,
            },
            places,
            offlineDay: null,
            load: async (from) => {
                const more = await this.getScenicPlaces(product, from);
                more.days.forEach((day) => known.set(day.date, day.prices));
                return more;
            },
            slotText: (id) => slotText(slots.get(id)),
            priceText: (date) => this.getScenicPriceText(product, known.get(date), line?.qty),
        });
        return choice ? visit(choice.date, choice.slotId) : null;
    },

    /** What one of so many persons pays. */
    getScenicPriceText(product, prices, persons = 1) {
        const pricelist = this.currentOrder.pricelist_id;
        const price = visitPrice(prices, pricelist, persons);
        if (price === undefined) {
            return "";
        }
        const { total_included, total_excluded } = product.getTaxDetails({
            overridedValues: { price, fiscalPosition: this.currentOrder.fiscal_position_id },
        });
        return this.formatMonetary(this.isTaxesIncludedInPrice() ? total_included : total_excluded);
    },

    async changeScenicVisit(line) {
        const visit = await this.chooseScenicVisit(line.product_id, line);
        // the visitor may have been away for too long meanwhile
        if (visit && line.order_id) {
            this.setScenicVisit(line, visit);
        }
    },

    /** With nothing to pay the order is through, whatever there is to pay with. */
    async sendDraftOrderToServer() {
        const order = await super.sendDraftOrderToServer(...arguments);
        if (order?.state !== "paid" || !order.lines.some((line) => line.isScenicTicket)) {
            return order;
        }
        this.confirmationPage("order", this.config.self_ordering_mode, order.access_token);
        return false;
    },

    /** A telephone that has paid stays on the page that says so: the kiosk is not its. */
    getOnlinePaymentUrl() {
        const url = new URL(super.getOnlinePaymentUrl(...arguments));
        if (this.config.self_ordering_mode === "kiosk") {
            url.searchParams.delete("exit_route");
        }
        return url.href;
    },

    /** The reasons of the server are sentences for who stands here. */
    handleErrorNotification(error) {
        if (!isScenicRefusal(error)) {
            return super.handleErrorNotification(...arguments);
        }
        this.rpcLoading = false;
        this.dialog.add(AlertDialog, {
            title: _t("This does not work"),
            body: [error.data.message, _t("If you need help, go to the window.")].join("\n\n"),
            confirmLabel: _t("Close"),
        });
    },
});

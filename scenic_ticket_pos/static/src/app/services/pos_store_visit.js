import { markRaw } from "@odoo/owl";
import { PosStore } from "@point_of_sale/app/services/pos_store";
import { makeAwaitable } from "@point_of_sale/app/utils/make_awaitable_dialog";
import {
    REFRESH_MS,
    VisitPicker,
} from "@scenic_ticket_pos/app/components/visit_picker/visit_picker";
import {
    STRIP_DAYS,
    canTakeAtOnce,
    hasPlace,
    isSameVisit,
    slotText,
} from "@scenic_ticket_pos/app/utils/visit_places";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { deserializeDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

const { DateTime } = luxon;

patch(PosStore.prototype, {
    async addLineToOrder(vals, order, opts, configure) {
        const template =
            typeof vals.product_tmpl_id === "number"
                ? this.models["product.template"].get(vals.product_tmpl_id)
                : vals.product_tmpl_id;
        if (template?.isScenicDated && !vals.scenic_visit_date) {
            const visit = await this.chooseScenicVisit(template.product_variant_ids[0]);
            if (!visit) {
                return;
            }
            vals = { ...vals, ...visit };
        }
        return super.addLineToOrder(vals, order, opts, configure);
    },

    /**
     * @returns {string} the day a ticket is sold for if nobody chooses another: its fixed date, or
     *     today at its site
     */
    getScenicToday(template) {
        const rule = template.scenic_validity_rule_id;
        if (rule.mode === "fixed_date") {
            return rule.date_from.toISODate();
        }
        return DateTime.now()
            .setZone(template.scenic_site_id?.tz || "local")
            .toISODate();
    },

    /** The day that is sold when the server cannot be asked; null: none is. */
    _getScenicOfflineDay(template) {
        return template.scenic_limited_by === "slot" ? null : this.getScenicToday(template);
    },

    /**
     * Places left, as pos.config.scenic_places tells them.
     *
     * @param {Object} options
     * @param {string|null} [options.from] first day; null: today
     * @param {boolean} [options.fresh] ask even if the last answer is young
     */
    getScenicPlaces(product, { from = null, days = STRIP_DAYS, fresh = false } = {}) {
        this.scenicAnswers ??= markRaw(new Map());
        const key = `${product.id}/${from}/${days}`;
        const known = this.scenicAnswers.get(key);
        if (!fresh && known && Date.now() - known.askedAt < REFRESH_MS) {
            return known.answer;
        }
        const answer = this._askScenicPlaces(product, from, days);
        this.scenicAnswers.set(key, { askedAt: Date.now(), answer });
        answer.catch(() => this.scenicAnswers.delete(key));
        return answer;
    },

    async _askScenicPlaces(product, from, days) {
        const answer = await this.data.call("pos.config", "scenic_places", [
            [this.config.id],
            product.id,
            from,
            days,
        ]);
        const slots = this.models["scenic.slot"];
        const news = answer["scenic.slot"].filter(
            ({ id, write_date }) => slots.get(id)?.raw.write_date !== write_date
        );
        this.models.loadConnectedData({ "scenic.slot": news });
        return answer;
    },

    /**
     * The visit of a ticket that was touched: today at once if it can be, else as chosen.
     *
     * @returns {Promise<Object|null>} values of the order line; null: none was chosen
     */
    async chooseScenicVisit(product) {
        const template = product.product_tmpl_id;
        try {
            const { days, today } = await this.getScenicPlaces(product);
            const isFixed = template.scenic_validity_rule_id.mode === "fixed_date";
            const date = isFixed ? this.getScenicToday(template) : today;
            if (canTakeAtOnce(days, date)) {
                return { scenic_visit_date: deserializeDate(date) };
            }
        } catch (error) {
            if (!(error instanceof ConnectionLostError)) {
                throw error;
            }
            const day = this._getScenicOfflineDay(template);
            if (day) {
                return { scenic_visit_date: deserializeDate(day) };
            }
            this._sayNoScenicSlots();
            return null;
        }
        return this._pickScenicVisit(product);
    },

    /** Let the cashier choose another day or slot for an order line. */
    async changeScenicVisit(line, notice) {
        const visit = await this._pickScenicVisit(line.product_id, { line, notice });
        // the order may have been paid or deleted elsewhere meanwhile
        if (visit && line.order_id && line.canChangeScenicVisit) {
            line.update(visit);
            await this.applyScenicPrices([line]);
            this.tryMergeOrderline(line.order_id, line, line.price_type !== "manual");
        }
    },

    /**
     * Look for a line of the order whose visit cannot be sold any more, and let the cashier choose
     * another one for it.
     *
     * @param {string} notice why the server refused the order
     * @returns {Promise<boolean>} whether there was such a line
     */
    async offerOtherScenicVisit(order, notice) {
        const lines = order.lines.filter((line) => line.canChangeScenicVisit);
        for (const line of lines) {
            const template = line.product_id.product_tmpl_id;
            const date = line.scenic_visit_date?.toISODate() || this.getScenicToday(template);
            const { days } = await this.getScenicPlaces(line.product_id, {
                from: date,
                days: 1,
                fresh: true,
            });
            const persons = lines
                .filter(
                    (other) =>
                        isSameVisit(line, other) &&
                        other.product_id.product_tmpl_id.scenic_site_id === template.scenic_site_id
                )
                .reduce((sum, { scenicPersons }) => sum + scenicPersons, 0);
            if (!hasPlace(days, { date, slotId: line.scenic_slot_id?.id, persons })) {
                await this.changeScenicVisit(line, notice);
                return true;
            }
        }
        return false;
    },

    async _pickScenicVisit(product, { line, notice } = {}) {
        const template = product.product_tmpl_id;
        const offlineDay = this._getScenicOfflineDay(template);
        const current = {
            date: line?.scenic_visit_date?.toISODate(),
            slotId: line?.scenic_slot_id?.id,
        };
        const shown = DateTime.fromISO(this.getScenicToday(template)).plus({
            days: STRIP_DAYS - 1,
        });
        const from = current.date > shown.toISODate() ? current.date : null;
        let places = null;
        try {
            places = await this.getScenicPlaces(product, { from, fresh: true });
        } catch (error) {
            if (!(error instanceof ConnectionLostError)) {
                throw error;
            }
            if (!offlineDay) {
                this._sayNoScenicSlots();
                return null;
            }
        }
        const slots = this.models["scenic.slot"];
        const choice = await makeAwaitable(this.dialog, VisitPicker, {
            title: product.display_name,
            persons: line?.scenicPersons || 1,
            current,
            places,
            offlineDay,
            notice,
            load: (first) => this.getScenicPlaces(product, { from: first, fresh: true }),
            slotText: (id) => slotText(slots.get(id)),
            priceText: (date) =>
                this.getScenicPriceText(
                    product,
                    date,
                    line?.qty || 1,
                    this.getOrder()?.pricelist_id
                ),
        });
        if (!choice) {
            return null;
        }
        const slot = choice.slotId ? slots.get(choice.slotId) : false;
        if (slot) {
            // an order that waits over a reload of the page keeps its hours
            this.data.synchronizeServerDataInIndexedDB({ "scenic.slot": [slot.raw] });
        }
        return { scenic_visit_date: deserializeDate(choice.date), scenic_slot_id: slot };
    },

    _sayNoScenicSlots() {
        this.dialog.add(AlertDialog, {
            title: _t("No connection"),
            body: _t(
                "Tickets for a time slot cannot be sold without the server, which knows the places left. Try again when the connection is back."
            ),
        });
    },
});

import { PosStore } from "@point_of_sale/app/services/pos_store";
import { handleRPCError } from "@point_of_sale/app/utils/error_handlers";
import { ask, makeAwaitable } from "@point_of_sale/app/utils/make_awaitable_dialog";
import { uuidv4 } from "@point_of_sale/utils";
import { CheckPopup } from "@scenic_ticket_pos/app/components/check_popup/check_popup";
import { CollectPopup } from "@scenic_ticket_pos/app/components/collect_popup/collect_popup";
import { PrintedTickets } from "@scenic_ticket_pos/app/components/ticket_stub/ticket_stub";
import { VisitPicker } from "@scenic_ticket_pos/app/components/visit_picker/visit_picker";
import { slotText } from "@scenic_ticket_pos/app/utils/visit_places";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { deserializeDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

patch(PosStore.prototype, {
    /** Whether the user hands tickets out: only then their codes are loaded. */
    get scenicServes() {
        return "pos_qr_token" in this.models["scenic.ticket"].fields;
    },

    /**
     * Ask the server on behalf of a cashier who stands before a visitor: a refusal is shown in its
     * own words, and so is a server that does not answer.
     *
     * @returns {Promise<Object|null|undefined>} null: it was refused, undefined: there was no
     *     answer; the cashier knows why
     */
    async scenicAsk(method, args) {
        try {
            return await this.data.call("pos.config", method, [[this.config.id], ...args]);
        } catch (error) {
            if (error instanceof RPCError) {
                handleRPCError(error, this.dialog);
                return null;
            }
            if (error instanceof ConnectionLostError) {
                this.dialog.add(AlertDialog, {
                    title: _t("No connection"),
                    body: _t(
                        "Tickets are looked up, collected and changed with the server, which knows whether they were used. Try again when the connection is back."
                    ),
                });
                return undefined;
            }
            throw error;
        }
    },

    /**
     * @param {string} [text] what was scanned
     * @param {Object} [options]
     * @param {boolean} [options.quietly] say nothing if there is no such order
     * @returns {Promise<boolean>} whether an order was found
     */
    async scenicCollect(text, { quietly = false } = {}) {
        let bookings = [];
        if (text) {
            try {
                bookings = await this.data.call("pos.config", "scenic_collect_find", [
                    [this.config.id],
                    text,
                ]);
            } catch (error) {
                const answered = error instanceof RPCError || error instanceof ConnectionLostError;
                if (!answered) {
                    throw error;
                }
                if (!quietly) {
                    await this.scenicAsk("scenic_collect_find", [text]);
                }
                return false;
            }
        }
        this.dialog.add(CollectPopup, { text: text || "", bookings });
        return true;
    },

    async scenicCheck(text) {
        const cases = text ? await this.scenicAsk("scenic_check", [text]) : [];
        if (cases) {
            this.dialog.add(CheckPopup, { text: text || "", cases });
        }
    },

    /** Print tickets that the server has counted, each on its own piece of paper. */
    async scenicPrint(data) {
        this.models.loadConnectedData({
            "scenic.slot": data["scenic.slot"],
            "scenic.ticket": data["scenic.ticket"],
        });
        const tickets = data.ticket_ids.map((id) => this.models["scenic.ticket"].get(id));
        const [first, ...others] = tickets.filter((ticket) => ticket.isPrintable);
        if (!first) {
            return;
        }
        const apart = Boolean(this.hardwareProxy.printer);
        await this.printer.print(
            PrintedTickets,
            { tickets: apart ? [first] : [first, ...others] },
            { ...this.printOptions, scenicTickets: apart ? others : [] }
        );
    },

    // ------------------------------------------------------------
    // Another day or slot
    // ------------------------------------------------------------

    /**
     * Let the cashier choose another day or slot for a ticket. Without a difference it is changed
     * and printed at once; with one, an order takes or pays it back.
     *
     * @returns {Promise<"changed" | "order" | null>} null: nothing was changed
     */
    async scenicChange(ticket) {
        const visit = await this._scenicPickChange(ticket);
        if (!visit) {
            return null;
        }
        const args = [ticket.id, visit.date, visit.slotId];
        const quote = await this.scenicAsk("scenic_change_quote", args);
        if (!quote) {
            return null;
        }
        const together =
            quote.tickets > 1
                ? _t("%s tickets were bought together and move together.", quote.tickets)
                : "";
        const paper =
            visit.date === ticket.visit_date
                ? _t("The code stays the same.")
                : _t("The paper of before opens nothing any more.");
        const agreed = await ask(this.dialog, {
            title: _t("Change to %s", this._scenicVisitText(visit)),
            body: [quote.text, together, paper].filter(Boolean).join("\n"),
            confirmLabel: _t("Change"),
        });
        if (!agreed) {
            return null;
        }
        if (quote.lines.length) {
            await this._scenicChangeOrder(ticket, visit, quote);
            return "order";
        }
        const data = await this.scenicAsk("scenic_change", [...args, uuidv4()]);
        if (!data) {
            return null;
        }
        await this.scenicPrint(data);
        return "changed";
    },

    _scenicVisitText({ date, slotId }) {
        const day = deserializeDate(date).toLocaleString(luxon.DateTime.DATE_SHORT);
        const slot = slotId && this.models["scenic.slot"].get(slotId);
        return slot ? `${day}, ${slotText(slot)}` : day;
    },

    async _scenicPickChange(ticket) {
        const load = (from) => this._askScenicPlaces({ id: ticket.product_id }, from, 14);
        let places;
        try {
            places = await load(null);
        } catch (error) {
            if (error instanceof RPCError || error instanceof ConnectionLostError) {
                await this.scenicAsk("scenic_places", [ticket.product_id]);
                return null;
            }
            throw error;
        }
        const slots = this.models["scenic.slot"];
        return makeAwaitable(this.dialog, VisitPicker, {
            title: ticket.product,
            persons: ticket.moving,
            current: { date: ticket.visit_date, slotId: ticket.slot_id },
            places,
            offlineDay: null,
            load,
            slotText: (id) => slotText(slots.get(id)),
        });
    },

    /** An order of its own, so that the difference is paid, or paid back, by itself. */
    async _scenicChangeOrder(ticket, visit, quote) {
        const products = this.models["product.product"];
        const missing = quote.lines
            .map(({ product_id }) => product_id)
            .filter((id) => !products.get(id));
        if (missing.length) {
            await this.loadNewProducts([["product_variant_ids", "in", missing]]);
        }
        const order = this.getEmptyOrder();
        order.is_refund = quote.difference + quote.fee < 0;
        for (const values of quote.lines) {
            this.models["pos.order.line"].create({
                ...values,
                order_id: order,
                product_id: products.get(values.product_id),
                price_type: "manual",
                tax_ids: values.tax_ids
                    .map((id) => this.models["account.tax"].get(id))
                    .filter(Boolean)
                    .map((tax) => ["link", tax]),
                scenic_visit_date: deserializeDate(visit.date),
                scenic_slot_id: visit.slotId ? this.models["scenic.slot"].get(visit.slotId) : false,
                scenic_change_ticket_id: ticket.id,
            });
        }
        order.triggerRecomputeAllPrices();
        this._scenicToPayment(order);
    },

    _scenicToPayment(order) {
        this.setOrder(order);
        order.setScreenData({ name: "PaymentScreen" });
        this.navigate("PaymentScreen", { orderUuid: order.uuid });
    },

    // ------------------------------------------------------------
    // Money back
    // ------------------------------------------------------------

    /**
     * Make the order that pays this very ticket back.
     *
     * @returns {Promise<boolean>} whether there is one, and the payment screen is shown
     */
    async scenicRefund(ticket) {
        const quote = await this.scenicAsk("scenic_ticket_refund", [ticket.id]);
        if (!quote) {
            return false;
        }
        if (quote.message) {
            this.dialog.add(AlertDialog, { title: _t("Ticket refund"), body: quote.message });
            return false;
        }
        if (
            quote.fee &&
            !(await ask(this.dialog, {
                title: _t("Refund with a fee"),
                body: quote.fee,
                confirmLabel: _t("Pay back"),
            }))
        ) {
            return false;
        }
        await this.data.loadServerOrders([["id", "=", quote.order_id]]);
        const line = this.models["pos.order.line"].get(quote.line_id);
        const order = this.getEmptyOrder();
        order.is_refund = true;
        order.pricelist_id = line.order_id.pricelist_id;
        this.models["pos.order.line"].create({
            order_id: order,
            product_id: line.product_id,
            qty: -quote.persons,
            price_unit: line.price_unit,
            discount: line.discount,
            price_type: "automatic",
            tax_ids: line.tax_ids.map((tax) => ["link", tax]),
            refunded_orderline_id: line,
            extra_tax_data: quote.extra_tax_data,
            scenic_refund_ticket_id: ticket.id,
        });
        order.refunded_order_id = line.order_id;
        order.triggerRecomputeAllPrices();
        this._scenicToPayment(order);
        return true;
    },
});

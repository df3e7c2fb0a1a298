import { PosStore } from "@point_of_sale/app/services/pos_store";
import { handleRPCError } from "@point_of_sale/app/utils/error_handlers";
import { HandOverPopup } from "@scenic_ticket_pos/app/components/hand_over_popup/hand_over_popup";
import { TicketStrip } from "@scenic_ticket_pos/app/components/ticket_stub/ticket_stub";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { deserializeDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

const { DateTime } = luxon;

// A receipt printer gets one picture per job, and Odoo shrinks a picture of more than 16384 dots
// of height: with more tickets than this their codes would become too small to read.
export const TICKETS_PER_JOB = 15;

patch(PosStore.prototype, {
    async addLineToOrder(vals, order, opts, configure) {
        const template =
            typeof vals.product_tmpl_id === "number"
                ? this.models["product.template"].get(vals.product_tmpl_id)
                : vals.product_tmpl_id;
        const visitDate = !vals.scenic_visit_date && this.getScenicVisitDate(template);
        if (visitDate) {
            vals = { ...vals, scenic_visit_date: visitDate };
        }
        return super.addLineToOrder(vals, order, opts, configure);
    },

    /**
     * @returns the day a ticket of this product is sold for: today at its site. None where the
     *     ticket is not bound to a day of visit.
     */
    getScenicVisitDate(template) {
        if (
            template?.service_tracking !== "scenic_ticket" ||
            template.scenic_validity_rule_id?.mode !== "visit_date"
        ) {
            return false;
        }
        const now = DateTime.now().setZone(template.scenic_site_id?.tz || "local");
        return deserializeDate(now.toFormat("yyyy-MM-dd"));
    },

    /**
     * Tickets are counted by the server before they are printed, never printed uncounted.
     */
    async printReceipt({ basic = false, order = this.getOrder() } = {}) {
        if (!basic && order?.finalized && order.scenicPrintableTickets.length) {
            try {
                const data = await this.data.call("pos.order", "scenic_count_ticket_print", [
                    order.id,
                ]);
                this.models.loadConnectedData(data);
            } catch (error) {
                if (!(error instanceof ConnectionLostError)) {
                    throw error;
                }
                this.dialog.add(AlertDialog, {
                    title: _t("No connection"),
                    body: _t(
                        "Tickets cannot be printed without the server, which counts every print. Try again when the connection is back."
                    ),
                });
                return false;
            }
        }
        if (
            !basic &&
            this.hardwareProxy.printer &&
            order?.scenicPrintableTickets.length > TICKETS_PER_JOB
        ) {
            return this._printReceiptAndStrips(order, () => super.printReceipt(...arguments));
        }
        return super.printReceipt(...arguments);
    },

    async _printReceiptAndStrips(order, printReceipt) {
        let result;
        order.uiState.scenicTicketsApart = true;
        try {
            result = await printReceipt();
        } finally {
            order.uiState.scenicTicketsApart = false;
        }
        const tickets = order.scenicPrintableTickets;
        for (let first = 0; result && first < tickets.length; first += TICKETS_PER_JOB) {
            result = await this.printer.print(
                TicketStrip,
                { tickets: tickets.slice(first, first + TICKETS_PER_JOB) },
                this.printOptions
            );
        }
        return result;
    },

    /** Show the cashier what he has sold, and let him hand it over. */
    async scenicHandOver() {
        let data;
        try {
            // what was sold has to be counted
            await this.syncAllOrders({ throw: true });
            data = await this.data.call("pos.session", "scenic_shift_data", [[this.session.id]]);
        } catch (error) {
            if (error instanceof RPCError) {
                handleRPCError(error, this.dialog);
            } else if (error instanceof ConnectionLostError) {
                this.dialog.add(AlertDialog, {
                    title: _t("No connection"),
                    body: _t(
                        "A shift is handed over with the server, which adds up what was sold. Try again when the connection is back."
                    ),
                });
            } else {
                throw error;
            }
            return;
        }
        this.dialog.add(HandOverPopup, { data });
    },
});

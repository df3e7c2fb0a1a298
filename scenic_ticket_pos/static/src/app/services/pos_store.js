import { PosStore } from "@point_of_sale/app/services/pos_store";
import { TicketStrip } from "@scenic_ticket_pos/app/components/ticket_stub/ticket_stub";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

// A receipt printer gets one picture per job, and Odoo shrinks a picture of more than 16384 dots
// of height: with more tickets than this their codes would become too small to read.
export const TICKETS_PER_JOB = 15;

patch(PosStore.prototype, {
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
});

import { PosStore } from "@point_of_sale/app/services/pos_store";
import { handleRPCError } from "@point_of_sale/app/utils/error_handlers";
import { HandOverPopup } from "@scenic_ticket_pos/app/components/hand_over_popup/hand_over_popup";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

patch(PosStore.prototype, {
    /**
     * Tickets are counted by the server before they are printed, never printed uncounted.
     */
    async printReceipt({ basic = false, order = this.getOrder() } = {}) {
        // what was sold without the server is counted here, see pos_store_blanks.js
        const isCounted = order?.finalized && !order.isSoldFromScenicBlanks();
        if (!basic && isCounted && order.scenicPrintableTickets.length) {
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
        return super.printReceipt(...arguments);
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

import { PosStore } from "@point_of_sale/app/services/pos_store";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

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
        return super.printReceipt(...arguments);
    },
});

import { PosStore } from "@point_of_sale/app/services/pos_store";
import { handleRPCError } from "@point_of_sale/app/utils/error_handlers";
import { PhonePopup } from "@scenic_ticket_pos/app/components/phone_popup/phone_popup";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

patch(PosStore.prototype, {
    /**
     * Show the address of the order's tickets here and on the customer display, as long as the
     * cashier leaves it open: somebody else who comes by later should not scan it.
     */
    async scenicShowOnPhone(order) {
        let page;
        try {
            page = await this.data.call("pos.order", "scenic_phone_page", [[order.id]]);
        } catch (error) {
            if (error instanceof RPCError) {
                handleRPCError(error, this.dialog);
            } else if (error instanceof ConnectionLostError) {
                this.dialog.add(AlertDialog, {
                    title: _t("No connection"),
                    body: _t(
                        "The tickets cannot be shown without the server. Try again when the connection is back, or print them."
                    ),
                });
            } else {
                throw error;
            }
            return;
        }
        order.uiState.scenicPhoneQr = page.qr;
        this.dialog.add(
            PhonePopup,
            { qr: page.qr },
            {
                onClose: () => {
                    order.uiState.scenicPhoneQr = false;
                },
            }
        );
    },
});

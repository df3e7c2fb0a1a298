import OrderPaymentValidation from "@point_of_sale/app/utils/order_payment_validation";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";

patch(OrderPaymentValidation.prototype, {
    /**
     * The server issues the tickets: without it a visitor would pay and leave with none.
     */
    async isOrderValid() {
        const hasTickets = this.order.lines.some((line) => line.isScenicTicket);
        if (hasTickets && this.pos.data.network.offline) {
            this.pos.dialog.add(AlertDialog, {
                title: _t("No connection"),
                body: _t(
                    "Tickets cannot be sold or refunded without the server. Keep the order open and take the payment when the connection is back."
                ),
            });
            return false;
        }
        return super.isOrderValid(...arguments);
    },
});

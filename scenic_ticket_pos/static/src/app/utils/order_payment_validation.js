import { handleRPCError } from "@point_of_sale/app/utils/error_handlers";
import OrderPaymentValidation from "@point_of_sale/app/utils/order_payment_validation";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

patch(OrderPaymentValidation.prototype, {
    /**
     * The server issues the tickets: without it a visitor would pay and leave with none, but for
     * those that the window was lent.
     */
    async isOrderValid() {
        const hasTickets = this.order.lines.some((line) => line.isScenicTicket);
        const hasBlanks = this.pos.sellsScenicBlanks();
        if (hasTickets && hasBlanks) {
            // now, not in the middle of the sale: an order that is on its way takes no blanks
            await this.pos.data.checkConnectivity();
        }
        if (hasTickets && hasBlanks && this.pos.data.network.offline) {
            return (
                (await super.isOrderValid(...arguments)) &&
                (await this.pos.takeScenicBlanks(this.order))
            );
        }
        if (hasTickets && this.pos.data.network.offline) {
            this.pos.dialog.add(AlertDialog, {
                title: _t("No connection"),
                body: _t(
                    "Tickets cannot be sold or refunded without the server. Keep the order open and take the payment when the connection is back."
                ),
            });
            return false;
        }
        if (!(await this.pos.askScenicVisitors(this.order))) {
            return false;
        }
        if (hasBlanks) {
            await this.pos.forgetScenicBlanks(this.order);
        }
        return super.isOrderValid(...arguments);
    },

    /**
     * When the places of a visit are gone, the cashier is told so where another one is chosen; the
     * order stays as it is.
     */
    handleValidationError(error) {
        if (error instanceof ConnectionLostError && this.order.isSoldFromScenicBlanks()) {
            // sold without the server on purpose: no warning after each sale
            this.afterOrderValidation();
            return error;
        }
        if (
            error instanceof RPCError &&
            error.exceptionName?.startsWith("odoo.addons.scenic_ticket_") &&
            this.order.lines.some((line) => line.isScenicTicket && line.qty > 0)
        ) {
            this.order.state = "draft";
            // not waited for: the screen is blocked until this returns
            this._scenicOfferOtherVisit(error);
            return error;
        }
        return super.handleValidationError(...arguments);
    },

    async _scenicOfferOtherVisit(refusal) {
        let offered = false;
        try {
            offered = await this.pos.offerOtherScenicVisit(this.order, refusal.data.message);
        } catch (error) {
            if (!(error instanceof ConnectionLostError || error instanceof RPCError)) {
                throw error;
            }
        }
        if (!offered) {
            handleRPCError(refusal, this.pos.dialog);
        }
    },
});

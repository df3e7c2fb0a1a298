import { TicketScreen } from "@point_of_sale/app/screens/ticket_screen/ticket_screen";
import { ask } from "@point_of_sale/app/utils/make_awaitable_dialog";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

patch(TicketScreen.prototype, {
    setup() {
        super.setup(...arguments);
        this.scenicQuotes = {};
    },

    /**
     * Ask the server as soon as a quantity is chosen: a ticket may have been used at a gate since
     * this window last heard of it.
     */
    _onUpdateSelectedOrderline() {
        const result = super._onUpdateSelectedOrderline(...arguments);
        const order = this.getSelectedOrder();
        const lineId = this.getSelectedOrderlineId();
        const line = order?.finalized && order.lines.find(({ id }) => id === lineId);
        if (line?.isScenicTicket) {
            this._scenicCheckRefund([this.getToRefundDetail(line)]);
        }
        return result;
    },

    async onDoRefund() {
        const order = this.getSelectedOrder();
        if (order?.lines.some((line) => line.isScenicTicket)) {
            if (this._doesOrderHaveSoleItem(order)) {
                this._prepareAutoRefundOnOrder(order);
            }
            const details = this._getRefundableDetails(order.getPartner(), order);
            if (!(await this._scenicCheckRefund(details))) {
                return;
            }
            if (!(await this._scenicConfirmFees(details))) {
                return;
            }
        }
        return super.onDoRefund(...arguments);
    },

    async addAdditionalRefundInfo(order, destinationOrder) {
        await super.addAdditionalRefundInfo(...arguments);
        for (const line of destinationOrder.lines) {
            const quote = this.scenicQuotes[line.refunded_orderline_id?.id];
            if (quote) {
                // What these tickets carry to the cent, which the unit price alone does not tell.
                line.extra_tax_data = quote.extra_tax_data;
            }
        }
        destinationOrder.triggerRecomputeAllPrices();
    },

    /**
     * @param {Object[]} details lines and quantities chosen for refund
     * @returns {Promise<boolean>} whether their tickets can be refunded; if not, the cashier
     *     was told why and the choice is taken back
     */
    async _scenicCheckRefund(details) {
        const chosen = details.filter((detail) => detail.line.isScenicTicket && detail.qty > 0);
        if (!chosen.length) {
            return true;
        }
        const quantities = Object.fromEntries(chosen.map(({ line, qty }) => [line.id, qty]));
        let quotes;
        try {
            quotes = await this.pos.data.call("pos.order", "scenic_refund_quote", [quantities]);
        } catch (error) {
            if (!(error instanceof ConnectionLostError)) {
                throw error;
            }
            this._scenicRefuse(
                chosen,
                _t("No connection"),
                _t(
                    "Tickets cannot be refunded without the server, which knows whether they were used. Try again when the connection is back."
                )
            );
            return false;
        }
        const refused = chosen.filter(
            // A quantity changed meanwhile has been asked about on its own.
            ({ line, qty }) => quotes[line.id]?.message && quantities[line.id] === qty
        );
        if (refused.length) {
            const messages = refused.map(({ line }) => quotes[line.id].message);
            this._scenicRefuse(refused, _t("Ticket refund"), messages.join("\n\n"));
            return false;
        }
        Object.assign(this.scenicQuotes, quotes);
        return true;
    },

    /** @returns {Promise<boolean>} whether the customer agrees to the fees that are kept */
    async _scenicConfirmFees(details) {
        const fees = details
            .filter(({ line, qty }) => line.isScenicTicket && qty > 0)
            .map(({ line }) => this.scenicQuotes[line.id]?.fee)
            .filter(Boolean);
        return (
            !fees.length ||
            ask(this.dialog, {
                title: _t("Refund with a fee"),
                body: fees.join("\n\n"),
                confirmLabel: _t("Pay back"),
            })
        );
    },

    _scenicRefuse(details, title, body) {
        for (const detail of details) {
            detail.qty = 0;
        }
        this.numberBuffer.reset();
        this.dialog.add(AlertDialog, { title, body });
    },
});

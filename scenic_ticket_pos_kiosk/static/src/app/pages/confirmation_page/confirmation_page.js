import { ConfirmationPage } from "@pos_self_order/app/pages/confirmation_page/confirmation_page";
import { PrintedTickets } from "@scenic_ticket_pos/app/components/ticket_stub/ticket_stub";
import { isScenicRefusal } from "@scenic_ticket_pos_kiosk/app/utils/refusal";
import { _t } from "@web/core/l10n/translation";
import { rpc } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

const PAID_STATES = ["paid", "done"];

patch(ConfirmationPage.prototype, {
    setup() {
        super.setup();
        this.state.scenicHelp = "";
        this.scenicAsked = false;
    },

    get hasScenicTickets() {
        return Boolean(this.confirmedOrder?.lines.some((line) => line.isScenicTicket));
    },

    get isScenicUnpaid() {
        return !PAID_STATES.includes(this.confirmedOrder.state);
    },

    /** Nothing is printed before the tickets are here. */
    beforePrintOrder() {
        return super.beforePrintOrder(...arguments) && !this.hasScenicTickets;
    },

    async initOrder() {
        await super.initOrder(...arguments);
        const order = this.confirmedOrder;
        if (!this.scenicAsked && order && this.hasScenicTickets) {
            this.scenicAsked = true;
            await this.askScenicTickets(order);
            order.uiState.receiptReady = true;
        }
    },

    /** The server hands the tickets out once: to a printer that is there, or not at all. */
    async askScenicTickets(order) {
        if (!PAID_STATES.includes(order.state)) {
            return;
        }
        if (!this.printer.is()) {
            this.sendToScenicWindow(order, _t("This kiosk has no printer at the moment."));
            return;
        }
        try {
            const data = await rpc("/scenic/kiosk/tickets", {
                access_token: this.selfOrder.access_token,
                order_id: order.id,
                order_access_token: order.access_token,
            });
            this.selfOrder.models.connectNewData(data);
        } catch (error) {
            this.sendToScenicWindow(
                order,
                isScenicRefusal(error) ? error.data.message : _t("The tickets could not be read.")
            );
        }
    },

    async printOrder() {
        const order = this.confirmedOrder;
        const tickets = this.canPrintReceipt() ? order.scenicPrintableTickets : [];
        await super.printOrder(...arguments);
        try {
            for (const ticket of order.nb_print ? tickets : []) {
                await this.printer.print(PrintedTickets, { tickets: [ticket] });
            }
        } catch {
            order.nb_print = 0;
        }
        if (tickets.length && !order.nb_print) {
            this.sendToScenicWindow(order, _t("Not all of your tickets were printed."));
        }
    },

    sendToScenicWindow(order, reason) {
        this.state.scenicHelp = [
            reason,
            _t("Go to the window with the order number %s.", order.pos_reference),
        ].join(" ");
    },
});

import { Component, onMounted, onWillUnmount, useRef, useState } from "@odoo/owl";
import { uuidv4 } from "@point_of_sale/utils";
import { useSelfOrder } from "@pos_self_order/app/services/self_order_service";
import { PrintedTickets } from "@scenic_ticket_pos/app/components/ticket_stub/ticket_stub";
import { isScenicRefusal } from "@scenic_ticket_pos_kiosk/app/utils/refusal";
import { browser } from "@web/core/browser/browser";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { rpc } from "@web/core/network/rpc";
import { useService } from "@web/core/utils/hooks";

// Whoever has gone leaves nothing on the screen.
const IDLE_MS = 60000;

/** Voucher or document is read, and what is due is printed. */
export class CollectPopup extends Component {
    static template = "scenic_ticket_pos_kiosk.CollectPopup";
    static components = { Dialog };
    static props = { close: Function };

    setup() {
        this.selfOrder = useSelfOrder();
        this.printer = useService("printer");
        this.input = useRef("input");
        this.state = useState({ text: "", busy: false, message: "", done: false });
        this.key = uuidv4();
        onMounted(() => {
            this.input.el.focus();
            this.waitForSomebody();
        });
        onWillUnmount(() => browser.clearTimeout(this.timer));
    }

    waitForSomebody() {
        browser.clearTimeout(this.timer);
        this.timer = browser.setTimeout(() => this.props.close(), IDLE_MS);
    }

    async onKeydown(ev) {
        this.waitForSomebody();
        if (ev.key === "Enter") {
            ev.preventDefault();
            await this.collect();
        }
    }

    async collect() {
        const text = this.state.text.trim();
        if (!text || this.state.busy) {
            return;
        }
        Object.assign(this.state, { busy: true, message: "", done: false });
        try {
            await this.printWhatIsDue(text);
        } finally {
            Object.assign(this.state, { busy: false, text: "" });
            this.waitForSomebody();
        }
    }

    async printWhatIsDue(text) {
        if (!this.printer.is()) {
            this.state.message = _t(
                "This kiosk has no printer at the moment. Show your voucher at the window."
            );
            return;
        }
        let data;
        try {
            data = await rpc("/scenic/kiosk/collect", {
                access_token: this.selfOrder.access_token,
                text,
                key: this.key,
            });
        } catch (error) {
            this.state.message = isScenicRefusal(error)
                ? error.data.message
                : _t("The order could not be read. Try again, or go to the window.");
            return;
        }
        // what was handed out is not asked for again
        this.key = uuidv4();
        const { ticket_ids, ...records } = data;
        this.selfOrder.models.connectNewData(records);
        try {
            for (const id of ticket_ids) {
                const ticket = this.selfOrder.models["scenic.ticket"].get(id);
                await this.printer.print(PrintedTickets, { tickets: [ticket] });
            }
            this.state.done = true;
        } catch {
            this.state.message = _t(
                "Not all of your tickets were printed. Show your voucher at the window."
            );
        }
    }
}

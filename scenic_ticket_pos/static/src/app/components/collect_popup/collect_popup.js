import { useState } from "@odoo/owl";
import { useAsyncLockedMethod } from "@point_of_sale/app/hooks/hooks";
import { uuidv4 } from "@point_of_sale/utils";
import { DeskPopup } from "@scenic_ticket_pos/app/components/desk_popup/desk_popup";
import { Dialog } from "@web/core/dialog/dialog";

/** Orders of the web and of agencies: what is due is printed here, once. */
export class CollectPopup extends DeskPopup {
    static template = "scenic_ticket_pos.CollectPopup";
    static components = { Dialog };
    static props = { text: String, bookings: Array, close: Function };
    static method = "scenic_collect_find";

    setup() {
        super.setup();
        // a request that got no answer is sent again under the same name
        this.keys = {};
        this.state = useState({ text: this.props.text, bookings: this.props.bookings });
        this.collect = useAsyncLockedMethod(this.collect);
        this.reprint = useAsyncLockedMethod(this.reprint);
    }

    /** On what comes next: the tickets that are due, or the text to look for. */
    focus() {
        const next = this.root.el?.querySelector(".scenic-collect") || this.input;
        next?.focus();
        if (next === this.input) {
            next?.select();
        }
    }

    found(bookings) {
        this.state.bookings = bookings;
    }

    async collect(booking) {
        this.keys[booking.id] ??= uuidv4();
        const data = await this.pos.scenicAsk("scenic_collect", [
            booking.id,
            this.keys[booking.id],
        ]);
        if (data === null) {
            // somebody else was faster, or it was cancelled: show what is so now
            await this.search();
        }
        if (!data) {
            return;
        }
        delete this.keys[booking.id];
        await this._print(data);
    }

    async reprint(booking) {
        const data = await this.pos.scenicAsk("scenic_reprint", [booking.reprint_ids]);
        if (data) {
            await this._print(data);
        }
    }

    async _print(data) {
        const index = this.state.bookings.findIndex(({ id }) => id === data.booking.id);
        if (index >= 0) {
            this.state.bookings[index] = data.booking;
        }
        this.refocus = true;
        await this.pos.scenicPrint(data);
    }
}

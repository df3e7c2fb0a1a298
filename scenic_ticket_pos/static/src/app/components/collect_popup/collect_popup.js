import { Component, onMounted, onPatched, useRef, useState } from "@odoo/owl";
import { useBarcodeReader } from "@point_of_sale/app/hooks/barcode_reader_hook";
import { useAsyncLockedMethod } from "@point_of_sale/app/hooks/hooks";
import { usePos } from "@point_of_sale/app/hooks/pos_hook";
import { uuidv4 } from "@point_of_sale/utils";
import { Dialog } from "@web/core/dialog/dialog";

/** Orders of the web and of agencies: what is due is printed here, once. */
export class CollectPopup extends Component {
    static template = "scenic_ticket_pos.CollectPopup";
    static components = { Dialog };
    static props = { text: String, bookings: Array, close: Function };

    setup() {
        this.pos = usePos();
        this.root = useRef("root");
        // a request that got no answer is sent again under the same name
        this.keys = {};
        this.state = useState({ text: this.props.text, bookings: this.props.bookings });
        this.search = useAsyncLockedMethod(this.search);
        this.collect = useAsyncLockedMethod(this.collect);
        this.reprint = useAsyncLockedMethod(this.reprint);
        useBarcodeReader({ scenicAny: this.scanned }, true);
        onMounted(() => this.focus());
        onPatched(() => {
            if (this.refocus) {
                this.refocus = false;
                this.focus();
            }
        });
    }

    /** On what comes next: the tickets that are due, or the text to look for. */
    focus() {
        const next = this.root.el?.querySelector(".scenic-collect") || this.input;
        next?.focus();
        if (next === this.input) {
            next?.select();
        }
    }

    get input() {
        return this.root.el?.querySelector("input[name=text]");
    }

    onKeydown(ev) {
        if (ev.key === "Enter") {
            ev.preventDefault();
            ev.stopPropagation();
            this.search();
        }
    }

    scanned(code) {
        this.state.text = code;
        return this.search();
    }

    async search() {
        const text = this.state.text.trim();
        if (!text) {
            return;
        }
        this.state.bookings = (await this.pos.scenicAsk("scenic_collect_find", [text])) || [];
        this.refocus = true;
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

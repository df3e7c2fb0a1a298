import { Component, onMounted, onPatched, useRef } from "@odoo/owl";
import { useBarcodeReader } from "@point_of_sale/app/hooks/barcode_reader_hook";
import { useAsyncLockedMethod } from "@point_of_sale/app/hooks/hooks";
import { usePos } from "@point_of_sale/app/hooks/pos_hook";

/**
 * A dialogue with one field for what is scanned or typed. Who extends it has `state.text`, names
 * the `method` of the window that looks for it, shows what it `found`, and says where to `focus`.
 */
export class DeskPopup extends Component {
    static method = "";

    setup() {
        this.pos = usePos();
        this.root = useRef("root");
        this.search = useAsyncLockedMethod(this.search);
        useBarcodeReader({ scenicAny: this.scanned }, true);
        onMounted(() => this.focus());
        onPatched(() => {
            if (this.refocus) {
                this.refocus = false;
                this.focus();
            }
        });
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
        this.found((await this.pos.scenicAsk(this.constructor.method, [text])) || []);
        this.refocus = true;
    }
}

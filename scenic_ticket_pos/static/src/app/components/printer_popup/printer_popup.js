import { Component, onWillStart, onWillUnmount, useState } from "@odoo/owl";
import { usePos } from "@point_of_sale/app/hooks/pos_hook";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError } from "@web/core/network/rpc";

const LOOK = 700; // milliseconds between two looks at the printer

/** How far the ticket printer is with an order; closes by itself when all tickets are out. */
export class PrinterPopup extends Component {
    static template = "scenic_ticket_pos.PrinterPopup";
    static components = { Dialog };
    static props = { order: Object, getPayload: Function, close: Function };

    setup() {
        this.pos = usePos();
        this.state = useState({ total: 0, printed: 0, open: 0, missing: 0, message: false });
        onWillStart(() => this.look());
        onWillUnmount(() => {
            this.isGone = true;
            clearTimeout(this.timer);
        });
    }

    async look() {
        await this.ask("scenic_print_state");
        if (!this.state.message && this.state.printed === this.state.total) {
            this.props.close();
        } else if (!this.isGone) {
            this.timer = setTimeout(() => this.look(), LOOK);
        }
    }

    async ask(method) {
        try {
            Object.assign(
                this.state,
                await this.pos.data.call("pos.order", method, [[this.props.order.id]])
            );
        } catch (error) {
            if (error instanceof ConnectionLostError) {
                this.state.message = _t(
                    "The server does not answer. The tickets come out as soon as the connection is back, within two minutes."
                );
            } else if (error instanceof RPCError) {
                this.state.message = error.data.message;
            } else {
                throw error;
            }
        }
    }
}

import { Component, onMounted, useRef, useState } from "@odoo/owl";
import { useAsyncLockedMethod } from "@point_of_sale/app/hooks/hooks";
import { usePos } from "@point_of_sale/app/hooks/pos_hook";
import { Dialog } from "@web/core/dialog/dialog";

/** The cashier asks and a supervisor decides, by PIN, beside each other. */
export class ExceptionPopup extends Component {
    static template = "scenic_ticket_pos.ExceptionPopup";
    static components = { Dialog };
    static props = { ticket: Object, approvers: Array, getPayload: Function, close: Function };

    setup() {
        this.pos = usePos();
        this.root = useRef("root");
        this.state = useState({
            userId: this.props.approvers[0]?.id,
            pin: "",
            reason: "",
            message: "",
        });
        this.confirm = useAsyncLockedMethod(this.confirm);
        onMounted(() => this.root.el.querySelector("[name=reason]").focus());
    }

    get isComplete() {
        const { userId, pin, reason } = this.state;
        return Boolean(userId && pin && reason.trim());
    }

    onKeydown(ev) {
        if (ev.key === "Enter" && this.isComplete) {
            ev.preventDefault();
            ev.stopPropagation();
            this.confirm();
        }
    }

    async confirm() {
        const { userId, pin, reason } = this.state;
        // whatever comes of it: a PIN never stays on a screen that the supervisor leaves
        this.state.pin = "";
        const answer = await this.pos.scenicAsk("scenic_exception", [
            this.props.ticket.id,
            Number(userId),
            pin,
            reason,
        ]);
        if (answer?.granted) {
            this.props.getPayload(true);
            this.props.close();
        } else if (answer) {
            this.state.message = answer.message;
            this.root.el.querySelector("[name=pin]").focus();
        }
    }
}

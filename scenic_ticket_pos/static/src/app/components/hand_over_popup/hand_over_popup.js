import { Component, useState } from "@odoo/owl";
import { Input } from "@point_of_sale/app/components/inputs/input/input";
import { MoneyDetailsPopup } from "@point_of_sale/app/components/popups/money_details_popup/money_details_popup";
import { useAsyncLockedMethod } from "@point_of_sale/app/hooks/hooks";
import { usePos } from "@point_of_sale/app/hooks/pos_hook";
import { handleRPCError } from "@point_of_sale/app/utils/error_handlers";
import {
    ShiftReceipt,
    ShiftSheet,
} from "@scenic_ticket_pos/app/components/shift_sheet/shift_sheet";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError } from "@web/core/network/rpc";
import { useService } from "@web/core/utils/hooks";

/** What the cashier has sold, and fields for what he has counted. */
export class HandOverPopup extends Component {
    static template = "scenic_ticket_pos.HandOverPopup";
    static components = { Dialog, Input, ShiftSheet };
    static props = { data: Object, close: Function };

    setup() {
        this.pos = usePos();
        this.dialog = useService("dialog");
        this.hardwareProxy = useService("hardware_proxy");
        this.printer = useService("printer");
        this.bills = null;
        this.state = useState({ data: this.props.data, counted: {}, remark: "" });
        this.fillIn();
        this.confirm = useAsyncLockedMethod(this.confirm);
    }

    get title() {
        return _t("Hand over shift %s", this.state.data.name);
    }

    /** Cash is counted by hand; of the rest the cashier compares the slips. */
    fillIn() {
        for (const tender of this.state.data.tenders) {
            this.state.counted[tender.method_id] ??= tender.drawer
                ? ""
                : this.env.utils.formatCurrency(tender.expected, false);
        }
    }

    isCounted(tender) {
        const text = this.state.counted[tender.method_id];
        return text !== "" && this.env.utils.isValidFloat(text);
    }

    amount(tender) {
        return this.env.utils.parseValidFloat(this.state.counted[tender.method_id]);
    }

    difference(tender) {
        return this.isCounted(tender)
            ? this.env.utils.roundCurrency(this.amount(tender) - tender.expected)
            : 0;
    }

    get needsRemark() {
        const { tenders, tolerance } = this.state.data;
        return tenders.some((tender) => Math.abs(this.difference(tender)) > tolerance);
    }

    get canConfirm() {
        return (
            this.state.data.tenders.every((tender) => this.isCounted(tender)) &&
            (!this.needsRemark || this.state.remark.trim() !== "")
        );
    }

    onKeydown(ev) {
        if (ev.key === "Enter" && ev.target.tagName === "INPUT" && this.canConfirm) {
            ev.preventDefault();
            this.confirm();
        }
    }

    openDetails(tender) {
        const action = _t("Cash control - hand-over");
        this.hardwareProxy.openCashbox(action);
        this.dialog.add(MoneyDetailsPopup, {
            moneyDetails: this.bills,
            action,
            context: "Hand-over",
            getPayload: ({ total, moneyDetails }) => {
                this.state.counted[tender.method_id] = this.env.utils.formatCurrency(total, false);
                this.bills = moneyDetails;
            },
        });
    }

    /** An amount typed by hand is no longer what the notes and coins came to. */
    forgetBills() {
        this.bills = null;
    }

    async confirm() {
        const { data, remark } = this.state;
        const counted = Object.fromEntries(
            data.tenders.map((tender) => [tender.method_id, this.amount(tender)])
        );
        const bills = Object.fromEntries(
            Object.entries(this.bills || {}).filter(([, number]) => number)
        );
        let closed;
        try {
            closed = await this.pos.data.call("pos.session", "scenic_hand_over", [
                [this.pos.session.id],
                data.id,
                counted,
                remark,
                bills,
            ]);
        } catch (error) {
            if (error instanceof ConnectionLostError) {
                this.dialog.add(AlertDialog, {
                    title: _t("No connection"),
                    body: _t(
                        "The server did not answer. Confirm again when the connection is back: a shift is handed over once, however often you confirm."
                    ),
                });
            } else if (error instanceof RPCError) {
                await this.reload();
                handleRPCError(error, this.dialog);
            } else {
                throw error;
            }
            return;
        }
        this.props.close();
        await this.print(closed);
        this.dialog.add(AlertDialog, {
            title: _t("Shift handed over"),
            body: _t(
                "Shift %s is closed. Whoever sells next takes over the cash that you have counted: let the next cashier log in.",
                closed.name
            ),
        });
    }

    /** Something was sold meanwhile, or the shift is closed already: show what is so now. */
    async reload() {
        try {
            this.state.data = await this.pos.data.call("pos.session", "scenic_shift_data", [
                [this.pos.session.id],
            ]);
            this.fillIn();
        } catch {
            this.props.close();
        }
    }

    print({ sections }) {
        return this.printer.print(
            ShiftReceipt,
            { sections, money: this.env.utils.formatCurrency },
            this.pos.printOptions
        );
    }
}

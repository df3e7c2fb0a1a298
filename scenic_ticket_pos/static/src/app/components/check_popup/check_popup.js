import { useState } from "@odoo/owl";
import { TextInputPopup } from "@point_of_sale/app/components/popups/text_input_popup/text_input_popup";
import { useAsyncLockedMethod } from "@point_of_sale/app/hooks/hooks";
import { makeAwaitable } from "@point_of_sale/app/utils/make_awaitable_dialog";
import { DeskPopup } from "@scenic_ticket_pos/app/components/desk_popup/desk_popup";
import { ExceptionPopup } from "@scenic_ticket_pos/app/components/exception_popup/exception_popup";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";

/** A ticket that somebody brings: what happened to it, and the remedy as a button. */
export class CheckPopup extends DeskPopup {
    static template = "scenic_ticket_pos.CheckPopup";
    static components = { Dialog };
    static props = { text: String, cases: Array, close: Function };
    static method = "scenic_check";

    setup() {
        super.setup();
        this.dialog = useService("dialog");
        this.state = useState({ text: this.props.text, cases: this.props.cases, id: null });
        this.showOnly();
        this.act = useAsyncLockedMethod(this.act);
    }

    get ticket() {
        return this.state.cases.find(({ id }) => id === this.state.id);
    }

    /**
     * What can be done, the remedy of the gate first; at the end what cannot, and why not: once
     * for those that share a reason.
     */
    get actions() {
        const { actions, remedy } = this.ticket;
        const labels = {
            collect: _t("Collect"),
            change: _t("Change day or slot"),
            reissue: _t("New code"),
            reprint: _t("Print again"),
            refund: _t("Refund"),
            exception: _t("Refund by exception"),
        };
        return Object.entries(labels)
            .filter(([name]) => !["collect", "exception"].includes(name) || !actions[name])
            .map(([name, label]) => ({ name, label, why: actions[name], primary: name === remedy }))
            .sort((a, b) => b.primary - a.primary || Boolean(a.why) - Boolean(b.why))
            .map((action, i, all) => ({
                ...action,
                reason: action.why !== all[i + 1]?.why && action.why,
            }));
    }

    /** Where, by what, by whom and with which document. */
    sourceText({ where, device, who, document }) {
        return [where, device, who, document].filter(Boolean).join(" · ");
    }

    showOnly() {
        this.state.id = this.state.cases.length === 1 ? this.state.cases[0].id : null;
    }

    focus() {
        const primary = this.root.el?.querySelector(".scenic-actions .btn-primary:enabled");
        (primary || this.input)?.focus();
        if (!primary) {
            this.input?.select();
        }
    }

    found(cases) {
        this.state.cases = cases;
        this.showOnly();
    }

    show(ticket) {
        this.state.id = ticket.id;
        this.refocus = true;
    }

    async act(name) {
        const ticket = this.ticket;
        switch (name) {
            case "collect":
                this.props.close();
                return this.pos.scenicCollect(ticket.booking);
            case "change":
                return this._after(await this.pos.scenicChange(ticket));
            case "reissue":
                return this._reissue(ticket);
            case "reprint":
                return this._print(await this.pos.scenicAsk("scenic_reprint", [[ticket.id]]));
            case "refund":
                return this._after((await this.pos.scenicRefund(ticket)) && "order");
            case "exception":
                return this._exception(ticket);
        }
    }

    async _reissue(ticket) {
        const reason = await makeAwaitable(this.dialog, TextInputPopup, {
            title: _t("Why does the ticket get a new code?"),
            placeholder: _t("Lost, stolen, unreadable …"),
        });
        if (reason?.trim()) {
            const args = [ticket.id, ticket.issue, reason];
            await this._print(await this.pos.scenicAsk("scenic_reissue", args));
        }
    }

    async _exception(ticket) {
        const granted = await makeAwaitable(this.dialog, ExceptionPopup, {
            ticket,
            approvers: (await this.pos.scenicAsk("scenic_approvers", [ticket.id])) || [],
        });
        if (granted) {
            await this._after((await this.pos.scenicRefund(ticket)) && "order");
        }
    }

    async _print(data) {
        if (data) {
            await this.pos.scenicPrint(data);
        }
        await this._reload();
    }

    /** An order goes on at the payment screen; else the ticket is shown as it is now. */
    async _after(result) {
        if (result === "order") {
            this.props.close();
        } else {
            await this._reload();
        }
    }

    async _reload() {
        const { id } = this.state;
        const ticket = this.ticket;
        const cases = await this.pos.scenicAsk("scenic_check", [ticket.name]);
        if (cases) {
            this.state.cases = this.state.cases.map(
                (known) => cases.find((fresh) => fresh.id === known.id) || known
            );
            this.state.id = id;
        }
        this.refocus = true;
    }
}

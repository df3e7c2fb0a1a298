import { Component, onMounted, useRef, useState } from "@odoo/owl";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";

const REFUTED = ["ELIGIBILITY_AGE", "ELIGIBILITY_HEIGHT"];

/**
 * Why the server will not sell a line as it is, and what the cashier can do about it.
 *
 * Answers `{proofSeen}`, `{reason}`, `{ask: reason}` or `{again: true}`; closed without an answer:
 * the order is to be changed.
 */
export class ConcessionReview extends Component {
    static template = "scenic_ticket_pos.ConcessionReview";
    static components = { Dialog };
    static props = {
        title: String,
        // a line of the answer of pos.config.scenic_review
        refusal: Object,
        getPayload: Function,
        close: Function,
    };

    setup() {
        this.root = useRef("root");
        this.state = useState({ reason: "" });
        onMounted(() => this.root.el.querySelector("input")?.focus());
    }

    get isRefuted() {
        return REFUTED.includes(this.props.refusal.code);
    }

    get asksProof() {
        return this.props.refusal.code === "CONCESSION_PROOF";
    }

    get isWaiting() {
        return this.isRefuted && this.props.refusal.state === "requested";
    }

    get needsReason() {
        return (
            this.props.refusal.code === "CONCESSION_REASON" || (this.isRefuted && !this.isWaiting)
        );
    }

    get wayOut() {
        if (this.isWaiting) {
            return _t("A supervisor was asked and has not decided yet.");
        }
        if (!this.isRefuted) {
            return "";
        }
        return this.props.refusal.state === "refused"
            ? _t("A supervisor has refused it. Sell another ticket, or ask again with more.")
            : _t("Sell another ticket, or ask a supervisor to accept it.");
    }

    get confirmLabel() {
        if (this.asksProof) {
            return _t("Proof Seen");
        }
        if (this.isWaiting) {
            return _t("Check Again");
        }
        return this.isRefuted ? _t("Ask a Supervisor") : _t("Keep This Ticket");
    }

    get canAct() {
        return this.asksProof || this.isWaiting || this.needsReason;
    }

    get canConfirm() {
        return !this.needsReason || Boolean(this.state.reason.trim());
    }

    onKeydown(ev) {
        if (ev.key === "Enter" && this.canConfirm) {
            ev.preventDefault();
            this.confirm();
        }
    }

    confirm() {
        const reason = this.state.reason.trim();
        if (this.asksProof) {
            this.props.getPayload({ proofSeen: true });
        } else if (this.isWaiting) {
            this.props.getPayload({ again: true });
        } else if (this.isRefuted) {
            this.props.getPayload({ ask: reason });
        } else {
            this.props.getPayload({ reason });
        }
        this.props.close();
    }
}

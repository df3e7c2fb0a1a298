import { Component, onMounted, onPatched, useRef, useState } from "@odoo/owl";
import { documentKinds, isHalfPassport } from "@scenic_ticket_pos/app/utils/visitor_names";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError } from "@web/core/network/rpc";

/**
 * The lowest lawful price for one visitor, by a document that is read or typed, or by height.
 *
 * Enter looks up, a second Enter sells what the law grants. Answers `{visitor, offer, note, reason,
 * proofSeen}`.
 */
export class ConcessionPopup extends Component {
    static template = "scenic_ticket_pos.ConcessionPopup";
    static components = { Dialog };
    static props = {
        // values of a visitor → answer of pos.config.scenic_propose
        propose: Function,
        formatPrice: Function,
        // whether a product is sold with real names; undefined: it is not sold here
        needsName: Function,
        getPayload: Function,
        close: Function,
    };

    setup() {
        this.root = useRef("root");
        this.kinds = documentKinds();
        this.state = useState({
            busy: false,
            name: "",
            doc_kind: "cn_id",
            doc_number: "",
            height: "",
            message: "",
            answer: null,
            chosen: null,
            proofSeen: false,
            reason: "",
        });
        onMounted(() => this._focus("[name=doc_number]"));
        onPatched(() => {
            if (this.focusNext) {
                this._focus(this.focusNext);
                this.focusNext = null;
            }
        });
    }

    // ------------------------------------------------------------
    // What is shown
    // ------------------------------------------------------------

    get offers() {
        const offers = this.state.answer?.offers || [];
        return offers.filter(({ product_id }) => this.props.needsName(product_id) !== undefined);
    }

    /** What the visitor may have without a further question. */
    get best() {
        return this.offers.find(({ needs_proof }) => !needs_proof);
    }

    get chosen() {
        return this.offers.find(({ product_id }) => product_id === this.state.chosen);
    }

    get ageText() {
        const { age } = this.state.answer || {};
        return Number.isInteger(age) ? _t("Age %s", age) : "";
    }

    /** A dearer ticket than the law grants needs a word. */
    get needsReason() {
        const { best, chosen } = this;
        return Boolean(best?.concession && chosen && chosen.price > best.price);
    }

    get needsName() {
        return Boolean(
            this.chosen && this.props.needsName(this.chosen.product_id) && !this.state.name.trim()
        );
    }

    get canConfirm() {
        const { chosen } = this;
        return Boolean(
            chosen &&
            !this.needsName &&
            (!chosen.needs_proof || this.state.proofSeen) &&
            (!this.needsReason || this.state.reason.trim())
        );
    }

    // ------------------------------------------------------------
    // What the cashier does
    // ------------------------------------------------------------

    /** What was looked up is no longer what stands there. */
    change() {
        Object.assign(this.state, { answer: null, chosen: null, message: "" });
    }

    async onKeydown(ev) {
        if (ev.key !== "Enter") {
            return;
        }
        ev.preventDefault();
        if (!isHalfPassport(this.state.doc_number)) {
            await this.lookUp();
        }
    }

    async lookUp() {
        const { name, doc_kind, doc_number, height } = this.state;
        const values = { name, doc_kind: doc_number ? doc_kind : "", doc_number };
        if (parseInt(height, 10)) {
            values.height_cm = parseInt(height, 10);
        }
        this.state.busy = true;
        try {
            const answer = await this.props.propose(values);
            const { visitor } = answer;
            Object.assign(this.state, { answer, proofSeen: false, reason: "" });
            Object.assign(this.state, {
                name: visitor.name,
                doc_kind: visitor.doc_kind || doc_kind,
                doc_number: visitor.doc_number,
                message: this._message(visitor),
                chosen: this.best?.product_id || null,
            });
        } catch (error) {
            if (!(error instanceof ConnectionLostError)) {
                this.props.close();
                throw error;
            }
            this.state.message = _t("No connection. Try again.");
        } finally {
            this.state.busy = false;
        }
        if (this.best) {
            this.focusNext = this.needsName ? "[name=name]" : ".scenic-offer-chosen";
        }
    }

    _message(visitor) {
        if (!["VISITOR_NAME", "DOC_EMPTY"].includes(visitor.code)) {
            return visitor.message || "";
        }
        return this.offers.length ? "" : _t("Nothing is on sale here for this visitor.");
    }

    choose(offer) {
        if (this.state.chosen === offer.product_id && this.canConfirm) {
            this.confirm();
            return;
        }
        Object.assign(this.state, { chosen: offer.product_id, proofSeen: false });
    }

    confirm() {
        const { chosen, state } = this;
        const { visitor, document } = state.answer;
        const height = visitor.height_cm;
        this.props.getPayload({
            offer: chosen,
            visitor: {
                name: state.name.trim(),
                doc_kind: visitor.doc_number ? visitor.doc_kind : "",
                doc_number: document,
                ...(height ? { height_cm: height } : {}),
            },
            proofSeen: state.proofSeen,
            note: this._note(visitor, height),
            reason: this.needsReason ? state.reason.trim() : "",
        });
        this.props.close();
    }

    /** What was shown, without its number. */
    _note(visitor, height) {
        if (this.chosen.needs_proof) {
            return this.chosen.proof;
        }
        const parts = [];
        if (visitor.doc_number) {
            const [, kind] = this.kinds.find(([key]) => key === visitor.doc_kind);
            parts.push(_t("%(kind)s …%(last)s", { kind, last: visitor.doc_number.slice(-4) }));
        }
        if (height) {
            parts.push(_t("Height %s cm", height));
        }
        return parts.join(", ");
    }

    _focus(selector) {
        this.root.el.querySelector(selector)?.focus();
    }
}

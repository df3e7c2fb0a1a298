import { Component, onMounted, useEffect, useRef, useState } from "@odoo/owl";
import { documentKinds, isHalfPassport } from "@scenic_ticket_pos/app/utils/visitor_names";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError } from "@web/core/network/rpc";

/**
 * Name and document of each person, typed or from a reader at the keyboard.
 *
 * Enter checks a person and goes on to the next one. Answers the persons, all of them checked.
 */
export class VisitorNames extends Component {
    static template = "scenic_ticket_pos.VisitorNames";
    static components = { Dialog };
    static props = {
        // {title, visitor} of each person; visitor: what is known, or null
        persons: Array,
        check: Function,
        getPayload: Function,
        close: Function,
    };

    setup() {
        this.root = useRef("root");
        this.kinds = documentKinds();
        this.state = useState({
            busy: false,
            rows: this.props.persons.map(({ title, visitor }, index) => ({
                index,
                title,
                name: "",
                doc_kind: "cn_id",
                doc_number: "",
                message: "",
                checked: Boolean(visitor),
                ...visitor,
            })),
        });
        this.isButtonNext = false;
        onMounted(() => this._focusFirstOpen());
        // a button that is still disabled takes no focus
        useEffect(() => this._focusButton());
    }

    get isComplete() {
        return this.state.rows.every((row) => row.checked);
    }

    /** What was checked is no longer what stands there. */
    change(row) {
        Object.assign(row, { checked: false, message: "" });
    }

    async onKeydown(ev, row) {
        if (ev.key !== "Enter") {
            return;
        }
        ev.preventDefault();
        if (isHalfPassport(row.doc_number)) {
            return;
        }
        if (await this.checkRow(row)) {
            this._focusFirstOpen();
        } else if (row.code === "VISITOR_NAME") {
            this._focus(row, "name");
        }
    }

    /** @returns {Promise<boolean>} whether the sale will take this person */
    async checkRow(row) {
        const { name, doc_kind, doc_number } = row;
        this.state.busy = true;
        try {
            const found = await this.props.check({ name, doc_kind, doc_number });
            // whoever typed on meanwhile is judged by the next Enter
            if (row.name === name && row.doc_kind === doc_kind && row.doc_number === doc_number) {
                Object.assign(row, found, {
                    checked: !found.message,
                    message: found.message || "",
                });
            }
        } catch (error) {
            if (!(error instanceof ConnectionLostError)) {
                throw error;
            }
            row.message = _t("No connection. Try again.");
        } finally {
            this.state.busy = false;
        }
        return row.checked;
    }

    async confirm() {
        for (const row of this.state.rows) {
            if (!row.checked && !(await this.checkRow(row))) {
                this._focus(row, row.code === "VISITOR_NAME" ? "name" : "doc_number");
                return;
            }
        }
        this.props.getPayload(
            this.state.rows.map(({ name, doc_kind, doc_number }) => ({
                name,
                doc_kind,
                doc_number,
            }))
        );
        this.props.close();
    }

    _focusFirstOpen() {
        const row = this.state.rows.find(({ checked }) => !checked);
        if (row) {
            this._focus(row, "doc_number");
        } else {
            this.isButtonNext = true;
        }
    }

    _focusButton() {
        if (this.isButtonNext && !this.state.busy) {
            this.isButtonNext = false;
            this.root.el.closest(".modal").querySelector(".modal-footer .btn-primary").focus();
        }
    }

    _focus(row, field) {
        this.root.el.querySelector(`[data-row="${row.index}"] [name=${field}]`)?.focus();
    }
}

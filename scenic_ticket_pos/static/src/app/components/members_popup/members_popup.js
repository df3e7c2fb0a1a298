import { Component, onMounted, onPatched, useRef, useState } from "@odoo/owl";
import { handleRPCError } from "@point_of_sale/app/utils/error_handlers";
import { useService } from "@web/core/utils/hooks";
import { Dialog } from "@web/core/dialog/dialog";
import { formatDate, deserializeDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError } from "@web/core/network/rpc";

/**
 * Members: found by card, document, telephone or name, and served.
 *
 * Answers `{renew: row}` or `{replace: row, number, reason}`, which become a line of the order;
 * what costs nothing is done at once.
 */
export class MembersPopup extends Component {
    static template = "scenic_ticket_pos.MembersPopup";
    static components = { Dialog };
    static props = {
        // texts to look for when it opens
        texts: { type: Array, optional: true },
        // method of pos.config → its answer
        call: Function,
        // opens a form of the server: action, id of the card → when it is closed
        openForm: Function,
        isSupervisor: Boolean,
        maySuspend: Boolean,
        getPayload: Function,
        close: Function,
    };
    static defaultProps = { texts: [] };

    setup() {
        this.root = useRef("root");
        this.dialog = useService("dialog");
        this.state = useState({
            text: "",
            message: "",
            busy: false,
            rows: null,
            selectedId: null,
            photo: null,
            // reading a new card
            reading: false,
            number: "",
            reason: "",
            waived: false,
        });
        onMounted(() => {
            if (this.props.texts.length) {
                this._find(this.props.texts);
            }
            this._focus("[name=member]");
        });
        onPatched(() => {
            if (this.focusNext) {
                this._focus(this.focusNext);
                this.focusNext = null;
            }
        });
    }

    get selected() {
        return this.state.rows?.find(({ id }) => id === this.state.selectedId);
    }

    get costsFee() {
        return Boolean(this.selected?.fee_product_id) && !this.state.waived;
    }

    get canGive() {
        const { number, reason } = this.state;
        return Boolean(number.trim() && (!this.selected.has_card || reason.trim()));
    }

    get photoSource() {
        return this.state.photo ? `data:image/png;base64,${this.state.photo}` : "";
    }

    facts(row) {
        const day = (text) => (text ? formatDate(deserializeDate(text)) : "");
        return [
            [_t("Ticket"), row.product],
            [_t("Document"), row.document],
            [_t("Telephone"), row.telephone],
            [
                _t("Valid"),
                _t("%(first)s to %(last)s", {
                    first: day(row.date_start),
                    last: day(row.date_end),
                }),
            ],
            [
                _t("Entries left"),
                row.entries_left === null ? _t("No limit") : String(row.entries_left),
            ],
            [_t("IC card"), row.has_card ? _t("Issued") : _t("None")],
        ].filter(([, value]) => value);
    }

    // ------------------------------------------------------------
    // What the cashier does
    // ------------------------------------------------------------

    async onKeydown(ev) {
        if (ev.key === "Enter") {
            ev.preventDefault();
            await this.find();
        }
    }

    find() {
        return this._find([this.state.text.trim()]);
    }

    async _find(texts) {
        this.state.message = "";
        const found = await this._try(async () => {
            const answers = [];
            for (const text of texts.filter(Boolean)) {
                answers.push(...(await this.props.call("scenic_find_members", [text])));
            }
            return answers;
        });
        if (!found) {
            return;
        }
        const rows = [...new Map(found.map((row) => [row.id, row])).values()];
        // a document or a card that was read does not stay on the screen
        Object.assign(this.state, { rows, text: "" });
        await this.select(rows.length === 1 ? rows[0] : null);
        if (!rows.length) {
            this.state.message = _t("No member was found.");
        }
    }

    async select(row) {
        Object.assign(this.state, {
            selectedId: row?.id || null,
            message: row?.is_replaced
                ? _t("This card was replaced: it opens nothing any more.")
                : "",
            photo: null,
            reading: false,
            number: "",
            reason: "",
            waived: false,
        });
        if (row?.photo) {
            const photo = await this._try(() => this.props.call("scenic_member_photo", [row.id]));
            if (this.state.selectedId === row.id) {
                this.state.photo = photo || null;
            }
        }
    }

    renew() {
        this.props.getPayload({ renew: this.selected });
        this.props.close();
    }

    readCard() {
        this.state.reading = true;
        this.focusNext = "[name=card_number]";
    }

    onCardKeydown(ev) {
        if (ev.key !== "Enter") {
            return;
        }
        ev.preventDefault();
        if (this.canGive) {
            this.giveCard();
        } else {
            this._focus("[name=card_reason]");
        }
    }

    async giveCard() {
        const row = this.selected;
        const number = this.state.number.trim();
        const reason = this.state.reason.trim();
        if (this.costsFee) {
            this.props.getPayload({ replace: row, number, reason });
            this.props.close();
            return;
        }
        this.state.message = "";
        const fresh = await this._try(() =>
            this.props.call("scenic_give_card", [row.id, number, reason, this.state.waived])
        );
        if (fresh) {
            this._update(fresh);
            Object.assign(this.state, { reading: false, number: "", reason: "" });
            this.state.message = _t("The new card opens the lane; the old one no longer does.");
        }
    }

    async openForm(name) {
        const row = this.selected;
        await this.props.openForm(name, row.id);
        const rows = await this._try(() => this.props.call("scenic_find_members", [row.name]));
        const fresh = rows?.find(({ id }) => id === row.id);
        if (fresh) {
            this._update(fresh);
            await this.select(fresh);
        }
    }

    _update(fresh) {
        this.state.rows = this.state.rows.map((row) => (row.id === fresh.id ? fresh : row));
    }

    /** @returns the answer; undefined: the cashier was told why there is none */
    async _try(act) {
        this.state.busy = true;
        try {
            return await act();
        } catch (error) {
            if (error instanceof RPCError) {
                handleRPCError(error, this.dialog);
            } else if (error instanceof ConnectionLostError) {
                this.state.message = _t("No connection. Try again.");
            } else {
                throw error;
            }
        } finally {
            this.state.busy = false;
        }
    }

    _focus(selector) {
        this.root.el?.querySelector(selector)?.focus();
    }
}

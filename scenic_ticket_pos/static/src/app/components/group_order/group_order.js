import { Component, onMounted, onPatched, useRef, useState } from "@odoo/owl";
import { documentKinds, isHalfPassport } from "@scenic_ticket_pos/app/utils/visitor_names";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError } from "@web/core/network/rpc";
import { getDataURLFromFile } from "@web/core/utils/urls";

const PERSON = ["name", "doc_kind", "doc_number", "phone"];

function person(values = {}) {
    return {
        name: "",
        doc_kind: "cn_id",
        doc_number: "",
        phone: "",
        message: "",
        checked: false,
        ...values,
    };
}

function isEmpty(row) {
    return !row.name && !row.doc_number && !row.phone;
}

/**
 * A group: how many, who guides it, and who comes.
 *
 * The roster is pasted, read from a spreadsheet or typed; what is wrong is told row by row and
 * corrected where it stands. It may stay incomplete, but not wrong. Answers
 * `{size, guide, roster}`, guide: null if there is none.
 */
export class GroupOrder extends Component {
    static template = "scenic_ticket_pos.GroupOrder";
    static components = { Dialog };
    static props = {
        title: String,
        size: Number,
        minimum: Number,
        oneTicket: Boolean,
        // of a size: persons who enter without paying; what each of the others pays
        freePersons: Function,
        priceText: Function,
        // why a size cannot be sold, or ""
        sizeRefusal: Function,
        // persons already known
        guide: [Object, { value: null }],
        roster: Array,
        // of persons, or of {text} or {file}: the persons as the server judges them
        check: Function,
        read: Function,
        getPayload: Function,
        close: Function,
    };

    setup() {
        this.root = useRef("root");
        this.file = useRef("file");
        this.kinds = documentKinds();
        this.nextKey = 0;
        this.state = useState({
            size: String(this.props.size),
            guide: person({ ...this.props.guide, checked: Boolean(this.props.guide) }),
            rows: this.props.roster.map((row) => this._row({ ...row, checked: true })),
            text: "",
            message: "",
            busy: false,
        });
        onMounted(() => {
            const size = this.root.el.querySelector("[name=size]");
            size.focus();
            size.select();
        });
        onPatched(() => {
            const selector = this.focusNext;
            this.focusNext = null;
            if (selector) {
                this.root.el.querySelector(selector)?.focus();
            }
        });
    }

    // ------------------------------------------------------------
    // What is shown
    // ------------------------------------------------------------

    get size() {
        return /^\d+$/.test(this.state.size.trim()) ? Number(this.state.size) : 0;
    }

    get free() {
        return this.props.freePersons(this.size);
    }

    get sizeText() {
        if (!this.size) {
            return "";
        }
        const price = this.props.priceText(this.size);
        const persons = this.free
            ? _t("%(paying)s persons and %(free)s free", { paying: this.size, free: this.free })
            : _t("%s persons", this.size);
        return price ? _t("%(persons)s, %(price)s each", { persons, price }) : persons;
    }

    get ticketText() {
        return this.props.oneTicket
            ? _t("One ticket for the whole group.")
            : _t("A ticket for each person.");
    }

    get sizeRefusal() {
        if (this.size < Math.max(this.props.minimum, 1)) {
            return _t("A group is %s persons or more.", Math.max(this.props.minimum, 1));
        }
        return this.props.sizeRefusal(this.size);
    }

    get persons() {
        return this.state.rows.filter((row) => !isEmpty(row));
    }

    get hasGuide() {
        return !isEmpty(this.state.guide);
    }

    get wrong() {
        return this.persons.filter((row) => row.message);
    }

    get rosterText() {
        const named = this.persons.length + (this.hasGuide ? 1 : 0);
        return _t("Names: %(known)s of %(needed)s", {
            known: named,
            needed: this.size + this.free,
        });
    }

    get wrongText() {
        return this.wrong.length ? _t("To correct: %s", this.wrong.length) : "";
    }

    // ------------------------------------------------------------
    // What the cashier does
    // ------------------------------------------------------------

    /** What was checked is no longer what stands there. */
    change(row) {
        Object.assign(row, { checked: false, message: "" });
        this.state.message = "";
    }

    addRow() {
        const row = this._row();
        this.state.rows.push(row);
        this.focusNext = this._selector(row, "doc_number");
    }

    removeRow(row) {
        this.state.rows.splice(this.state.rows.indexOf(row), 1);
        // it may be the one that another row repeats
        this.wrong.forEach((other) => this.change(other));
    }

    removeWrong() {
        const { rows } = this.state;
        this.state.rows = rows.filter((row) => !row.message);
    }

    goToWrong() {
        const [row] = this.wrong;
        this.root.el.querySelector(this._selector(row, "doc_number"))?.focus();
    }

    readText() {
        return this._read({ text: this.state.text }, () => (this.state.text = ""));
    }

    async readFile() {
        const [file] = this.file.el.files;
        if (!file) {
            return;
        }
        const url = await getDataURLFromFile(file);
        this.file.el.value = "";
        await this._read({ file: url.slice(url.indexOf(",") + 1) });
    }

    async _read(source, done = () => {}) {
        const found = await this._ask(() => this.props.read(source));
        if (found) {
            const kept = this.state.rows.filter((row) => !isEmpty(row));
            this.state.rows = [...kept, ...found.map((row) => this._judged(this._row(), row))];
            done();
            // a document may stand in what was there before
            if (kept.length) {
                await this.checkRows();
            }
        }
    }

    /** Let the server judge all that stands there. */
    async checkRows() {
        const rows = [this.state.guide, ...this.state.rows].filter((row) => !isEmpty(row));
        if (!rows.length) {
            return true;
        }
        const sent = rows.map((row) => this._clean(row));
        const found = await this._ask(() => this.props.check(sent));
        found?.forEach((values, index) => {
            // whoever typed on meanwhile is judged by the next Enter
            if (PERSON.every((name) => rows[index][name] === sent[index][name])) {
                this._judged(rows[index], values);
            }
        });
        return Boolean(found) && rows.every((row) => row.checked);
    }

    async onKeydown(ev, row) {
        if (ev.key !== "Enter") {
            return;
        }
        ev.preventDefault();
        ev.stopPropagation();
        if (isHalfPassport(row.doc_number) || isEmpty(row)) {
            return;
        }
        await this.checkRows();
        if (!row.checked && !row.message) {
            return;
        }
        if (row.message) {
            const field = row.code === "VISITOR_NAME" ? "name" : "doc_number";
            this.focusNext = this._selector(row, field);
        } else if (this.wrong.length) {
            this.focusNext = this._selector(this.wrong[0], "doc_number");
        } else if (row !== this.state.guide && !this._openRow()) {
            this.addRow();
        }
        this.render();
    }

    onSizeKeydown(ev) {
        if (ev.key === "Enter") {
            ev.preventDefault();
            ev.stopPropagation();
            this.confirm();
        }
    }

    async confirm() {
        this.state.message = this.sizeRefusal;
        if (this.state.message || !(await this.checkRows())) {
            if (!this.state.message && this.wrong.length) {
                this.goToWrong();
            } else if (this.state.guide.message) {
                this.root.el.querySelector(this._selector(this.state.guide, "doc_number")).focus();
            }
            return;
        }
        const most = this.size + this.free;
        const named = this.persons.length + (this.hasGuide ? 1 : 0);
        if (named > most) {
            this.state.message = _t(
                "%(named)s persons are named, but the group is %(most)s. Enter a larger group or remove names.",
                { named, most }
            );
            return;
        }
        this.props.getPayload({
            size: this.size,
            guide: this.hasGuide ? this._clean(this.state.guide) : null,
            roster: this.persons.map((row) => this._clean(row)),
        });
        this.props.close();
    }

    // ------------------------------------------------------------
    // Tools
    // ------------------------------------------------------------

    _row(values) {
        return { key: this.nextKey++, ...person(values) };
    }

    /** What the server takes of a person. */
    _clean(row) {
        const values = Object.fromEntries(PERSON.map((name) => [name, row[name]]));
        return row === this.state.guide ? { ...values, role: "guide" } : values;
    }

    _judged(row, values) {
        return Object.assign(row, values, {
            doc_kind: values.doc_kind || "cn_id",
            message: values.message || "",
            checked: !values.message,
        });
    }

    _openRow() {
        const row = this.state.rows.find(isEmpty);
        this.focusNext = row && this._selector(row, "doc_number");
        return row;
    }

    _selector(row, field) {
        return row === this.state.guide
            ? `.scenic-group-guide [name=${field}]`
            : `[data-row="${row.key}"] [name=${field}]`;
    }

    /** Answer what the server says; nothing if it refuses, which is shown. */
    async _ask(question) {
        this.state.busy = true;
        this.state.message = "";
        try {
            return await question();
        } catch (error) {
            if (error instanceof ConnectionLostError) {
                this.state.message = _t("No connection. Try again.");
            } else if (error instanceof RPCError) {
                this.state.message = error.data?.message || error.message;
            } else {
                throw error;
            }
        } finally {
            this.state.busy = false;
        }
    }
}

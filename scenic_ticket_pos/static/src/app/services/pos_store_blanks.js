import { reactive } from "@odoo/owl";
import { PosStore } from "@point_of_sale/app/services/pos_store";
import { logPosMessage } from "@point_of_sale/app/utils/pretty_console_log";
import { BlankStore } from "@scenic_ticket_pos/app/utils/blank_store";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { serializeDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError } from "@web/core/network/rpc";
import { Mutex } from "@web/core/utils/concurrency";
import { patch } from "@web/core/utils/patch";

const { DateTime } = luxon;

const COLOR = "#28ffeb";
// What the server and its answers know beside the fields of a ticket.
const OWN_FIELDS = ["number", "product_id", "until", "state", "order", "line", "printed"];

patch(PosStore.prototype, {
    async setup() {
        this.scenicBlanks = reactive({ rows: [], quotas: [], ready: false });
        this.scenicBlankMutex = new Mutex();
        return super.setup(...arguments);
    },

    async afterProcessServerData() {
        await this.openScenicBlanks();
        await super.afterProcessServerData(...arguments);
        window.addEventListener("pos-network-online", () => {
            if (this._lacksScenicBlanks()) {
                this.topUpScenicBlanks();
            }
        });
        this.topUpScenicBlanks();
    },

    /** Whether this window may sell without the server, as long as it has blanks. */
    sellsScenicBlanks() {
        return this.scenicBlanks.ready;
    },

    /** Blanks that can be sold now, of one product or of all. */
    countScenicBlanks(productId = null) {
        const now = serializeDateTime(DateTime.now());
        return this.scenicBlanks.rows.filter(
            (row) =>
                row.state === "left" &&
                row.until > now &&
                (productId === null || row.product_id === productId)
        ).length;
    },

    /** Read what is on the disk, and show again the tickets of orders that were not sent yet. */
    async openScenicBlanks() {
        const mayPrint = this.data.fields["scenic.ticket"]?.includes("pos_qr_token");
        if (!this.config.scenic_blank_size || !mayPrint) {
            return;
        }
        try {
            this.scenicBlankStore = await new BlankStore(
                `scenic-blanks-${this.config.id}-${odoo.info?.db}`
            ).open();
            this.scenicBlanks.rows = await this.scenicBlankStore.all();
        } catch (error) {
            // without a disk to remember them on, no blank is sold
            logPosMessage("Store", "openScenicBlanks", "Blanks cannot be kept", COLOR, [error]);
            return;
        }
        this.scenicBlanks.ready = true;
        for (const order of this.models["pos.order"].filter((o) => o.isUnsyncedPaid)) {
            this._showScenicBlanks(
                order,
                this.scenicBlanks.rows.filter((row) => row.order === order.uuid)
            );
        }
    },

    /** Ask the server for what is missing. Without it the window goes on with what it has. */
    async topUpScenicBlanks() {
        if (!this.scenicBlanks.ready || this.data.network.offline) {
            return;
        }
        await this.scenicBlankMutex.exec(async () => {
            try {
                await this._syncScenicBlanks();
            } catch (error) {
                if (!(error instanceof ConnectionLostError || error instanceof RPCError)) {
                    throw error;
                }
                logPosMessage("Store", "topUpScenicBlanks", "No blanks were lent", COLOR, [error]);
            }
        });
    },

    _lacksScenicBlanks() {
        const { quotas, rows } = this.scenicBlanks;
        return (
            !quotas.length ||
            quotas.some(({ product_id, size }) => this.countScenicBlanks(product_id) < size) ||
            rows.some(({ state }) => state === "spoiled")
        );
    },

    async _syncScenicBlanks() {
        const rows = await this.scenicBlankStore.all();
        const answer = await this.data.call("pos.session", "scenic_sync_blanks", [
            [this.session.id],
            this.device.identifier,
            rows.map(({ id }) => id),
            rows.filter(({ state }) => state === "spoiled").map(({ id }) => id),
        ]);
        this.scenicBlanks.rows = await this.scenicBlankStore.merge(answer.blanks, answer.gone);
        this.scenicBlanks.quotas = answer.quotas;
    },

    /**
     * Take a blank for each ticket of an order, before it is paid or printed.
     *
     * @returns {Promise<boolean>} whether there were enough; if not, the cashier was told
     */
    async takeScenicBlanks(order) {
        const lines = order.lines.filter((line) => line.isScenicTicket);
        const wants = lines.map((line) => ({
            line: line.uuid,
            product: line.product_id.id,
            date: this._getScenicBlankDate(line),
            count: line.qty,
        }));
        const refused = lines.find((line) => line.qty < 0 || line.scenic_slot_id);
        const taken =
            !refused &&
            (await this.scenicBlankStore.take(
                order.uuid,
                wants,
                serializeDateTime(DateTime.now())
            ));
        this.scenicBlanks.rows = await this.scenicBlankStore.all();
        if (!taken) {
            this._sayTooFewScenicBlanks(lines, refused);
            return false;
        }
        for (const line of lines) {
            const prints = new Map(line.scenic_blanks?.map((b) => [b.number, b.prints]));
            line.scenic_blanks = taken
                .get(line.uuid)
                .map(({ number }) => ({ number, prints: prints.get(number) || 0 }));
        }
        this._showScenicBlanks(order, [...taken.values()].flat());
        return true;
    },

    /** An order that goes to the server as any other names no blanks. */
    async forgetScenicBlanks(order) {
        if (this.scenicBlanks.rows.some((row) => row.order === order.uuid)) {
            this.models["scenic.ticket"].deleteMany(order.scenicTickets, { silent: true });
            for (const line of order.lines) {
                line.scenic_blanks = false;
            }
            this.scenicBlanks.rows = await this.scenicBlankStore.release(order.uuid);
        }
    },

    _getScenicBlankDate(line) {
        const template = line.product_id.product_tmpl_id;
        if (!template.isScenicDated) {
            return null;
        }
        return line.scenic_visit_date?.toISODate() || this.getScenicToday(template);
    },

    _sayTooFewScenicBlanks(lines, refused) {
        const line =
            refused ||
            lines.find(({ product_id, qty }) => this.countScenicBlanks(product_id.id) < qty);
        let body = _t(
            "Without the server only tickets of today are sold. Remove the others, or take the payment when the connection is back."
        );
        if (refused) {
            body = _t(
                "Tickets for a time slot cannot be sold, and none can be taken back, without the server. Keep the order open and take the payment when the connection is back."
            );
        } else if (line) {
            body = _t(
                "%(product)s: %(left)s blanks are left, and %(wanted)s are wanted. Nothing is sold without a blank: sell fewer, or take the payment when the connection is back.",
                {
                    product: line.getFullProductName(),
                    left: this.countScenicBlanks(line.product_id.id),
                    wanted: line.qty,
                }
            );
        }
        this.dialog.add(AlertDialog, { title: _t("No connection"), body });
    },

    /** Let the receipt and the order list show the tickets that the blanks of an order are. */
    _showScenicBlanks(order, rows) {
        const tickets = [];
        for (const line of order.lines) {
            const prints = new Map(line.scenic_blanks?.map((b) => [b.number, b.prints]));
            for (const row of rows.filter((blank) => blank.line === line.uuid)) {
                const values = Object.entries(row).filter(([name]) => !OWN_FIELDS.includes(name));
                tickets.push({
                    ...Object.fromEntries(values),
                    state: "valid",
                    pos_order_line_id: line.id,
                    print_count: prints.get(row.number) || 0,
                });
            }
        }
        // lines do not know yet that they have them
        this.models.connectNewData({ "scenic.ticket": tickets });
    },

    /** Offline the window itself counts what it prints, before it does; the server is told. */
    async printReceipt({ basic = false, order = this.getOrder() } = {}) {
        if (!basic && order?.isSoldFromScenicBlanks()) {
            await this.scenicBlankStore.markPrinted(order.uuid);
            for (const line of order.lines.filter(({ scenic_blanks }) => scenic_blanks)) {
                line.scenic_blanks = line.scenic_blanks.map(({ number, prints }) => ({
                    number,
                    prints: prints + 1,
                }));
                for (const ticket of line.scenicTickets) {
                    ticket.print_count += 1;
                }
            }
            await this.data.synchronizeLocalDataInIndexedDB();
        }
        return super.printReceipt(...arguments);
    },

    /** Odoo takes what it tried to send for sent, even if nobody was there. */
    async syncAllOrders() {
        for (const order of this.models["pos.order"].filter((o) => o.isUnsyncedPaid)) {
            order._dirty = true;
        }
        return super.syncAllOrders(...arguments);
    },

    async postSyncAllOrders(orders) {
        await super.postSyncAllOrders(...arguments);
        const sold = orders.filter((order) => order.finalized).map(({ uuid }) => uuid);
        if (this.scenicBlanks.ready && sold.length) {
            const low = this.scenicBlanks.rows.some(({ order }) => sold.includes(order));
            this.scenicBlanks.rows = await this.scenicBlankStore.settle(sold);
            if (low) {
                this.topUpScenicBlanks();
            }
        }
    },

    removeOrder(order) {
        const isGivenUp = this.scenicBlanks.ready && !order.finalized;
        const { uuid } = order;
        const result = super.removeOrder(...arguments);
        if (isGivenUp) {
            this.scenicBlankStore.release(uuid).then((rows) => {
                this.scenicBlanks.rows = rows;
            });
        }
        return result;
    },

    /** Give back what was not sold, and tell what was spoiled: the session is about to close. */
    async returnScenicBlanks() {
        if (!this.scenicBlanks.ready) {
            return;
        }
        await this.scenicBlankMutex.exec(async () => {
            const rows = await this.scenicBlankStore.all();
            const spoiled = rows.filter(({ state, printed }) => state === "spoiled" || printed);
            await this.data.call("pos.session", "scenic_return_blanks", [
                [this.session.id],
                this.device.identifier,
                spoiled.map(({ id }) => id),
            ]);
            await this.scenicBlankStore.clear();
            this.scenicBlanks.rows = [];
        });
    },

    // ------------------------------------------------------------
    // What the cashier sees
    // ------------------------------------------------------------

    getScenicBlankText() {
        const left = this.countScenicBlanks();
        return this.data.network.offline
            ? _t("Offline: %s blanks left", left)
            : _t("%s blanks", left);
    },

    /** How many blanks of each ticket there are, of how many, and why there are less. */
    showScenicBlanks() {
        const products = new Map(this.scenicBlanks.quotas.map((q) => [q.product_id, q]));
        for (const row of this.scenicBlanks.rows) {
            if (!products.has(row.product_id)) {
                products.set(row.product_id, { product_id: row.product_id });
            }
        }
        const texts = [...products.values()].map(({ product_id, size, why }) => {
            const values = {
                product: this.models["product.product"].get(product_id)?.display_name || "",
                left: this.countScenicBlanks(product_id),
                size: size ?? this.config.scenic_blank_size,
            };
            const text = _t("%(product)s: %(left)s of %(size)s blanks are left.", values);
            return why ? `${text} ${why}` : text;
        });
        this.dialog.add(AlertDialog, {
            title: _t("Sold without the server"),
            body:
                texts.join("\n") ||
                _t("The window has no blanks: nothing can be sold without the server."),
        });
    },
});

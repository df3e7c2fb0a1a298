import { PosStore } from "@point_of_sale/app/services/pos_store";
import { handleRPCError } from "@point_of_sale/app/utils/error_handlers";
import { makeAwaitable } from "@point_of_sale/app/utils/make_awaitable_dialog";
import { ConcessionPopup } from "@scenic_ticket_pos/app/components/concession_popup/concession_popup";
import { ConcessionReview } from "@scenic_ticket_pos/app/components/concession_review/concession_review";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

patch(PosStore.prototype, {
    /** Sell one visitor what the law grants by his document. */
    async chooseScenicConcession() {
        const selected = this.getOrder()?.getSelectedOrderline();
        const like = selected?.isScenicTicket ? selected : null;
        const choice = await makeAwaitable(this.dialog, ConcessionPopup, {
            propose: (values) =>
                this.data.call("pos.config", "scenic_propose", [
                    [this.config.id],
                    values,
                    like?.product_id.id || false,
                    like?.scenic_visit_date?.toISODate() || false,
                    this.getOrder()?.pricelist_id?.id || false,
                ]),
            formatPrice: (price) => this.env.utils.formatCurrency(price),
            needsName: (id) => {
                const template = this.models["product.product"].get(id)?.product_tmpl_id;
                return template && template.scenic_real_name !== "none";
            },
        });
        if (!choice) {
            return;
        }
        const product = this.models["product.product"].get(choice.offer.product_id);
        const template = product.product_tmpl_id;
        const vals = {
            product_tmpl_id: template,
            product_id: product,
            scenic_proof_checked: choice.proofSeen,
            scenic_proof_note: choice.note,
            scenic_choice_reason: choice.reason,
        };
        if (like && template.isScenicDated && like.scenic_visit_date) {
            vals.scenic_visit_date = like.scenic_visit_date;
            vals.scenic_slot_id = like.scenic_slot_id;
        }
        const line = await this.addLineToCurrentOrder(vals, {});
        if (line && (choice.visitor.doc_number || choice.visitor.height_cm)) {
            line.uiState.scenicVisitors = [choice.visitor];
        }
    },

    /** What the law says is settled before any money is taken. */
    async pay() {
        const order = this.getOrder();
        if (order.canPay() && !(await this.reviewScenicConcessions(order))) {
            return;
        }
        return super.pay(...arguments);
    },

    /**
     * Let the cashier settle what the server would refuse of an order.
     *
     * @returns {Promise<boolean>} false: the order is to be changed first
     */
    async reviewScenicConcessions(order) {
        const lines = order.lines.filter((line) => line.canBeScenicConcession);
        if (!lines.length || this.data.network.offline) {
            return true;
        }
        for (;;) {
            let refused;
            try {
                refused = await this.data.call("pos.config", "scenic_review", [
                    [this.config.id],
                    lines.map((line) => line.getScenicChoice()),
                ]);
            } catch (error) {
                if (error instanceof ConnectionLostError) {
                    return true;
                }
                if (!(error instanceof RPCError)) {
                    throw error;
                }
                handleRPCError(error, this.dialog);
                return false;
            }
            if (!refused.length) {
                return true;
            }
            const [refusal] = refused;
            const line = lines.find(({ uuid }) => uuid === refusal.uuid);
            if (!(await this._settleScenicRefusal(order, line, refusal))) {
                return false;
            }
        }
    },

    async _settleScenicRefusal(order, line, refusal) {
        const answer = await makeAwaitable(this.dialog, ConcessionReview, {
            title: line.getFullProductName(),
            refusal,
        });
        if (!answer) {
            return false;
        }
        if (answer.proofSeen) {
            line.update({ scenic_proof_checked: true, scenic_proof_note: refusal.proof });
        } else if (answer.reason) {
            line.update({ scenic_choice_reason: answer.reason });
        } else if (answer.ask) {
            return this._askScenicConcession(order, line, answer.ask);
        }
        return true;
    },

    async _askScenicConcession(order, line, reason) {
        try {
            await this.data.call("pos.config", "scenic_ask_concession", [
                [this.config.id],
                line.getScenicChoice(),
                order.pos_reference || "",
                reason,
            ]);
        } catch (error) {
            if (error instanceof RPCError) {
                handleRPCError(error, this.dialog);
                return false;
            }
            if (!(error instanceof ConnectionLostError)) {
                throw error;
            }
            this.dialog.add(AlertDialog, {
                title: _t("No connection"),
                body: _t("A supervisor can be asked when the connection is back."),
            });
            return false;
        }
        return true;
    },

    /**
     * An order that was paid without the server and is refused by it does not wait in silence.
     */
    async syncAllOrders(options = {}) {
        const result = await super.syncAllOrders(...arguments);
        if (!options.throw && !this.data.network.offline) {
            this._reviewRefusedScenicOrder();
        }
        return result;
    },

    async _reviewRefusedScenicOrder() {
        const order = this.models["pos.order"].find(
            (known) =>
                known.state === "paid" &&
                !known.isSynced &&
                known.lines.some((line) => line.canBeScenicConcession)
        );
        if (!order || this.scenicReviewing || this.syncingOrders.has(order.id)) {
            return;
        }
        this.scenicReviewing = true;
        try {
            if (await this.reviewScenicConcessions(order)) {
                await super.syncAllOrders({ orders: [order], force: true });
            } else {
                // as Odoo does with what the server refuses
                order.state = "draft";
                this.setOrder(order);
            }
        } finally {
            this.scenicReviewing = false;
        }
    },
});

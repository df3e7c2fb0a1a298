import { toRaw } from "@odoo/owl";
import { PosStore } from "@point_of_sale/app/services/pos_store";
import { makeAwaitable } from "@point_of_sale/app/utils/make_awaitable_dialog";
import { VisitorNames } from "@scenic_ticket_pos/app/components/visitor_names/visitor_names";
import { ConnectionLostError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

patch(PosStore.prototype, {
    /** Real names are asked for before any money is taken. */
    async pay() {
        const order = this.getOrder();
        if (order.canPay() && !(await this.askScenicVisitors(order))) {
            return;
        }
        return super.pay(...arguments);
    },

    /**
     * Ask for the names that the sale wants and that are not known yet.
     *
     * @param {boolean} [again] ask for all of them, to correct one
     * @returns {Promise<boolean>} whether all are known now
     */
    async askScenicVisitors(order, again = false) {
        const needed = order.getScenicNamesNeeded();
        if (!again && !order.lacksScenicVisitors()) {
            return true;
        }
        const persons = [...needed].flatMap(([line, count]) =>
            Array.from({ length: count }, (_, index) => ({
                title: line.getFullProductName(),
                visitor: line.getScenicVisitors()[index] || null,
            }))
        );
        const visitors = await makeAwaitable(this.dialog, VisitorNames, {
            persons,
            check: (values) =>
                this.data.call("pos.config", "scenic_check_visitor", [[this.config.id], values]),
        });
        if (!visitors) {
            return false;
        }
        for (const [line, count] of needed) {
            await this.setScenicVisitors(line, visitors.splice(0, count));
        }
        return true;
    },

    /**
     * Keep who comes with a line: in the window as it is, on its disk as a text that only the
     * server can read. Without a connection they are lost when the page is loaded anew.
     */
    async setScenicVisitors(line, visitors) {
        line.uiState.scenicVisitors = visitors;
        line.uiState.scenicVisitorsSealed = null;
        if (visitors.length) {
            try {
                const [sealed] = await this.data.call("pos.config", "scenic_seal_visitors", [
                    [this.config.id],
                    [[line.uuid, visitors]],
                ]);
                if (toRaw(line.uiState.scenicVisitors) === toRaw(visitors)) {
                    line.uiState.scenicVisitorsSealed = sealed;
                }
            } catch (error) {
                if (!(error instanceof ConnectionLostError)) {
                    throw error;
                }
            }
        }
        if (line.order_id) {
            this.data.debouncedSynchronizeLocalDataInIndexedDB();
        }
    },

    /** Before what was paid without a connection is sent, its names are there again. */
    async afterProcessServerData() {
        await this._openScenicVisitors();
        return super.afterProcessServerData(...arguments);
    },

    async _openScenicVisitors() {
        const lines = this.models["pos.order.line"].filter(
            (line) => line.uiState.scenicVisitorsSealed && !line.getScenicVisitors().length
        );
        if (!lines.length) {
            return;
        }
        try {
            const answer = await this.data.call("pos.config", "scenic_open_visitors", [
                [this.config.id],
                lines.map((line) => [line.uuid, line.uiState.scenicVisitorsSealed]),
            ]);
            lines.forEach((line, index) => {
                line.uiState.scenicVisitors = answer[index] || [];
            });
        } catch (error) {
            if (!(error instanceof ConnectionLostError)) {
                throw error;
            }
        }
    },
});

import { PosStore } from "@point_of_sale/app/services/pos_store";
import { makeAwaitable } from "@point_of_sale/app/utils/make_awaitable_dialog";
import { VisitorNames } from "@scenic_ticket_pos/app/components/visitor_names/visitor_names";
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
            line.uiState.scenicVisitors = visitors.splice(0, count);
        }
        return true;
    },
});

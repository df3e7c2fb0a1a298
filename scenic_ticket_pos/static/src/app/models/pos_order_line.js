import { PosOrderline } from "@point_of_sale/app/models/pos_order_line";
import { isSameVisit, visitText } from "@scenic_ticket_pos/app/utils/visit_places";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";
import { parseFloat } from "@web/views/fields/parsers";

// One byte of the QR code counts the persons of a group ticket.
export const MAX_GROUP_PERSONS = 255;

/** Users without the right to hand out tickets do not even load the field. */
function sortByName(tickets) {
    return [...(tickets || [])].sort((a, b) => a.name.localeCompare(b.name));
}

patch(PosOrderline.prototype, {
    get isScenicTicket() {
        return this.product_id?.product_tmpl_id?.service_tracking === "scenic_ticket";
    },

    get scenicTickets() {
        return sortByName(this.scenic_ticket_ids);
    },

    get scenicRefundedTickets() {
        return sortByName(this.scenic_refunded_ticket_ids);
    },

    get scenicVisitDateText() {
        return this.isScenicTicket && this.scenic_visit_date
            ? _t("Visit date: %s", visitText(this.scenic_visit_date, this.scenic_slot_id))
            : "";
    },

    /** Who comes with these tickets, as far as they were named at this window. */
    getScenicVisitors() {
        return this.uiState.scenicVisitors || [];
    },

    /** Documents never stay on the disk of the window: after a reload they are asked for again. */
    serializeState() {
        const state = super.serializeState();
        delete state?.scenicVisitors;
        return state;
    },

    /** Until it is paid, a ticket for a day can be moved to another day or slot. */
    get canChangeScenicVisit() {
        return Boolean(
            this.product_id?.product_tmpl_id?.isScenicDated &&
            !this.refunded_orderline_id &&
            this.order_id &&
            !this.order_id.finalized
        );
    },

    canBeMergedWith(orderline) {
        return isSameVisit(this, orderline) && super.canBeMergedWith(...arguments);
    },

    setQuantity(quantity) {
        const refusal = this.isScenicTicket && this._scenicQuantityRefusal(quantity);
        return refusal || super.setQuantity(...arguments);
    },

    /**
     * @returns {{title: string, body: string} | undefined} why the quantity cannot be taken
     */
    _scenicQuantityRefusal(value) {
        const quantity = typeof value === "number" ? value : parseFloat(`${value || 0}`);
        if (quantity === 0 || quantity === this.qty) {
            return;
        }
        if (this.refunded_orderline_id) {
            // The numpad is barred by Odoo in a refund; the keyboard is not.
            return {
                title: _t("Ticket refund"),
                body: _t(
                    "The quantity of a ticket refund is chosen in the order list. Remove this line and choose it again there."
                ),
            };
        }
        if (!Number.isInteger(quantity) || quantity < 0) {
            return {
                title: _t("Whole persons only"),
                body: _t(
                    "Tickets are sold to whole persons. Enter 1 or more; to take tickets back, refund the order that sold them."
                ),
            };
        }
        const oneTicket = this.product_id.product_tmpl_id.scenic_group_codes !== "each";
        const persons = quantity + this.getScenicFreePersons(quantity);
        if (this.isScenicGroup && oneTicket && persons > MAX_GROUP_PERSONS) {
            return {
                title: _t("Group too large"),
                body: _t(
                    "One group ticket admits up to %s persons. Sell the others on a second ticket.",
                    MAX_GROUP_PERSONS
                ),
            };
        }
    },
});

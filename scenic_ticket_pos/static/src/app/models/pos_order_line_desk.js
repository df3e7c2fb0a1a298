import { PosOrderline } from "@point_of_sale/app/models/pos_order_line";
// its patch comes first: what it says holds for all lines that are no changes
import "@scenic_ticket_pos/app/models/pos_order_line";
import { visitText } from "@scenic_ticket_pos/app/utils/visit_places";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";

patch(PosOrderline.prototype, {
    /** Takes or pays back the difference of a change of day or slot: no ticket is sold. */
    get isScenicChange() {
        return Boolean(this.scenic_change_ticket_id);
    },

    get scenicTickets() {
        return this.isScenicChange
            ? [...(this.scenic_changed_ticket_ids || [])].sort((a, b) =>
                  a.name.localeCompare(b.name)
              )
            : super.scenicTickets;
    },

    get scenicVisitDateText() {
        return this.isScenicChange && this.scenic_visit_date
            ? _t("Change to: %s", visitText(this.scenic_visit_date, this.scenic_slot_id))
            : super.scenicVisitDateText;
    },

    get canChangeScenicVisit() {
        return !this.isScenicChange && super.canChangeScenicVisit;
    },

    /** Another line of the same product would change what this one stands for. */
    canBeMergedWith() {
        return (
            !this.isScenicChange &&
            !this.scenic_refund_ticket_id &&
            super.canBeMergedWith(...arguments)
        );
    },

    setQuantity(quantity) {
        const value = typeof quantity === "number" ? quantity : Number.parseFloat(quantity || 0);
        if (this.isScenicChange && value !== 0 && value !== this.qty) {
            return {
                title: _t("Change of a ticket"),
                body: _t(
                    "This line is the difference of a change. Remove it and scan the ticket again to choose another day."
                ),
            };
        }
        return super.setQuantity(...arguments);
    },
});

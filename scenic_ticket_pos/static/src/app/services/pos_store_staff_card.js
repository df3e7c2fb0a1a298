import { PosStore } from "@point_of_sale/app/services/pos_store";
import { patch } from "@web/core/utils/patch";

patch(PosStore.prototype, {
    /** Issue a card to an employee, with the form that the office uses. */
    issueScenicStaffCard() {
        return this._openScenicForm("scenic_ticket_base.scenic_staff_card_issue_action", {
            scenic_window: true,
        });
    },
});

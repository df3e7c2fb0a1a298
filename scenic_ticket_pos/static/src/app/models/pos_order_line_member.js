import { PosOrderline } from "@point_of_sale/app/models/pos_order_line";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";

patch(PosOrderline.prototype, {
    /** What the line does with a member card; nothing for other lines. */
    get scenicMemberText() {
        const card = this.scenic_membership_id?.name;
        if (!card) {
            return "";
        }
        return this.isScenicTicket ? _t("Renews card %s", card) : _t("New card for %s", card);
    },

    canBeMergedWith(orderline) {
        return (
            !this.scenic_membership_id &&
            !orderline.scenic_membership_id &&
            super.canBeMergedWith(...arguments)
        );
    },

    setQuantity(quantity) {
        if (this.scenic_membership_id && ![0, 1].includes(Number(quantity || 0))) {
            return {
                title: _t("Member card"),
                body: _t("A card is for one person. Remove the line to take it back."),
            };
        }
        return super.setQuantity(...arguments);
    },

    /** What opens a lane never stays on the disk of the window. */
    serializeState() {
        const state = super.serializeState();
        delete state?.scenicMedium;
        return state;
    },
});

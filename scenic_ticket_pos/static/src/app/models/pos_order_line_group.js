import { PosOrderline } from "@point_of_sale/app/models/pos_order_line";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";

patch(PosOrderline.prototype, {
    get isScenicGroup() {
        return (
            this.isScenicTicket && this.product_id.product_tmpl_id.scenic_ticket_kind === "group"
        );
    },

    /** Of so many who pay: persons who enter with them for nothing. */
    getScenicFreePersons(paying = this.qty) {
        const per = this.isScenicGroup && this.product_id.product_tmpl_id.scenic_guide_per;
        return per && paying > 0 ? Math.floor(paying / per) : 0;
    },

    /** Persons who need a place. */
    get scenicPersons() {
        return this.qty + this.getScenicFreePersons();
    },

    get canEditScenicGroup() {
        return Boolean(
            this.isScenicGroup &&
            !this.refunded_orderline_id &&
            this.order_id &&
            !this.order_id.finalized
        );
    },

    get scenicGuide() {
        return this.getScenicVisitors().find(({ role }) => role === "guide") || null;
    },

    get scenicRoster() {
        return this.getScenicVisitors().filter(({ role }) => role !== "guide");
    },

    get scenicGroupText() {
        const free = this.getScenicFreePersons();
        return [
            free
                ? _t("Group: %(paying)s + %(free)s free", { paying: this.qty, free })
                : _t("Group: %s", this.qty),
            this.scenicGuide ? _t("guide: %s", this.scenicGuide.name) : "",
            _t("names: %s", this.getScenicVisitors().length),
        ]
            .filter(Boolean)
            .join(" · ");
    },
});

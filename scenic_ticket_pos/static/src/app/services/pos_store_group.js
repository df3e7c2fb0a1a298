import { PosStore } from "@point_of_sale/app/services/pos_store";
import { makeAwaitable } from "@point_of_sale/app/utils/make_awaitable_dialog";
import { GroupOrder } from "@scenic_ticket_pos/app/components/group_order/group_order";
import { patch } from "@web/core/utils/patch";

patch(PosStore.prototype, {
    /** Let the cashier say how large a group is, who guides it and who comes. */
    async editScenicGroup(line) {
        const template = line.product_id.product_tmpl_id;
        const date = line.scenic_visit_date?.toISODate() || false;
        const visit = [line.product_id.id, date, line.scenic_slot_id?.id || false];
        const group = await makeAwaitable(this.dialog, GroupOrder, {
            title: line.getFullProductName(),
            size: line.qty,
            minimum: template.scenic_min_persons || 0,
            oneTicket: template.scenic_group_codes !== "each",
            freePersons: (size) => line.getScenicFreePersons(size),
            priceText: (size) =>
                this.getScenicPriceText(line.product_id, date, size, line.order_id.pricelist_id),
            sizeRefusal: (size) => line._scenicQuantityRefusal(size)?.body.toString() || "",
            guide: line.scenicGuide,
            roster: line.scenicRoster,
            check: (rows) =>
                this.data.call("pos.config", "scenic_check_roster", [
                    [this.config.id],
                    visit,
                    rows,
                ]),
            read: (source) =>
                this.data.call("pos.config", "scenic_read_roster", [
                    [this.config.id],
                    source,
                    visit,
                ]),
        });
        // the order may have been paid or deleted elsewhere meanwhile
        if (!group || !line.order_id || !line.canEditScenicGroup) {
            return;
        }
        line.setQuantity(group.size);
        const guide = group.guide ? [group.guide] : [];
        await this.setScenicVisitors(line, [...guide, ...group.roster]);
    },
});

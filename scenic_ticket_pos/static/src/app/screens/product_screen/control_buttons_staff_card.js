import { onMounted, useState } from "@odoo/owl";
import { ControlButtons } from "@point_of_sale/app/screens/product_screen/control_buttons/control_buttons";
import { user } from "@web/core/user";
import { patch } from "@web/core/utils/patch";

patch(ControlButtons.prototype, {
    setup() {
        super.setup(...arguments);
        this.scenicRights = useState({ mayIssueStaffCards: false });
        onMounted(async () => {
            this.scenicRights.mayIssueStaffCards = await user.hasGroup(
                "scenic_ticket_base.group_scenic_manager"
            );
        });
    },
});

import { onWillStart } from "@odoo/owl";
import { ControlButtons } from "@point_of_sale/app/screens/product_screen/control_buttons/control_buttons";
import { user } from "@web/core/user";
import { patch } from "@web/core/utils/patch";

patch(ControlButtons.prototype, {
    setup() {
        super.setup(...arguments);
        onWillStart(async () => {
            this.mayIssueScenicStaffCards = await user.hasGroup(
                "scenic_ticket_base.group_scenic_manager"
            );
        });
    },
});

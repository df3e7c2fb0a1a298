import { onMounted } from "@odoo/owl";
import { Navbar } from "@point_of_sale/app/components/navbar/navbar";
import { user } from "@web/core/user";
import { patch } from "@web/core/utils/patch";

patch(Navbar.prototype, {
    setup() {
        super.setup(...arguments);
        this.state.scenicIsCashier = false;
        onMounted(async () => {
            this.state.scenicIsCashier = await user.hasGroup(
                "scenic_ticket_base.group_scenic_cashier"
            );
        });
    },
});

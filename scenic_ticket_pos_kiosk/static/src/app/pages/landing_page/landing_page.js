import { LandingPage } from "@pos_self_order/app/pages/landing_page/landing_page";
import { CollectPopup } from "@scenic_ticket_pos_kiosk/app/components/collect_popup/collect_popup";
import { patch } from "@web/core/utils/patch";

patch(LandingPage.prototype, {
    collectScenicTickets() {
        this.dialog.add(CollectPopup);
    },
});

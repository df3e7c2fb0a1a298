import { ClosePosPopup } from "@point_of_sale/app/components/popups/closing_popup/closing_popup";
import { OpeningControlPopup } from "@point_of_sale/app/components/popups/opening_control_popup/opening_control_popup";
import { patch } from "@web/core/utils/patch";

patch(OpeningControlPopup.prototype, {
    async confirm() {
        await super.confirm(...arguments);
        this.pos.topUpScenicBlanks();
    },
});

patch(ClosePosPopup.prototype, {
    async closeSession() {
        // what was sold is sent before the rest is given back
        if (!(await this.pos.pushOrdersWithClosingPopup({ throw: true }))) {
            return;
        }
        await this.pos.returnScenicBlanks();
        return super.closeSession(...arguments);
    },
});

import { CustomerDisplayPosAdapter } from "@point_of_sale/app/customer_display/customer_display_adapter";
import { patch } from "@web/core/utils/patch";

patch(CustomerDisplayPosAdapter.prototype, {
    formatOrderData(order) {
        super.formatOrderData(...arguments);
        // never left out: the display keeps what it is not told anew
        this.data.scenicPhoneQr = order.uiState.scenicPhoneQr || false;
    },
});

import { PosData } from "@point_of_sale/app/services/data_service";
import { patch } from "@web/core/utils/patch";

patch(PosData.prototype, {
    /** Who was told that the connection is lost is not told again while it is. */
    async checkConnectivity() {
        const warned = this.network.warningTriggered;
        await super.checkConnectivity(...arguments);
        if (this.network.offline) {
            this.network.warningTriggered = warned;
        }
    },
});

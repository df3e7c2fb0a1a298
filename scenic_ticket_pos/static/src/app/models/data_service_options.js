import { DataServiceOptions } from "@point_of_sale/app/models/data_service_options";
import { patch } from "@web/core/utils/patch";

patch(DataServiceOptions.prototype, {
    get databaseTable() {
        return {
            ...super.databaseTable,
            // A ticket's code admits whoever shows it: it never stays on the disk of the window.
            "scenic.ticket": { key: "id", condition: () => true },
        };
    },
});

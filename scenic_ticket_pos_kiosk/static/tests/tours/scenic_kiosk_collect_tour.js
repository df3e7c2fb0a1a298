/* global posmodel */

import * as Utils from "@pos_self_order/../tests/tours/utils/common";
import { registry } from "@web/core/registry";

const POPUP = ".modal .scenic-collect";

/** What a reader at the keyboard types. */
function scan(text) {
    return {
        content: "scan",
        trigger: `${POPUP} input:enabled`,
        run: async ({ edit, press }) => {
            await edit(text());
            await press("Enter");
        },
    };
}

registry.category("web_tour.tours").add("ScenicKioskCollectTour", {
    steps: () =>
        [
            Utils.clickBtn("Collect tickets"),
            scan(() => "WEB-4712"),
            { trigger: `${POPUP} .scenic-collect-message:contains('window')` },
            scan(() => posmodel.config.receipt_header),
            { trigger: `${POPUP} .alert-success:contains('Take your tickets')`, timeout: 60000 },
            // Once.
            scan(() => posmodel.config.receipt_header),
            { trigger: `${POPUP} .scenic-collect-message:contains('collected')` },
            { trigger: ".modal-footer .btn:contains('Close')", run: "click" },
            Utils.checkBtn("Order Now"),
        ].flat(Infinity),
});

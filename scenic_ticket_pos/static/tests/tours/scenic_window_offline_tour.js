import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as Offline from "@point_of_sale/../tests/generic_helpers/offline_util";
import * as Order from "@point_of_sale/../tests/generic_helpers/order_widget_util";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import { registry } from "@web/core/registry";

const PICKER = ".modal .scenic-visit-picker";
const CHANGE = ".order-container .orderline.selected .scenic-visit-change";

registry.category("web_tour.tours").add("ScenicWindowOfflineVisitTour", {
    steps: () =>
        [
            Chrome.startPoS(),
            ProductScreen.clickDisplayedProduct("Adult Ticket", true, "1", "60.0"),
            // Tomorrow costs more: the holiday's price, on the picker and on the line.
            { trigger: CHANGE, run: "click" },
            {
                trigger: `${PICKER} .scenic-tile:contains('80'):not(:contains('Today'))`,
                run: "click",
            },
            Dialog.isNot(),
            Order.hasLine({ productName: "Adult Ticket", quantity: "1", price: "80.0" }),
            ProductScreen.clickNumpad("2"),
            Order.hasLine({ productName: "Adult Ticket", quantity: "2", price: "160.0" }),
            Offline.setOfflineMode(),
            // Without the server only today is sold, and the picker says why.
            { trigger: CHANGE, run: "click" },
            { trigger: `${PICKER} .scenic-no-connection` },
            { trigger: `${PICKER} .scenic-tile`, run: "click" },
            Dialog.isNot(),
            Order.hasLine({ productName: "Adult Ticket", quantity: "2", price: "120.0" }),
            // Nothing is sold for a time slot.
            ProductScreen.clickDisplayedProduct("Boat Ride"),
            Dialog.is({ title: "No connection" }),
            Dialog.confirm(),
            Dialog.isNot(),
            Offline.setOnlineMode(),
            ProductScreen.clickDisplayedProduct("Boat Ride"),
            { trigger: `${PICKER} .scenic-slots .scenic-tile:contains('11:00–12:00')` },
            { trigger: ".modal-header .btn-close", run: "click" },
            Dialog.isNot(),
            Chrome.endTour(),
        ].flat(Infinity),
});

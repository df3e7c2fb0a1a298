/* global posmodel */

import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as Order from "@point_of_sale/../tests/generic_helpers/order_widget_util";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";
import { registry } from "@web/core/registry";

const MODAL = ".modal:not(.o_inactive_modal)";
const REVIEW = `${MODAL} .scenic-concession-review`;
const PICKER = `${MODAL} .scenic-visit-picker`;
const NAMES = `${MODAL} .scenic-visitor-names`;
const CASH = ".product-screen .fast-pay-button:contains('Cash')";

function button(name) {
    return `${MODAL} .modal-footer button:contains('${name}')`;
}

function sold() {
    return [
        ReceiptScreen.receiptIsThere().map((step) => ({ ...step, timeout: 60000 })),
        ReceiptScreen.clickNextOrder(),
    ];
}

/** The order is open, and no money was taken. */
function isUnpaid() {
    return [
        Dialog.isNot(),
        {
            content: "no payment is left behind",
            trigger: CASH,
            run: () => {
                const order = posmodel.getOrder();
                if (order.state !== "draft" || order.payment_ids.length) {
                    throw new Error(`${order.state} with ${order.payment_ids.length} payments`);
                }
            },
        },
    ];
}

registry.category("web_tour.tours").add("ScenicWindowFastTour", {
    steps: () =>
        [
            Chrome.startPoS().map((step) => ({ ...step, timeout: 60000 })),
            // Type, quantity, pay: three taps.
            { trigger: ".product-list article.product:contains('Adult Ticket')", run: "click" },
            { trigger: ".numpad button[value='2']", run: "click" },
            { trigger: CASH, run: "click" },
            sold(),
            // Nobody has looked at the proof: asked for before the money.
            ProductScreen.clickDisplayedProduct("Reduced Ticket"),
            { trigger: CASH, run: "click" },
            { trigger: `${REVIEW}:contains('student card')` },
            { trigger: button("Change the Order"), run: "click" },
            isUnpaid(),
            { trigger: CASH, run: "click" },
            { trigger: REVIEW },
            { trigger: button("Proof Seen"), run: "click" },
            sold(),
            // One place is left for two: what the server refuses is not paid.
            ProductScreen.clickDisplayedProduct("Adult Ticket", true, "1", "60.0"),
            ProductScreen.clickNumpad("2"),
            Order.hasTotal("120.0"),
            { trigger: CASH, run: "click" },
            { trigger: `${PICKER} .alert-warning`, timeout: 60000 },
            { trigger: `${MODAL} .btn-close`, run: "click" },
            isUnpaid(),
            ProductScreen.clickNumpad("1"),
            Order.hasTotal("60.0"),
            { trigger: CASH, run: "click" },
            sold(),
            // Real names are asked for before the money, too; the order can be changed still.
            ProductScreen.clickDisplayedProduct("Hill and Cave"),
            {
                trigger: `${PICKER} .scenic-tile[aria-disabled=false]:contains('4 left')`,
                run: "click",
            },
            Dialog.isNot(),
            { trigger: CASH, run: "click" },
            { trigger: NAMES },
            { trigger: button("Discard"), run: "click" },
            isUnpaid(),
            ProductScreen.clickNumpad("3"),
            Order.hasTotal("299.97"),
            Chrome.endTour(),
        ].flat(Infinity),
});

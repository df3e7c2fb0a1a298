import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as Order from "@point_of_sale/../tests/generic_helpers/order_widget_util";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";
import { registry } from "@web/core/registry";

const PICKER = ".modal .scenic-visit-picker";
const LINE = ".order-container .orderline";
const RECEIPT = ".receipt-screen .pos-receipt";

function slot(hours, label, more = "") {
    return `${PICKER} .scenic-slots .scenic-tile${more}:contains('${hours}'):contains('${label}')`;
}

/** Nothing of the picker is cut off, and a finger meets each tile. */
function fitsTheScreen() {
    return {
        content: "the picker fits",
        trigger: PICKER,
        run: () => {
            const modal = document.querySelector(".modal-content").getBoundingClientRect();
            if (modal.right > window.innerWidth || modal.bottom > window.innerHeight) {
                throw new Error(`the picker ends at ${modal.right}, ${modal.bottom}`);
            }
            for (const tile of document.querySelectorAll(`${PICKER} button`)) {
                const { width, height } = tile.getBoundingClientRect();
                if (width < 44 || height < 44) {
                    throw new Error(`${tile.textContent} is ${width} by ${height}`);
                }
            }
        },
    };
}

registry.category("web_tour.tours").add("ScenicWindowVisitTour", {
    steps: () =>
        [
            Chrome.startPoS(),
            // A ticket without slots: three taps, no question.
            ProductScreen.clickDisplayedProduct("Adult Ticket", true, "1", "60.0"),
            { trigger: `body:not(:has(${PICKER}))` },
            // The boat goes by time slot, and not today.
            ProductScreen.clickDisplayedProduct("Boat Ride"),
            { trigger: `${PICKER} .scenic-tile[aria-disabled=true]:contains('Today')` },
            fitsTheScreen(),
            // A full slot is no choice.
            { trigger: slot("10:00–11:00", "Full", "[aria-disabled=true]"), run: "click" },
            { trigger: slot("11:00–12:00", "2 left"), run: "click" },
            Dialog.isNot(),
            { trigger: `${LINE}.selected .scenic-visit-change:contains('11:00–12:00')` },
            // By keyboard: it begins at the first slot that is free.
            ProductScreen.clickDisplayedProduct("Boat Ride"),
            { trigger: `${slot("11:00–12:00", "2 left")}:focus`, run: "press ArrowRight" },
            { trigger: `${slot("12:00–13:00", "6 left")}:focus`, run: "press Enter" },
            Dialog.isNot(),
            { trigger: `${LINE}.selected .scenic-visit-change:contains('12:00–13:00')` },
            // Another line is moved to the same slot, and joins it.
            {
                trigger: `${LINE} .scenic-visit-change:contains('11:00–12:00')`,
                run: "click",
            },
            { trigger: slot("12:00–13:00", "6 left"), run: "click" },
            Order.hasLine({ productName: "Boat Ride", quantity: "2" }),
            // And back again, with one person more than there is room for.
            { trigger: `${LINE} .scenic-visit-change:contains('12:00–13:00')`, run: "click" },
            { trigger: slot("11:00–12:00", "2 left"), run: "click" },
            Dialog.isNot(),
            { trigger: `${LINE}.selected .scenic-visit-change:contains('11:00–12:00')` },
            ProductScreen.clickNumpad("3"),
            Order.hasLine({ productName: "Boat Ride", quantity: "3" }),
            ProductScreen.clickPayButton(),
            PaymentScreen.clickPaymentMethod("Cash"),
            PaymentScreen.clickValidate(),
            // The server refuses; the order stays and what is left is offered.
            { trigger: `${PICKER} .alert-warning:contains('2')` },
            { trigger: slot("11:00–12:00", "2 left", "[aria-disabled=true]") },
            { trigger: slot("12:00–13:00", "6 left"), run: "click" },
            Dialog.isNot(),
            PaymentScreen.clickValidate(),
            ReceiptScreen.receiptIsThere(),
            {
                trigger: `${RECEIPT} .orderline:contains('Boat Ride') .scenic-visit-date:contains('12:00–13:00')`,
            },
            { trigger: `${RECEIPT} .scenic-ticket:contains('Boat Ride'):contains('12:00–13:00')` },
            Chrome.endTour(),
        ].flat(Infinity),
});

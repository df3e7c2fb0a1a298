import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as Order from "@point_of_sale/../tests/generic_helpers/order_widget_util";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";
import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("ScenicComboTour", {
    steps: () =>
        [
            Chrome.startPoS().map((step) => ({ ...step, timeout: 60000 })),
            // Three taps, one line, and what is in it.
            ProductScreen.clickDisplayedProduct("Hill and Cave", true, "1", "99.99"),
            {
                trigger:
                    ".order-container .orderline .scenic-parts:contains('Test Hill · Test Cave')",
            },
            ProductScreen.clickNumpad("3"),
            ProductScreen.selectedOrderlineHas("Hill and Cave", "3", "299.97"),
            ProductScreen.clickPayButton(),
            PaymentScreen.clickPaymentMethod("Cash", true, { amount: "299.97" }),
            PaymentScreen.clickValidate(),
            // Two places are left in the cave: the cashier is led to another day.
            {
                trigger: ".modal .scenic-visit-picker",
                timeout: 20000,
            },
            { trigger: ".modal:contains('Test Cave')" },
            { trigger: ".modal .btn-close", run: "click" },
            Dialog.isNot(),
            PaymentScreen.clickBackToProductScreen(),
            ProductScreen.clickLine("Hill and Cave", "3"),
            ProductScreen.clickNumpad("2"),
            Order.hasTotal("199.98"),
            ProductScreen.clickPayButton(),
            PaymentScreen.clickPaymentlineDelButton("Cash", "299.97"),
            PaymentScreen.clickPaymentMethod("Cash", true, { amount: "199.98" }),
            PaymentScreen.clickValidate(),
            ReceiptScreen.receiptIsThere().map((step) => ({ ...step, timeout: 60000 })),
            { trigger: ".receipt-screen .pos-receipt .scenic-parts:contains('Test Cave')" },
            Chrome.endTour(),
        ].flat(Infinity),
});

/* global ZXing */

import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";
import { registry } from "@web/core/registry";

/** Listen to what a customer display would be told. */
function openDisplay() {
    return {
        content: "a customer display listens",
        trigger: "body",
        run: () => {
            window.scenicDisplay = {};
            new BroadcastChannel("UPDATE_CUSTOMER_DISPLAY").onmessage = ({ data }) =>
                Object.assign(window.scenicDisplay, data);
        },
    };
}

function displayShows(isShown) {
    return {
        content: `the customer display ${isShown ? "shows the code" : "shows no code"}`,
        trigger: "body",
        run: async ({ waitUntil }) => {
            await waitUntil(() => Boolean(window.scenicDisplay.scenicPhoneQr) === isShown, {
                timeout: 5000,
            });
        },
    };
}

registry.category("web_tour.tours").add("ScenicWindowPhoneTour", {
    steps: () =>
        [
            Chrome.startPoS(),
            Dialog.confirm("Open Register"),
            openDisplay(),
            ProductScreen.clickDisplayedProduct("Adult Ticket", true, "1", "60.0"),
            ProductScreen.clickDisplayedProduct("Adult Ticket", true, "2", "120.0"),
            ProductScreen.clickPayButton(),
            PaymentScreen.clickPaymentMethod("Cash", true, { amount: "120.0" }),
            PaymentScreen.clickValidate(),
            ReceiptScreen.receiptIsThere(),
            displayShows(false),
            { trigger: ".receipt-screen .scenic-show-on-phone", run: "click" },
            {
                content: "the code leads to the tickets",
                trigger: ".modal .scenic-phone-qr",
                run: async ({ anchor }) => {
                    const reader = new ZXing.BrowserQRCodeReader();
                    // Looked for as in a photograph, 3 % of all flawless codes are not found.
                    reader.hints = new Map([[ZXing.DecodeHintType.PURE_BARCODE, true]]);
                    const url = (await reader.decodeFromImageUrl(anchor.src)).getText();
                    const { pathname, search } = new URL(url);
                    const page = await fetch(pathname + search);
                    const text = await page.text();
                    if (page.status !== 200 || !text.includes("2 / 2")) {
                        throw new Error(`no tickets at ${url}`);
                    }
                },
            },
            displayShows(true),
            { trigger: ".modal-footer button:contains('Done')", run: "click" },
            Dialog.isNot(),
            displayShows(false),
            {
                trigger: ".receipt-screen .send-receipt-email-input",
                run: "edit visitor@example.com",
            },
            { trigger: ".receipt-screen .send-receipt-email-input ~ div button", run: "click" },
            { trigger: ".receipt-screen .notice:contains('Receipt sent successfully')" },
            ReceiptScreen.clickNextOrder(),
            Chrome.endTour(),
        ].flat(Infinity),
});

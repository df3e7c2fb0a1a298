/* global posmodel */

import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as TextInputPopup from "@point_of_sale/../tests/generic_helpers/text_input_popup_util";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";
import {
    close,
    fitsTheScreen,
    keepPrints,
    POPUP,
    printed,
    search,
} from "@scenic_ticket_pos/../tests/tours/scenic_window_collect_tour";
import { registry } from "@web/core/registry";

const RECEIPT = ".receipt-screen .pos-receipt";

/** The first ticket of an order, as a wedge scanner types it when somebody listens. */
function scanTicketOf(reference, field = "pos_qr_token") {
    return {
        content: `scan a ticket of ${reference}`,
        trigger: "body",
        run: async ({ waitUntil }) => {
            const reader = posmodel.env.services.barcode_reader;
            const listens = () =>
                field === "name"
                    ? reader.exclusiveCbMap?.scenicAny
                    : [...reader.cbMaps].some((map) => map.scenic);
            await waitUntil(listens, { timeout: 8000 });
            const [ticket] = await posmodel.data.call(
                "scenic.ticket",
                "search_read",
                [[["pos_order_line_id.order_id.pos_reference", "=", reference]], [field]],
                { order: "number", limit: 1 }
            );
            await reader.scan(ticket[field]);
        },
    };
}

function action(name, more = ":enabled") {
    return `${POPUP} .scenic-actions [data-action=${name}]${more}`;
}

function payCash(amount) {
    return [
        PaymentScreen.totalIs(amount),
        PaymentScreen.clickPaymentMethod("Cash"),
        PaymentScreen.clickValidate(),
        ReceiptScreen.receiptIsThere(),
    ];
}

registry.category("web_tour.tours").add("ScenicWindowCheckTour", {
    steps: () =>
        [
            Chrome.startPoS(),
            keepPrints(),
            // The QR of any ticket leads to its case.
            scanTicketOf("26-CHECK"),
            { trigger: `${POPUP} .scenic-state:contains('Valid')` },
            { trigger: `${POPUP} .scenic-life [data-kind=paid]:contains('Window Cashier')` },
            fitsTheScreen(),
            // A new code, with a reason; the old one is dead.
            { trigger: action("reissue"), run: "click" },
            TextInputPopup.inputText("Lost on the path"),
            Dialog.confirm(),
            printed(1, 1, "Adult Ticket"),
            { trigger: `${POPUP} .scenic-life [data-kind=replaced]:contains('Lost on the path')` },
            { trigger: action("reprint"), run: "click" },
            printed(2, 1, "Reprint 1"),
            { trigger: `${POPUP} .scenic-life [data-kind=printed]:contains('Printed again')` },
            // This very ticket is paid back, not another one of its order.
            { trigger: action("refund"), run: "click" },
            payCash("-60.00"),
            { trigger: `${RECEIPT} .scenic-ticket-refunds:contains('no longer valid')` },
            ReceiptScreen.clickNextOrder(),
            // Another day that costs more: an order takes the difference.
            scanTicketOf("26-CHANGE"),
            { trigger: action("change"), run: "click" },
            {
                content: "tomorrow",
                trigger: ".modal .scenic-visit-picker .scenic-days .scenic-tile:eq(1)",
                run: "click",
            },
            { trigger: ".modal-body:contains('To pay:'):contains('20.00')" },
            Dialog.confirm("Change"),
            payCash("20.00"),
            { trigger: `${RECEIPT} .orderline:contains('Change to')` },
            { trigger: `${RECEIPT} .scenic-ticket:contains('Adult Ticket')` },
            ReceiptScreen.clickNextOrder(),
            // And nobody knows this one.
            Chrome.clickMenuOption("Check Ticket"),
            search("123456789"),
            { trigger: ".modal-body:contains('No ticket of this park is found')" },
            Dialog.confirm(),
            close(),
            Chrome.endTour(),
        ].flat(Infinity),
});

registry.category("web_tour.tours").add("ScenicWindowExceptionTour", {
    steps: () =>
        [
            Chrome.startPoS(),
            // The window is told no code of a used ticket: by its number, into the dialog.
            Chrome.clickMenuOption("Check Ticket"),
            scanTicketOf("26-USED", "name"),
            { trigger: action("refund", ":disabled") },
            { trigger: `${POPUP} .scenic-why-not:contains('A used ticket is not refunded')` },
            { trigger: action("exception"), run: "click" },
            { trigger: ".scenic-exception [name=reason]", run: "edit Fell ill at the gate" },
            { trigger: ".scenic-exception [name=pin]", run: "edit 000000" },
            { trigger: ".scenic-exception .modal-footer .btn-primary:enabled", run: "click" },
            { trigger: ".scenic-pin-message:contains('4 tries are left')" },
            { trigger: ".scenic-exception [name=pin]", run: "edit 482915" },
            { trigger: ".scenic-exception [name=pin]", run: "press Enter" },
            payCash("-60.00"),
            { trigger: `${RECEIPT} .scenic-ticket-refunds:contains('no longer valid')` },
            Chrome.endTour(),
        ].flat(Infinity),
});

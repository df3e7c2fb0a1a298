/* global posmodel */

import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import { refresh, run } from "@point_of_sale/../tests/generic_helpers/utils";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";
import { registry } from "@web/core/registry";
import { ConnectionLostError } from "@web/core/network/rpc";

const CUT = "scenic-tour-cut";
const TOLD = "scenic-tour-told";
const RECEIPT = ".receipt-screen .pos-receipt";
const send = XMLHttpRequest.prototype.send;
const consoleError = console.error; // eslint-disable-line no-console

/**
 * No call reaches the server, before and after a reload of the page, which a browser has in its
 * cache.
 */
function cut() {
    XMLHttpRequest.prototype.send = () => {
        throw new ConnectionLostError();
    };
    // eslint-disable-next-line no-console
    console.error = (...args) => {
        if (!`${args[0]?.message || args[0]}`.includes("ConnectionLostError")) {
            consoleError.apply(console, args);
        }
    };
}

if (sessionStorage.getItem(CUT)) {
    cut();
}

function cutTheLine() {
    return run(() => {
        sessionStorage.setItem(CUT, "1");
        cut();
    }, "the line is cut");
}

function mendTheLine() {
    return run(async () => {
        sessionStorage.removeItem(CUT);
        XMLHttpRequest.prototype.send = send;
        console.error = consoleError; // eslint-disable-line no-console
        await posmodel.data.checkConnectivity();
        const warning = ".modal-footer .btn-primary";
        document.querySelectorAll(warning).forEach((button) => button.click());
    }, "the line is back");
}

function statusSays(text) {
    return { trigger: `.scenic-blank-status:contains('${text}')`, timeout: 20000 };
}

function sell(...products) {
    return [
        products.map(([name, quantity]) =>
            Array.from({ length: quantity }, (_, index) =>
                ProductScreen.clickDisplayedProduct(name, true, `${index + 1}`)
            )
        ),
        ProductScreen.clickPayButton(),
        PaymentScreen.clickPaymentMethod("Cash"),
        PaymentScreen.clickValidate(),
        ReceiptScreen.receiptIsThere(),
    ];
}

/** Print what is on the screen, and note each code as a visitor would have it on paper. */
function printAndNote(count) {
    return [
        run(() => {
            window.print = () => {};
        }, "no print dialog"),
        { trigger: ".receipt-screen .button.print", run: "click" },
        run(async ({ waitUntil }) => {
            const tickets = () => posmodel.getOrder().scenicTickets;
            await waitUntil(
                () => tickets().length === count && tickets().every((t) => t.print_count === 1),
                { timeout: 5000 }
            );
            const told = JSON.parse(localStorage.getItem(TOLD) || "{}");
            for (const { name, pos_qr_token, pos_barcode_number } of tickets()) {
                if (told[name]) {
                    throw new Error(`${name} was sold twice`);
                }
                told[name] = [pos_qr_token, pos_barcode_number];
            }
            localStorage.setItem(TOLD, JSON.stringify(told));
        }, `${count} tickets are printed`),
        { trigger: `${RECEIPT}:not(:has(.scenic-ticket-notice)) .scenic-ticket-qr` },
    ];
}

registry.category("web_tour.tours").add("ScenicWindowOfflineTour", {
    steps: () =>
        [
            Chrome.startPoS(),
            run(() => localStorage.removeItem(TOLD), "nothing is sold yet"),
            statusSays("8 blanks"),
            cutTheLine(),
            // Three tickets of two kinds.
            sell(["Adult Ticket", 2], ["Hill and Cave", 1]),
            statusSays("Offline: 5 blanks left"),
            printAndNote(3),
            ReceiptScreen.clickNextOrder(),
            // More than there are: nothing is sold, and nothing is taken.
            ProductScreen.clickDisplayedProduct("Adult Ticket", true, "1", "60.0"),
            ProductScreen.clickNumpad("3"),
            ProductScreen.selectedOrderlineHas("Adult Ticket", "3", "180.0"),
            ProductScreen.clickPayButton(),
            PaymentScreen.clickPaymentMethod("Cash"),
            PaymentScreen.clickValidate(),
            Dialog.bodyIs('"2 blanks are left, and 3 are wanted"'),
            Dialog.confirm(),
            statusSays("Offline: 5 blanks left"),
            PaymentScreen.clickPaymentlineDelButton("Cash", "180.0"),
            PaymentScreen.clickBackToProductScreen(),
            ProductScreen.clickLine("Adult Ticket", "3"),
            ProductScreen.clickNumpad("2"),
            ProductScreen.selectedOrderlineHas("Adult Ticket", "2", "120.0"),
            // The page is killed when the blanks are taken and nothing is saved.
            run(async () => {
                const order = posmodel.getOrder();
                if (!(await posmodel.takeScenicBlanks(order))) {
                    throw new Error("there are blanks for two");
                }
                const taken = order.scenicTickets.map(({ name }) => name).sort();
                sessionStorage.setItem("scenic-tour-taken", JSON.stringify(taken));
                await posmodel.data.synchronizeLocalDataInIndexedDB();
            }, "two blanks are taken"),
            refresh(),
            Dialog.confirm("Continue with limited functionality"),
            statusSays("3 blanks"),
            // What was sold before is still there, with its codes.
            run(() => {
                const told = JSON.parse(localStorage.getItem(TOLD));
                const order = posmodel.models["pos.order"].find((o) => o.isUnsyncedPaid);
                const codes = order.scenicPrintableTickets.map((t) => t.pos_qr_token).sort();
                const expected = Object.values(told).map(([token]) => token);
                if (codes.join() !== expected.sort().join()) {
                    throw new Error("the tickets that were sold are not shown again");
                }
            }, "sold tickets are shown again"),
            // The same two go to the same order.
            ProductScreen.clickPayButton(),
            PaymentScreen.clickPaymentMethod("Cash"),
            PaymentScreen.clickValidate(),
            ReceiptScreen.receiptIsThere(),
            statusSays("Offline: 3 blanks left"),
            printAndNote(2),
            run(() => {
                const now = posmodel
                    .getOrder()
                    .scenicTickets.map(({ name }) => name)
                    .sort();
                if (JSON.stringify(now) !== sessionStorage.getItem("scenic-tour-taken")) {
                    throw new Error("other blanks were taken for the same order");
                }
            }, "the blanks taken before are sold"),
            ReceiptScreen.clickNextOrder(),
            // The line is back: all is told, and what was sold is lent anew.
            mendTheLine(),
            statusSays("8 blanks"),
            run(async ({ waitUntil }) => {
                await waitUntil(() => !posmodel.models["pos.order"].some((o) => o.isUnsyncedPaid), {
                    timeout: 10000,
                });
                const datas = btoa(localStorage.getItem(TOLD));
                await posmodel.data.call("ir.attachment", "create", [
                    [{ name: "told.json", datas, res_model: "pos.order", res_id: 0 }],
                ]);
            }, "all orders are told"),
            // And the window sells as before.
            sell(["Adult Ticket", 1]),
            { trigger: `${RECEIPT} .scenic-ticket-qr` },
            Chrome.endTour(),
        ].flat(Infinity),
});

/** What the cashier sees, for the pictures; without a click more than needed. */
registry.category("web_tour.tours").add("ScenicWindowReturnTour", {
    steps: () =>
        [
            Chrome.startPoS(),
            statusSays("8 blanks"),
            { trigger: ".scenic-blank-status", run: "click" },
            Dialog.bodyIs('"Adult Ticket: 4 of 4 blanks are left."'),
            Dialog.confirm(),
            Chrome.clickMenuOption("Close Register"),
            {
                trigger: ".modal .modal-footer .btn:contains(close register)",
                run: "click",
                expectUnloadPage: true,
            },
            { trigger: "button:contains(backend)", run: "click", expectUnloadPage: true },
            { trigger: "body", expectUnloadPage: true },
        ].flat(Infinity),
});

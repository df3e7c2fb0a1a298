/* global posmodel */

import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as Order from "@point_of_sale/../tests/generic_helpers/order_widget_util";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";
import * as TicketScreen from "@point_of_sale/../tests/pos/tours/utils/ticket_screen_util";
import { registry } from "@web/core/registry";

const RECEIPT = ".receipt-screen .pos-receipt";

function dialogSays(text) {
    return [Dialog.bodyIs(`"${text}"`), Dialog.confirm(), Dialog.isNot()];
}

function elementCount(selector, expected) {
    return {
        content: `there are ${expected} of ${selector}`,
        trigger: "body",
        run: () => {
            const found = document.querySelectorAll(selector).length;
            if (found !== expected) {
                throw new Error(`expected ${expected} of ${selector}, found ${found}`);
            }
        },
    };
}

/** The picture that a receipt printer would get, kept with the order for the test to read. */
function keepPrintedReceipt(name) {
    return {
        content: "keep the printed receipt",
        trigger: RECEIPT,
        timeout: 20000,
        run: async () => {
            const receipt = "@point_of_sale/app/screens/receipt_screen/receipt/order_receipt";
            const { OrderReceipt } = odoo.loader.modules.get(receipt);
            const order = posmodel.getOrder();
            const canvas = await posmodel.env.services.renderer.toCanvas(
                OrderReceipt,
                { order },
                { addClass: "pos-receipt-print" }
            );
            const datas = canvas.toDataURL("image/png").split(",")[1];
            await posmodel.data.call(
                "ir.attachment",
                "create",
                [[{ name, datas, res_model: "pos.order", res_id: order.id }]],
                { context: { image_no_postprocess: true } } // dot by dot
            );
        },
    };
}

/** The browser's own print dialog cannot be answered by a tour. */
function withoutPrintDialog() {
    return {
        content: "no print dialog",
        trigger: "body",
        run: () => {
            window.print = () => {};
        },
    };
}

/** A receipt printer that keeps the pictures it gets. */
function connectPrinter() {
    return {
        content: "connect a receipt printer",
        trigger: "body",
        run: () => {
            const name = "@point_of_sale/app/utils/printer/base_printer";
            const { BasePrinter } = odoo.loader.modules.get(name);
            class KeepingPrinter extends BasePrinter {
                jobs = [];

                async sendPrintingJob(image) {
                    this.jobs.push(image);
                    return { result: true };
                }
            }
            posmodel.hardwareProxy.printer = new KeepingPrinter();
        },
    };
}

function printReceipt(count) {
    return [
        { trigger: ".receipt-screen .button.print", run: "click" },
        {
            content: `${count} prints are counted`,
            trigger: "body",
            run: async ({ waitUntil }) => {
                const printed = () =>
                    posmodel.getOrder().scenicTickets.every((t) => t.print_count === count);
                await waitUntil(printed, { timeout: 5000 });
            },
        },
    ];
}

registry.category("web_tour.tours").add("ScenicWindowSaleTour", {
    steps: () =>
        [
            Chrome.startPoS(),
            Dialog.confirm("Open Register"),
            // One person, then two; the ticket is for today.
            ProductScreen.clickDisplayedProduct("Adult Ticket", true, "1", "60.0"),
            ProductScreen.clickDisplayedProduct("Adult Ticket", true, "2", "120.0"),
            { trigger: ".order-container .orderline .scenic-visit-date:contains('Visit date')" },
            // There is no half person, and nobody is sold less than nothing.
            ProductScreen.clickNumpad("1", ".", "5"),
            dialogSays("Tickets are sold to whole persons"),
            ProductScreen.clickNumpad("2"),
            ProductScreen.selectedOrderlineHas("Adult Ticket", "2", "120.0"),
            // A group of nine pays 50 each, one of twelve pays 40.
            ProductScreen.clickDisplayedProduct("Group Ticket", true, "1", "50.0"),
            ProductScreen.clickNumpad("9"),
            ProductScreen.selectedOrderlineHas("Group Ticket", "9", "450.0"),
            ProductScreen.clickNumpad("⌫", "1", "2"),
            ProductScreen.selectedOrderlineHas("Group Ticket", "12", "480.0"),
            // More than one group ticket can hold.
            ProductScreen.clickNumpad("0"),
            ProductScreen.clickNumpad("0"),
            dialogSays("One group ticket admits up to 255 persons"),
            ProductScreen.clickNumpad("1", "2"),
            ProductScreen.selectedOrderlineHas("Group Ticket", "12", "480.0"),
            Order.hasTotal("600.0"),
            // The member pays the member's price, which the partner brings along.
            ProductScreen.clickPartnerButton(),
            ProductScreen.clickCustomer("Member Wang"),
            Order.hasLine({ productName: "Adult Ticket", quantity: "2", price: "91.0" }),
            Order.hasLine({ productName: "Group Ticket", quantity: "12", price: "480.0" }),
            Order.hasTotal("571.0"),
            ProductScreen.clickPayButton(),
            PaymentScreen.clickPaymentMethod("Cash", true, { amount: "571.0" }),
            PaymentScreen.clickValidate(),
            ReceiptScreen.receiptIsThere(),
            // Two tickets for two persons, one for the group; each with its codes.
            elementCount(`${RECEIPT} .scenic-ticket`, 3),
            elementCount(`${RECEIPT} .scenic-ticket-qr`, 3),
            elementCount(`${RECEIPT} .scenic-ticket-barcode`, 3),
            { trigger: `${RECEIPT} .scenic-ticket:contains('Adult Ticket'):contains('1')` },
            { trigger: `${RECEIPT} .scenic-ticket:contains('Group Ticket'):contains('12')` },
            keepPrintedReceipt("sale.png"),
            withoutPrintDialog(),
            printReceipt(1),
            elementCount(`${RECEIPT} .scenic-ticket-reprint`, 0),
            printReceipt(2),
            elementCount(`${RECEIPT} .scenic-ticket-reprint`, 3),
            ReceiptScreen.clickNextOrder(),
            // The same tickets come back from the order list.
            Chrome.clickOrders(),
            TicketScreen.selectFilter("Paid"),
            TicketScreen.selectOrderByPrice("571.0"),
            TicketScreen.clickControlButton("Print Receipt"),
            {
                content: "the reprint is counted",
                trigger: "body",
                run: async ({ waitUntil }) => {
                    const tickets = posmodel.models["scenic.ticket"];
                    const printed = () =>
                        tickets.length === 3 && tickets.getAll().every((t) => t.print_count === 3);
                    await waitUntil(printed, { timeout: 5000 });
                },
            },
            Chrome.endTour(),
        ].flat(Infinity),
});

registry.category("web_tour.tours").add("ScenicWindowRefundTour", {
    steps: () =>
        [
            Chrome.startPoS(),
            Chrome.clickOrders(),
            TicketScreen.selectFilter("Paid"),
            // A used ticket: refused as soon as it is chosen, and when refund is pressed.
            TicketScreen.selectOrder("26-USED"),
            { trigger: ".ticket-screen .scenic-ticket-numbers:contains('Used')" },
            ProductScreen.clickNumpad("1"),
            dialogSays("A used ticket is not refunded"),
            TicketScreen.noLinesToRefund(),
            TicketScreen.confirmRefund(),
            dialogSays("A used ticket is not refunded"),
            // Three tickets, one of them used: two can be refunded.
            TicketScreen.selectOrder("26-MIXED"),
            ProductScreen.clickNumpad("3"),
            dialogSays("Set the quantity to 2"),
            // A group is refunded as a whole.
            TicketScreen.selectOrder("26-GROUP"),
            ProductScreen.clickNumpad("5"),
            dialogSays("a group ticket is refunded as a whole. Set the quantity to 12"),
            // Two of three unused tickets, at what they carry to the cent.
            TicketScreen.selectOrder("26-UNUSED"),
            ProductScreen.clickNumpad("2"),
            TicketScreen.toRefundTextContains("To Refund: 2"),
            TicketScreen.confirmRefund(),
            PaymentScreen.isShown(),
            // The quantity is not changed behind the server's back.
            PaymentScreen.clickBackToProductScreen(),
            ProductScreen.clickLine("Adult Ticket", "-2"),
            ProductScreen.clickNumpad("1"),
            dialogSays("You can not change the quantity of the refund order"),
            ProductScreen.clickPayButton(),
            PaymentScreen.clickPaymentMethod("Cash"),
            PaymentScreen.clickValidate(),
            ReceiptScreen.receiptIsThere(),
            { trigger: `${RECEIPT} .scenic-ticket-refunds:contains('no longer valid')` },
            elementCount(`${RECEIPT} .scenic-ticket`, 0),
            ReceiptScreen.clickNextOrder(),
            // The one that is left can be refunded, no more.
            Chrome.clickOrders(),
            TicketScreen.selectFilter("Paid"),
            TicketScreen.selectOrder("26-UNUSED"),
            ProductScreen.clickNumpad("1"),
            TicketScreen.toRefundTextContains("To Refund: 1"),
            Chrome.endTour(),
        ].flat(Infinity),
});

function countCash(amount) {
    return [
        {
            content: `count ${amount} in cash`,
            trigger: ".scenic-hand-over-count [data-tender='Cash'] input",
            run: `edit ${amount}`,
        },
    ];
}

function handOverSays(section, label, value) {
    return {
        content: `the sheet says ${value} for ${label}`,
        trigger: `.scenic-hand-over [data-section='${section}']:contains('${label}'):contains('${value}')`,
    };
}

registry.category("web_tour.tours").add("ScenicWindowHandOverTour", {
    steps: () =>
        [
            Chrome.startPoS(),
            withoutPrintDialog(),
            connectPrinter(),
            // Nothing sold yet: nothing to hand over.
            Chrome.clickMenuOption("Hand Over"),
            dialogSays("There is nothing to hand over"),
            ProductScreen.clickDisplayedProduct("Adult Ticket", true, "1", "60.0"),
            ProductScreen.clickPayButton(),
            PaymentScreen.clickPaymentMethod("Cash", true, { amount: "60.0" }),
            PaymentScreen.clickValidate(),
            ReceiptScreen.receiptIsThere(),
            ReceiptScreen.clickNextOrder(),
            Chrome.clickMenuOption("Hand Over"),
            handOverSays("sold", "Adult Ticket", "60.00"),
            handOverSays("drawer", "Expected", "160.00"),
            Dialog.footerBtnIsDisabled("Hand Over"),
            // Ten are missing: not without a word about it.
            countCash("150"),
            { trigger: ".scenic-hand-over-difference.text-danger:contains('10.00')" },
            Dialog.footerBtnIsDisabled("Hand Over"),
            // The notes and coins do come to what is expected.
            { trigger: ".scenic-hand-over-count .fa-money", run: "click" },
            {
                content: "one note of a hundred",
                trigger: ".modal:not(.o_inactive_modal) div:has(> label:contains('100.00')) input",
                run: "edit 1",
            },
            {
                content: "three of twenty",
                trigger: ".modal:not(.o_inactive_modal) div:has(> label:contains('20.00')) input",
                run: "edit 3",
            },
            {
                trigger: ".modal:not(.o_inactive_modal) .modal-footer .btn-primary",
                run: "click",
            },
            { trigger: ".scenic-hand-over-difference:not(.text-danger):contains('0.00')" },
            { trigger: ".scenic-hand-over-count [data-tender='Cash'] input", run: "click" },
            { content: "the keyboard confirms", trigger: "body", run: "press Enter" },
            dialogSays("is closed. Whoever sells next takes over the cash"),
            {
                content: "the sheet is printed",
                trigger: "body",
                run: () => {
                    const { jobs } = posmodel.hardwareProxy.printer;
                    if (jobs.length !== 1 || jobs[0].length < 1000) {
                        throw new Error(`expected one sheet, got ${jobs.length}`);
                    }
                },
            },
            Chrome.endTour(),
        ].flat(Infinity),
});

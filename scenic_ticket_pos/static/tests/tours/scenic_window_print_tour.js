/* global posmodel */

import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as TicketScreen from "@point_of_sale/../tests/pos/tours/utils/ticket_screen_util";
import { registry } from "@web/core/registry";

/** The order as the server made it, ready to be printed from the order list. */
function openOrder() {
    return [
        Chrome.startPoS(),
        {
            content: "every job of the printer is remembered by the browser",
            trigger: "body",
            run: () => performance.setResourceTimingBufferSize(10000),
        },
        Chrome.clickOrders(),
        TicketScreen.selectFilter("Paid"),
        TicketScreen.selectOrder("26-BUS"),
    ];
}

function printOrder(count) {
    return [
        TicketScreen.clickControlButton("Print Receipt"),
        {
            content: `print ${count} is through`,
            trigger: "body",
            timeout: 60000,
            run: async ({ waitUntil }) => {
                const order = posmodel.models["pos.order"].find(
                    ({ pos_reference }) => pos_reference === "26-BUS"
                );
                await waitUntil(() => order.nb_print === count, { timeout: 55000 });
            },
        },
    ];
}

/** Wait until the printer has answered so many jobs, refusals included. */
function jobsAnswered(expected) {
    return {
        content: `the printer has answered ${expected} jobs`,
        trigger: "body",
        timeout: 60000,
        run: async ({ waitUntil }) => {
            const answered = () =>
                performance
                    .getEntriesByType("resource")
                    .filter(({ name }) => name.includes("/cgi-bin/epos/")).length;
            await waitUntil(() => answered() === expected, { timeout: 55000 });
        },
    };
}

registry.category("web_tour.tours").add("ScenicWindowPrintTour", {
    steps: () => [openOrder(), printOrder(1), Chrome.endTour()].flat(Infinity),
});

registry.category("web_tour.tours").add("ScenicWindowReprintTour", {
    steps: () => [openOrder(), printOrder(1), printOrder(2), Chrome.endTour()].flat(Infinity),
});

registry.category("web_tour.tours").add("ScenicWindowPaperOutTour", {
    steps: () =>
        [
            openOrder(),
            TicketScreen.clickControlButton("Print Receipt"),
            // The receipt and three tickets, then there is no paper.
            {
                trigger: ".modal-body:contains('the printer runs out of paper')",
                timeout: 60000,
            },
            jobsAnswered(5),
            { trigger: ".modal-footer button:contains('Retry')", run: "click" },
            jobsAnswered(10),
            Chrome.endTour(),
        ].flat(Infinity),
});

registry.category("web_tour.tours").add("ScenicWindowPrinterTour", {
    steps: () =>
        [
            openOrder(),
            TicketScreen.clickControlButton("Print Receipt"),
            { trigger: ".scenic-printer-count:contains('0 / 8')" },
            { trigger: ".scenic-printer-message:contains('has no paper')" },
            { trigger: ".scenic-print-cancel", run: "click" },
            { trigger: ".scenic-printer-message:contains('were not printed')" },
            { trigger: ".scenic-print-missing", run: "click" },
            { trigger: ".scenic-printer-message:contains('has no paper')" },
            { trigger: ".scenic-print-cancel", run: "click" },
            { trigger: ".scenic-printer-message:contains('were not printed')" },
            { trigger: ".modal-footer button:contains('Close')", run: "click" },
            { trigger: "body:not(:has(.scenic-printer))" },
            Chrome.endTour(),
        ].flat(Infinity),
});

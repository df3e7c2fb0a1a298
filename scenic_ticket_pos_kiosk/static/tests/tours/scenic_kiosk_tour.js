import * as ConfirmationPage from "@pos_self_order/../tests/tours/utils/confirmation_page_util";
import * as ProductPage from "@pos_self_order/../tests/tours/utils/product_page_util";
import * as Utils from "@pos_self_order/../tests/tours/utils/common";
import { registry } from "@web/core/registry";

const PAGE = ".confirmation-page";
const PICKER = ".modal .scenic-visit-picker";

function choose(...products) {
    return [
        Utils.clickBtn("Order Now"),
        products.map((name, index) => [
            ProductPage.clickProduct(name),
            // the places were asked for meanwhile
            { trigger: `.to-order .rounded-pill:contains('${index + 1}')`, timeout: 30000 },
        ]),
        Utils.clickBtn("Checkout"),
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

/** Nothing that a finger has to meet is off the screen. */
function fits(selector) {
    return {
        content: `${selector} fits`,
        trigger: selector,
        run: () => {
            const { right, bottom } = document.querySelector(selector).getBoundingClientRect();
            if (right > window.innerWidth || bottom > window.innerHeight) {
                throw new Error(`${selector} ends at ${right}, ${bottom}`);
            }
        },
    };
}

function backToTheBeginning() {
    return [Utils.clickBtn("Close"), Utils.checkBtn("Order Now")];
}

registry.category("web_tour.tours").add("ScenicKioskFreeTour", {
    steps: () =>
        [
            choose("Open Day", "Open Day"),
            // One line for two persons, today.
            { trigger: ".product-cart-item .scenic-visit-date:contains('Visit date')" },
            { trigger: ".product-cart-item .o-so-tabular-nums:contains('2')" },
            Utils.clickBtn("Order"),
            { ...ConfirmationPage.isShown(), timeout: 30000 },
            { trigger: `${PAGE} h1:contains('Take your tickets')` },
            // The receipt, and each ticket by itself.
            jobsAnswered(3),
            { trigger: `${PAGE}:not(:has(.scenic-help))` },
            backToTheBeginning(),
        ].flat(Infinity),
});

registry.category("web_tour.tours").add("ScenicKioskPaperOutTour", {
    steps: () =>
        [
            choose("Open Day", "Open Day"),
            Utils.clickBtn("Order"),
            jobsAnswered(3),
            {
                trigger: `${PAGE} .scenic-help:contains('Not all of your tickets were printed'):contains('window')`,
            },
            backToTheBeginning(),
        ].flat(Infinity),
});

registry.category("web_tour.tours").add("ScenicKioskNoPrinterTour", {
    steps: () =>
        [
            choose("Open Day"),
            Utils.clickBtn("Order"),
            {
                trigger: `${PAGE} .scenic-help:contains('no printer'):contains('window')`,
                timeout: 30000,
            },
            fits(`${PAGE} .scenic-help`),
            backToTheBeginning(),
        ].flat(Infinity),
});

registry.category("web_tour.tours").add("ScenicKioskVisitTour", {
    steps: () =>
        [
            choose("Boat Ride", "Boat Ride", "Boat Ride"),
            // One more than there are places.
            { trigger: ".product-cart-item .oi-plus", run: "click" },
            Utils.clickBtn("Order"),
            { trigger: ".modal:contains('window')", timeout: 30000 },
            { trigger: ".modal-footer .btn:contains('Close')", run: "click" },
            { trigger: ".product-cart-item .oi-minus", run: "click" },
            // The second day of the two weeks.
            { trigger: ".scenic-visit-change", run: "click" },
            fits(".modal-content"),
            {
                trigger: `${PICKER} .scenic-days .scenic-tile:eq(1):contains('3')`,
                run: "click",
                timeout: 30000,
            },
            { trigger: `body:not(:has(${PICKER}))` },
            Utils.clickBtn("Order"),
            { ...ConfirmationPage.isShown(), timeout: 30000 },
            { trigger: `${PAGE} h1:contains('Pay at the window')` },
            ConfirmationPage.orderNumberShown(),
            // The paper with the number, for the window.
            jobsAnswered(1),
            backToTheBeginning(),
        ].flat(Infinity),
});

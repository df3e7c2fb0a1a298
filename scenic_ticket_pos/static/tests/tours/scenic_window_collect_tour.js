/* global posmodel */

import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import {
    setOfflineMode,
    setOnlineMode,
} from "@point_of_sale/../tests/generic_helpers/offline_util";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import { registry } from "@web/core/registry";

const POPUP = ".modal .scenic-desk";

/** The browser's print dialog cannot be answered by a tour; what would be printed is kept. */
function keepPrints() {
    return {
        content: "keep what is printed",
        trigger: "body",
        run: () => {
            posmodel.scenicPrints = [];
            window.print = (paper) => {
                const tickets = paper.querySelectorAll(".scenic-ticket");
                posmodel.scenicPrints.push([...tickets].map((el) => el.textContent));
            };
        },
    };
}

function printed(jobs, count, text = "") {
    return {
        content: `print ${jobs} has ${count} tickets`,
        trigger: "body",
        run: async ({ waitUntil }) => {
            await waitUntil(() => posmodel.scenicPrints.length === jobs, { timeout: 15000 });
            const tickets = posmodel.scenicPrints.at(-1);
            if (tickets.length !== count || !tickets.every((ticket) => ticket.includes(text))) {
                throw new Error(`expected ${count} × ${text}, got ${JSON.stringify(tickets)}`);
            }
        },
    };
}

function search(text) {
    return [
        { content: `look for ${text}`, trigger: `${POPUP} input[name=text]`, run: `edit ${text}` },
        { trigger: `${POPUP} input[name=text]`, run: "press Enter" },
    ];
}

/** As a wedge scanner types on the product screen. */
function scan(text, content) {
    return {
        content,
        trigger: "body",
        run: async () => {
            const code = typeof text === "function" ? text() : text;
            await posmodel.env.services.barcode_reader.scan(code);
        },
    };
}

function fitsTheScreen() {
    return {
        content: "the dialog fits",
        trigger: POPUP,
        run: () => {
            const modal = document.querySelector(".modal-content").getBoundingClientRect();
            if (modal.right > window.innerWidth || modal.bottom > window.innerHeight) {
                throw new Error(`the dialog ends at ${modal.right}, ${modal.bottom}`);
            }
        },
    };
}

function close() {
    return [
        {
            trigger: ".modal:not(.o_inactive_modal) .modal-footer button:contains('Close')",
            run: "click",
        },
        Dialog.isNot(),
    ];
}

registry.category("web_tour.tours").add("ScenicWindowCollectTour", {
    steps: () =>
        [
            Chrome.startPoS(),
            keepPrints(),
            Chrome.clickMenuOption("Collect"),
            // By the number on the confirmation: what is due, and how it is paid.
            search("WEB-TOUR"),
            { trigger: `${POPUP} .scenic-booking:contains('Adult Ticket'):contains('Valid: 2')` },
            { trigger: `${POPUP} .scenic-payment:contains('Paid')` },
            fitsTheScreen(),
            // The keyboard goes on to the print.
            { trigger: `${POPUP} .scenic-collect:focus:contains('2')`, run: "press Enter" },
            printed(1, 2, "Adult Ticket"),
            // Once: then it says when, where and by whom.
            { trigger: `${POPUP}:not(:has(.scenic-collect))` },
            { trigger: `${POPUP} .scenic-notice:contains('2 tickets'):contains('Window Cashier')` },
            { trigger: `${POPUP} .scenic-reprint`, run: "click" },
            printed(2, 2, "Reprint 1"),
            // Nobody has heard of this one.
            search("NO-SUCH-ORDER"),
            { trigger: ".modal-body:contains('No order of this park is found')" },
            Dialog.confirm(),
            close(),
            // The reader of documents, on the product screen: an agency's order by ID.
            scan("AG-TOUR", "scan the number of an agency order"),
            { trigger: `${POPUP} .scenic-booking[data-reference='AG-TOUR'] .scenic-collect` },
            close(),
            // A scanner that hits the open dialog looks there, too.
            Chrome.clickMenuOption("Collect"),
            scan("AG-TOUR", "scan into the dialog"),
            { trigger: `${POPUP} .scenic-booking[data-reference='AG-TOUR']` },
            setOfflineMode(),
            { trigger: `${POPUP} .scenic-collect`, run: "click" },
            { trigger: ".modal-body:contains('looked up, collected and changed with the server')" },
            setOnlineMode(),
            Dialog.confirm(),
            Chrome.endTour(),
        ].flat(Infinity),
});

export { close, fitsTheScreen, keepPrints, POPUP, printed, scan, search };

import { expect, test } from "@odoo/hoot";
import { animationFrame, click, waitFor, waitUntil } from "@odoo/hoot-dom";
import { OrderReceipt } from "@point_of_sale/app/screens/receipt_screen/receipt/order_receipt";
import { definePosModels } from "@point_of_sale/../tests/unit/data/generate_model_definitions";
import { sellTickets, setupWindow } from "@scenic_ticket_pos/../tests/unit/utils";
import { mountWithCleanup, patchWithCleanup } from "@web/../tests/web_test_helpers";
import { MainComponentsContainer } from "@web/core/main_components_container";

definePosModels();

const numbers = (paper) =>
    [...paper.querySelectorAll(".scenic-ticket")].map(({ dataset }) => dataset.number);

/** Two tickets sold, and a printer that has no paper for one piece after so many. */
async function setupPrinter(paper = Infinity) {
    const { store, adult } = await setupWindow();
    await mountWithCleanup(MainComponentsContainer);
    const order = await sellTickets(store, adult, 2);
    const papers = [];
    const printReceipt = async (element) => {
        await animationFrame(); // what a picture takes at least
        if (papers.length === paper) {
            paper = Infinity;
            return { successful: false, canRetry: true, message: { title: "No paper" } };
        }
        papers.push(element);
        return { successful: true };
    };
    store.hardwareProxy.printer = { printReceipt };
    const print = (props = {}) =>
        store.printer.print(OrderReceipt, { order, ...props }, store.printOptions);
    return { store, papers, print };
}

test("the receipt and each ticket are jobs of their own", async () => {
    const { papers, print } = await setupPrinter();
    expect(await print()).toEqual({ successful: true });
    expect(papers.map(numbers)).toEqual([[], ["0000000001"], ["0000000002"]]);
    expect(papers[0].querySelector(".pos-receipt-amount")).not.toBe(null);
});

test("a retry goes on where the paper ended", async () => {
    const { papers, print } = await setupPrinter(1);
    expect(await print()).toBe(undefined);
    expect(papers.map(numbers)).toEqual([[]]);
    await waitFor(".modal-title:contains(No paper)");
    await click(".modal-footer button:contains(Retry)");
    await waitUntil(() => papers.length === 3);
    expect(papers.map(numbers)).toEqual([[], ["0000000001"], ["0000000002"]]);
});

test("a basic receipt has no tickets", async () => {
    const { papers, print } = await setupPrinter();
    await print({ basic_receipt: true });
    expect(papers.map(numbers)).toEqual([[]]);
});

/** What reaches the browser's print dialog. */
function catchPrintDialog() {
    const documents = [];
    patchWithCleanup(window, {
        print: () => documents.push(document.querySelector(".render-container").cloneNode(true)),
    });
    return documents;
}

test("who gives up on the printer gets what is left as one document", async () => {
    const { papers, print } = await setupPrinter(1);
    const documents = catchPrintDialog();
    await print();
    await waitFor(".modal-title:contains(No paper)");
    await click(".modal-footer button:contains(Download)");
    await waitUntil(() => documents.length === 1);
    expect(papers.map(numbers)).toEqual([[]]);
    expect(documents.map(numbers)).toEqual([["0000000001", "0000000002"]]);
});

test("without a receipt printer all of it is one document", async () => {
    const { store, print } = await setupPrinter();
    const documents = catchPrintDialog();
    store.hardwareProxy.printer = null;
    await print();
    await waitUntil(() => documents.length === 1);
    expect(documents.map(numbers)).toEqual([["0000000001", "0000000002"]]);
});

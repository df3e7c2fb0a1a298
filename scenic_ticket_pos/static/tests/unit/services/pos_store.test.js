import { expect, test } from "@odoo/hoot";
import { animationFrame, waitFor } from "@odoo/hoot-dom";
import { definePosModels } from "@point_of_sale/../tests/unit/data/generate_model_definitions";
import { sellTickets, setupWindow, ticketRows } from "@scenic_ticket_pos/../tests/unit/utils";
import { mountWithCleanup, onRpc, patchWithCleanup } from "@web/../tests/web_test_helpers";
import { MainComponentsContainer } from "@web/core/main_components_container";
import { ConnectionLostError } from "@web/core/network/rpc";

definePosModels();

async function setupPrinter() {
    const { store, adult } = await setupWindow();
    await mountWithCleanup(MainComponentsContainer);
    const order = await sellTickets(store, adult, 1);
    store.hardwareProxy.printer = {
        printReceipt: async (element) => {
            await animationFrame(); // what a picture takes at least
            const marks = [...element.querySelectorAll(".scenic-ticket-reprint")];
            expect.step(["paper", ...marks.map(({ textContent }) => textContent)].join(" "));
            return { successful: true };
        },
    };
    return { store, order };
}

test("a print is counted before it is made, and a reprint says so", async () => {
    const { store, order } = await setupPrinter();
    let print_count = 0;
    onRpc("pos.order", "scenic_count_ticket_print", () => {
        expect.step("counted");
        print_count++;
        return { "scenic.ticket": ticketRows(order.lines[0], { print_count }) };
    });
    await store.printReceipt({ order });
    expect.verifySteps(["counted", "paper", "paper"]);
    await store.printReceipt({ order });
    expect.verifySteps(["counted", "paper", "paper Reprint 1"]);
    await store.printReceipt({ order });
    expect.verifySteps(["counted", "paper", "paper Reprint 2"]);
});

test("what cannot be counted is not printed", async () => {
    const { store, order } = await setupPrinter();
    patchWithCleanup(store.data, { call: () => Promise.reject(new ConnectionLostError()) });
    expect(await store.printReceipt({ order })).toBe(false);
    await waitFor(".modal-title:contains(No connection)");
    expect.verifySteps([]);
});

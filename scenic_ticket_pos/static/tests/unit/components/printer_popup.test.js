import { expect, test } from "@odoo/hoot";
import { advanceTime, click, waitFor, waitForNone } from "@odoo/hoot-dom";
import { definePosModels } from "@point_of_sale/../tests/unit/data/generate_model_definitions";
import { sellTickets, setupWindow } from "@scenic_ticket_pos/../tests/unit/utils";
import { mountWithCleanup, onRpc } from "@web/../tests/web_test_helpers";
import { MainComponentsContainer } from "@web/core/main_components_container";

definePosModels();

const LOOK = 700;

/** An order of two tickets at a window with a ticket printer, which is as `printer` says. */
async function setupPrinter(printer) {
    const { store, adult } = await setupWindow();
    store.models.loadConnectedData({
        "pos.config": [{ ...store.config.raw, scenic_printer_id: 901 }],
    });
    await mountWithCleanup(MainComponentsContainer);
    const order = await sellTickets(store, adult, 2);
    onRpc("pos.order", "scenic_count_ticket_print", () => {
        expect.step("count");
        return {};
    });
    for (const method of ["scenic_print_state", "scenic_print_cancel", "scenic_print_missing"]) {
        onRpc("pos.order", method, () => {
            if (method !== "scenic_print_state") {
                expect.step(method);
            }
            return { total: 2, printed: 0, open: 0, missing: 0, message: false, ...printer };
        });
    }
    return { store, order };
}

test("the window stays with the printer until all tickets are out", async () => {
    const printer = { open: 2 };
    const { store, order } = await setupPrinter(printer);
    let isDone = false;
    store.printReceipt({ order }).then(() => (isDone = true));
    await waitFor(".scenic-printer-count:contains(0 / 2)");
    Object.assign(printer, { printed: 1, open: 1 });
    await advanceTime(LOOK);
    await waitFor(".scenic-printer-count:contains(1 / 2)");
    expect(isDone).toBe(false);
    Object.assign(printer, { printed: 2, open: 0 });
    await advanceTime(LOOK);
    await waitForNone(".scenic-printer");
    expect(isDone).toBe(true);
    expect.verifySteps(["count"]);
});

test("the cashier is told what to do, and may give up", async () => {
    const printer = { open: 2, message: "Put a new roll in" };
    const { store, order } = await setupPrinter(printer);
    store.printReceipt({ order });
    await waitFor(".scenic-printer-message:contains(Put a new roll in)");
    Object.assign(printer, { open: 0, missing: 2, message: "not printed" });
    await click(".scenic-print-cancel");
    await waitFor(".scenic-printer-message:contains(not printed)");
    Object.assign(printer, { open: 2, missing: 0, message: false });
    await click(".scenic-print-missing");
    await waitFor(".scenic-print-cancel");
    expect.verifySteps(["count", "scenic_print_cancel", "scenic_print_missing"]);
});

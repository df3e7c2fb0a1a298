import { beforeEach, expect, test } from "@odoo/hoot";
import { animationFrame, waitFor } from "@odoo/hoot-dom";
import { mockDate } from "@odoo/hoot-mock";
import { definePosModels } from "@point_of_sale/../tests/unit/data/generate_model_definitions";
import { TODAY, setupWindow } from "@scenic_ticket_pos/../tests/unit/utils";
import { mountWithCleanup, onRpc } from "@web/../tests/web_test_helpers";
import { MainComponentsContainer } from "@web/core/main_components_container";

definePosModels();
beforeEach(() => mockDate(`${TODAY} 02:00:00`, 0));

let databases = 0;

function lent(count) {
    return Array.from({ length: count }, (_, index) => ({
        id: 100 + index,
        number: 500 + index,
        name: `0000000${500 + index}`,
        product_id: 901,
        site_id: 901,
        persons: 1,
        visit_date: TODAY,
        slot_id: false,
        date_first: TODAY,
        span_days: 1,
        state: "valid",
        print_count: 0,
        pos_refund_line_id: false,
        write_date: "2026-11-01 08:00:00",
        until: `${TODAY} 16:00:00`,
        pos_qr_token: `T1-${index}`,
        pos_barcode_number: `${index}`.padStart(22, "0"),
    }));
}

async function setupBlanks(count = 3) {
    const { store, adult } = await setupWindow();
    await mountWithCleanup(MainComponentsContainer);
    store.config.scenic_blank_size = count;
    odoo.info = { ...odoo.info, db: `blanks-${++databases}` };
    onRpc("pos.session", "scenic_sync_blanks", ({ args }) => {
        const known = args[2];
        return {
            blanks: lent(count).filter(({ id }) => !known.includes(id)),
            gone: [],
            quotas: [{ product_id: 901, size: count, why: false }],
        };
    });
    await store.openScenicBlanks();
    await store.topUpScenicBlanks();
    const order = store.addNewOrder();
    const touch = (qty) => store.addLineToOrder({ product_tmpl_id: adult, qty }, order);
    return { store, order, touch };
}

test("an order takes a blank for each ticket and shows it", async () => {
    const { store, order, touch } = await setupBlanks();
    await touch(2);
    expect(store.getScenicBlankText()).toBe("3 blanks");
    store.data.network.offline = true;
    expect(await store.takeScenicBlanks(order)).toBe(true);
    expect(store.getScenicBlankText()).toBe("Offline: 1 blanks left");
    expect(order.lines[0].scenic_blanks).toEqual([
        { number: 500, prints: 0 },
        { number: 501, prints: 0 },
    ]);
    expect(order.scenicPrintableTickets.map((t) => t.pos_qr_token)).toEqual(["T1-0", "T1-1"]);
    order.state = "paid";
    expect(order.scenicTicketsAwaited).toBe(false);
    const [[, , values]] = order.serializeForORM().lines;
    expect(values.scenic_blanks).toHaveLength(2);
});

test("they come out of the receipt printer: a ticket printer needs the server", async () => {
    const { store, order, touch } = await setupBlanks();
    store.models.loadConnectedData({
        "pos.config": [{ ...store.config.raw, scenic_printer_id: 901 }],
    });
    await touch(2);
    expect(order.scenicTicketPrinter).toBe(901);
    store.data.network.offline = true;
    await store.takeScenicBlanks(order);
    order.state = "paid";
    const printed = [];
    store.hardwareProxy.printer = {
        async printReceipt(paper) {
            await animationFrame(); // what a picture takes at least
            printed.push(...paper.querySelectorAll(".scenic-ticket"));
            return { successful: true };
        },
    };
    await store.printReceipt({ order });
    expect(printed.map(({ dataset }) => dataset.number)).toEqual(["0000000500", "0000000501"]);
    expect(".scenic-printer").toHaveCount(0);
});

test("too few blanks: the cashier is told, nothing is taken", async () => {
    const { store, order, touch } = await setupBlanks();
    await touch(4);
    store.data.network.offline = true;
    expect(await store.takeScenicBlanks(order)).toBe(false);
    await waitFor(".modal-body:contains('3 blanks are left, and 4 are wanted')");
    expect(store.countScenicBlanks()).toBe(3);
    expect(order.lines[0].scenic_blanks).toBeEmpty();
});

test("an order that is paid with the server after all gives its blanks back", async () => {
    const { store, order, touch } = await setupBlanks();
    await touch(2);
    await store.takeScenicBlanks(order);
    await store.forgetScenicBlanks(order);
    expect(store.countScenicBlanks()).toBe(3);
    expect(order.lines[0].scenic_blanks).toBeEmpty();
    expect(order.scenicTickets).toHaveLength(0);
});

test("an order that is deleted gives its blanks back", async () => {
    const { store, order, touch } = await setupBlanks();
    await touch(2);
    await store.takeScenicBlanks(order);
    expect(store.countScenicBlanks()).toBe(1);
    await store.deleteOrders([order]);
    await store.scenicBlankStore.all();
    expect(store.countScenicBlanks()).toBe(3);
});

test("offline the window counts its prints, before it prints", async () => {
    const { store, order, touch } = await setupBlanks();
    await touch(1);
    store.data.network.offline = true;
    await store.takeScenicBlanks(order);
    order.state = "paid";
    store.printer.print = () => {
        const [row] = store.scenicBlanks.rows.filter(({ state }) => state === "taken");
        expect.step(`${order.lines[0].scenic_blanks[0].prints} ${row.state}`);
        return true;
    };
    await store.printReceipt({ order });
    expect(order.scenicTickets[0].print_count).toBe(1);
    expect(order.scenicTickets[0].reprintText).toBe("");
    await store.printReceipt({ order });
    expect(order.scenicTickets[0].reprintText).toBe("Reprint 1");
    expect.verifySteps(["1 taken", "2 taken"]);
});

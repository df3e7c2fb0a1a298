import { beforeEach, expect, test } from "@odoo/hoot";
import { click, press, waitFor, waitForNone } from "@odoo/hoot-dom";
import { animationFrame, mockDate } from "@odoo/hoot-mock";
import OrderPaymentValidation from "@point_of_sale/app/utils/order_payment_validation";
import { definePosModels } from "@point_of_sale/../tests/unit/data/generate_model_definitions";
import { TODAY, answerPlaces, setupWindow } from "@scenic_ticket_pos/../tests/unit/utils";
import { mountWithCleanup } from "@web/../tests/web_test_helpers";
import { MainComponentsContainer } from "@web/core/main_components_container";
import { RPCError } from "@web/core/network/rpc";

definePosModels();
beforeEach(() => mockDate(`${TODAY} 02:00:00`, 0));

const SLOTS = [
    { id: 9, state: "open", why: false, free: 2, level: null },
    { id: 10, state: "open", why: false, free: 5, level: null },
];
const slotTile = (id) => `.scenic-tile[data-slot-id="${id}"]`;
const dayTile = (date) => `.scenic-tile[data-date="${date}"]`;

async function setupOrder() {
    const { store, adult, group } = await setupWindow();
    await mountWithCleanup(MainComponentsContainer);
    const order = store.addNewOrder();
    const touch = (template = adult, qty = 1) =>
        store.addLineToOrder({ product_tmpl_id: template, qty }, order);
    return { store, order, adult, group, touch };
}

/** Touch a tile of the picker as soon as it is there. */
async function choose(tile) {
    await waitFor(tile);
    await click(tile);
    await animationFrame();
}

function visits(order) {
    return order.lines.map((line) => [
        line.qty,
        line.scenic_visit_date.toISODate(),
        line.scenic_slot_id?.id,
    ]);
}

/** Close the picker without a choice. */
async function giveUp() {
    await press("Escape");
    await waitForNone(".scenic-visit-picker");
}

test("a touch sells today at once, and asks the server once in a while", async () => {
    const { order, touch } = await setupOrder();
    answerPlaces({}, (step) => expect.step(step));
    await touch();
    await touch();
    expect(visits(order)).toEqual([[2, TODAY, undefined]]);
    expect.verifySteps(["places of 901 from today"]);
    expect(".scenic-visit-picker").toHaveCount(0);
});

test("when today is closed the picker opens; without a choice nothing is sold", async () => {
    const { order, touch } = await setupOrder();
    answerPlaces({ [TODAY]: { state: "closed", why: "storm warning" } });
    let touched = touch();
    await waitFor(".scenic-visit-picker");
    await giveUp();
    await touched;
    expect(order.lines).toHaveLength(0);
    touched = touch();
    await choose(dayTile("2026-12-02"));
    await touched;
    expect(visits(order)).toEqual([[1, "2026-12-02", undefined]]);
});

test("tickets of one slot are one line, those of another slot are not", async () => {
    const { order, touch } = await setupOrder();
    answerPlaces({ [TODAY]: { slots: SLOTS } });
    for (const id of [9, 10, 9]) {
        const touched = touch();
        await choose(slotTile(id));
        await touched;
    }
    expect(visits(order)).toEqual([
        [2, TODAY, 9],
        [1, TODAY, 10],
    ]);
    expect(order.lines[0].scenicVisitDateText.toString()).toInclude("9:00–10:00");
});

test("a line moves to another slot, and joins the line that is there", async () => {
    const { store, order, touch } = await setupOrder();
    answerPlaces({ [TODAY]: { slots: SLOTS } });
    for (const id of [9, 10]) {
        const touched = touch();
        await choose(slotTile(id));
        await touched;
    }
    let changed = store.changeScenicVisit(order.lines[0]);
    await waitFor(`${slotTile(9)}.scenic-tile-chosen`);
    await giveUp();
    await changed;
    expect(order.lines).toHaveLength(2);
    changed = store.changeScenicVisit(order.lines[0]);
    await choose(slotTile(10));
    await changed;
    expect(visits(order)).toEqual([[2, TODAY, 10]]);
});

test("a line that moves to a day without slots has none any more", async () => {
    const { store, order, touch } = await setupOrder();
    answerPlaces({ [TODAY]: { slots: SLOTS } });
    const touched = touch();
    await choose(slotTile(9));
    await touched;
    const changed = store.changeScenicVisit(order.lines[0]);
    await choose(dayTile("2026-12-02"));
    await changed;
    expect(visits(order)).toEqual([[1, "2026-12-02", undefined]]);
});

test("without a connection today is sold, slots are not", async () => {
    const { store, order, adult, touch } = await setupOrder();
    store.data.network.offline = true;
    adult.scenic_limited_by = "day";
    await touch();
    expect(visits(order)).toEqual([[1, TODAY, undefined]]);
    adult.scenic_limited_by = "slot";
    await touch();
    await waitFor(".modal-title:contains(No connection)");
    expect(order.lines.map(({ qty }) => qty)).toEqual([1]);
});

function refusal(message) {
    return Object.assign(new RPCError(), {
        exceptionName: "odoo.addons.scenic_ticket_base.exceptions.CapacityError",
        data: { message },
    });
}

test("when a slot is gone at payment the order stays and another one is offered", async () => {
    const { store, order, touch } = await setupOrder();
    answerPlaces({ [TODAY]: { slots: SLOTS } });
    const touched = touch(undefined, 3);
    await choose(slotTile(10));
    await touched;
    order.state = "paid";
    const gone = { ...SLOTS[1], state: "full", free: 0 };
    answerPlaces({ [TODAY]: { slots: [{ ...SLOTS[0], free: 3 }, gone] } });
    const validation = new OrderPaymentValidation({ pos: store, orderUuid: order.uuid });
    validation.handleValidationError(refusal("Only 2 places are left."));
    await waitFor(".scenic-visit-picker .alert:contains(Only 2 places are left.)");
    expect(order.state).toBe("draft");
    await click(slotTile(10));
    await animationFrame();
    expect(visits(order)).toEqual([[3, TODAY, 10]]);
    await choose(slotTile(9));
    expect(visits(order)).toEqual([[3, TODAY, 9]]);
});

test("a refusal that no other visit mends is just told", async () => {
    const { store, order, touch } = await setupOrder();
    await touch();
    order.state = "paid";
    const validation = new OrderPaymentValidation({ pos: store, orderUuid: order.uuid });
    validation.handleValidationError(refusal("Ask the accountant."));
    await waitFor(".modal-body:contains(Ask the accountant.)");
    expect(order.state).toBe("draft");
    expect(".scenic-visit-picker").toHaveCount(0);
});

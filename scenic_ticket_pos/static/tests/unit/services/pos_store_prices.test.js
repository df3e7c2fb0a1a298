import { beforeEach, expect, test } from "@odoo/hoot";
import { click, waitFor } from "@odoo/hoot-dom";
import { animationFrame, mockDate } from "@odoo/hoot-mock";
import OrderPaymentValidation from "@point_of_sale/app/utils/order_payment_validation";
import { definePosModels } from "@point_of_sale/../tests/unit/data/generate_model_definitions";
import { TODAY, answerPlaces, setupWindow } from "@scenic_ticket_pos/../tests/unit/utils";
import { mountWithCleanup, onRpc } from "@web/../tests/web_test_helpers";
import { MainComponentsContainer } from "@web/core/main_components_container";
import { RPCError } from "@web/core/network/rpc";

definePosModels();
beforeEach(() => mockDate(`${TODAY} 02:00:00`, 0));

const LATER = "2026-12-02";
const dayTile = (date) => `.scenic-tile[data-date="${date}"]`;

/** The same prices in each price list; the members' list has others. */
function lists(steps, members = steps) {
    return { 0: steps, 1: steps, 2: members, 3: steps };
}

async function setupOrder() {
    const { store, adult } = await setupWindow();
    answerPlaces({
        [TODAY]: { state: "full", free: 0, prices: lists([[1, 60]]) },
        [LATER]: {
            prices: lists(
                [
                    [1, 80],
                    [10, 70],
                ],
                [[1, 50]]
            ),
        },
        "2026-12-03": { prices: lists([[1, 65]]) },
    });
    await mountWithCleanup(MainComponentsContainer);
    const order = store.addNewOrder();
    order.setPricelist(store.models["product.pricelist"].get(1));
    const touch = async (date = LATER, qty = 1) => {
        const touched = store.addLineToOrder({ product_tmpl_id: adult, qty }, order);
        await waitFor(dayTile(date));
        await click(dayTile(date));
        return touched;
    };
    return { store, order, touch };
}

const prices = (order) => order.lines.map(({ qty, price_unit }) => [qty, price_unit]);

test("a later day costs what that day costs, by number of persons", async () => {
    const { order, touch } = await setupOrder();
    const line = await touch();
    expect(prices(order)).toEqual([[1, 80]]);
    // the same visit is the same line
    await touch();
    expect(prices(order)).toEqual([[2, 80]]);
    line.setQuantity(10);
    expect(prices(order)).toEqual([[10, 70]]);
    line.setQuantity(9);
    expect(prices(order)).toEqual([[9, 80]]);
});

test("the picker shows the price of each day", async () => {
    const { store, order, touch } = await setupOrder();
    const line = await touch();
    const changed = store.changeScenicVisit(line);
    await waitFor(`${dayTile(LATER)} .scenic-tile-price:contains(80)`);
    expect(`${dayTile("2026-12-03")} .scenic-tile-price:contains(65)`).toHaveCount(1);
    await click(dayTile("2026-12-03"));
    await changed;
    expect(prices(order)).toEqual([[1, 65]]);
});

test("another price list, and a price by hand", async () => {
    const { store, order, touch } = await setupOrder();
    const line = await touch();
    order.setPricelist(store.models["product.pricelist"].get(2));
    expect(prices(order)).toEqual([[1, 50]]);
    line.setUnitPrice(12);
    line.price_type = "manual";
    line.setQuantity(2);
    order.setPricelist(store.models["product.pricelist"].get(1));
    expect(prices(order)).toEqual([[2, 12]]);
});

test("the prices stay with the order when the page is loaded anew", async () => {
    const { touch } = await setupOrder();
    const line = await touch();
    const { JSONuiState } = line.serializeForIndexedDB();
    expect(JSON.parse(JSONuiState).scenicPrices[1]).toEqual([
        [1, 80],
        [10, 70],
    ]);
});

test("a price that has changed at payment is corrected and told", async () => {
    const { store, order, touch } = await setupOrder();
    await touch();
    onRpc("pos.config", "scenic_prices", ({ args: [, visits] }) => {
        expect.step(visits.flat().join(" "));
        return visits.map(() => lists([[1, 95]]));
    });
    order.state = "paid";
    const refusal = Object.assign(new RPCError(), {
        exceptionName: "odoo.addons.scenic_ticket_pos.exceptions.WindowPriceError",
        data: { message: "It costs 95." },
    });
    const validation = new OrderPaymentValidation({ pos: store, orderUuid: order.uuid });
    validation.handleValidationError(refusal);
    await waitFor(".modal-body:contains(It costs 95.)");
    await animationFrame();
    expect.verifySteps([`901 ${LATER}`]);
    expect(order.state).toBe("draft");
    expect(prices(order)).toEqual([[1, 95]]);
});

test("without the server a day that was never asked about costs what today does", async () => {
    const { store, order, touch } = await setupOrder();
    const line = await touch();
    store.scenicPrices.clear();
    store.data.network.offline = true;
    await store.applyScenicPrices([line]);
    const product = line.product_id;
    const today = product.getPrice(order.pricelist_id, 1, 0, false, product);
    expect(prices(order)).toEqual([[1, today]]);
    expect(today).not.toBe(80);
});

import { describe, expect, test } from "@odoo/hoot";
import { definePosModels } from "@point_of_sale/../tests/unit/data/generate_model_definitions";
import { setupWindow } from "@scenic_ticket_pos/../tests/unit/utils";

definePosModels();

const add = (store, order, template, values = {}) =>
    store.addLineToOrder({ product_tmpl_id: template, qty: 1, ...values }, order);

describe("merge", () => {
    test("the same ticket for the same day is one line", async () => {
        const { store, adult } = await setupWindow();
        const order = store.addNewOrder();
        await add(store, order, adult);
        await add(store, order, adult);
        expect(order.lines.map(({ qty }) => qty)).toEqual([2]);
        expect(order.lines[0].scenic_visit_date.isValid).toBe(true);
    });

    test("another day is another line", async () => {
        const { store, adult } = await setupWindow();
        const order = store.addNewOrder();
        const today = await add(store, order, adult);
        const tomorrow = today.scenic_visit_date.plus({ days: 1 });
        await add(store, order, adult, { scenic_visit_date: tomorrow });
        await add(store, order, adult, { scenic_visit_date: tomorrow });
        await add(store, order, adult);
        expect(order.lines.map(({ qty }) => qty)).toEqual([2, 2]);
    });
});

describe("quantity", () => {
    const refusals = [
        ["half a person", "adult", 1.5, "Whole persons only"],
        ["half a person, keyed in", "adult", "2.5", "Whole persons only"],
        ["less than nobody", "adult", -1, "Whole persons only"],
        ["one more than a QR code counts", "group", 256, "Group too large"],
    ];
    for (const [what, kind, quantity, title] of refusals) {
        test(`refused: ${what}`, async () => {
            const { store, ...templates } = await setupWindow();
            const line = await add(store, store.addNewOrder(), templates[kind]);
            expect(line.setQuantity(quantity).title.toString()).toBe(title);
            expect(line.qty).toBe(1);
        });
    }

    const accepted = [
        ["nobody, which removes the line", "adult", 0],
        ["a busload of single tickets", "adult", 256],
        ["the largest group", "group", 255],
    ];
    for (const [what, kind, quantity] of accepted) {
        test(`accepted: ${what}`, async () => {
            const { store, ...templates } = await setupWindow();
            const line = await add(store, store.addNewOrder(), templates[kind]);
            expect(line.setQuantity(quantity)).toBe(true);
            expect(line.qty).toBe(quantity);
        });
    }

    test("of a refund is not changed", async () => {
        const { store, adult } = await setupWindow();
        const sold = await add(store, store.addNewOrder(), adult, { qty: 3 });
        const refund = await add(store, store.addNewOrder(), adult, {
            qty: -2,
            refunded_orderline_id: sold,
        });
        expect(refund.setQuantity(-1).title.toString()).toBe("Ticket refund");
        expect(refund.qty).toBe(-2);
    });
});

import { expect, test } from "@odoo/hoot";
import { click, edit, press, queryFirst, waitFor } from "@odoo/hoot-dom";
import { animationFrame } from "@odoo/hoot-mock";
import { definePosModels } from "@point_of_sale/../tests/unit/data/generate_model_definitions";
import { setupWindow } from "@scenic_ticket_pos/../tests/unit/utils";
import { mountWithCleanup, onRpc } from "@web/../tests/web_test_helpers";
import { MainComponentsContainer } from "@web/core/main_components_container";

definePosModels();

const field = (row, name) => `.scenic-visitor[data-row="${row}"] [name=${name}]`;

/** An order of two real-name tickets; the server takes any number of four digits or more. */
async function setupNames() {
    const { store, adult } = await setupWindow();
    adult.scenic_real_name = "visitor";
    await mountWithCleanup(MainComponentsContainer);
    onRpc("pos.config", "scenic_check_visitor", ({ args: [, values] }) => {
        const [name, doc_number] = values.doc_number.split(",");
        const found = doc_number ? { name, doc_number, doc_kind: "gat_residence" } : values;
        if (found.doc_number.length < 4) {
            return { ...found, code: "DOC_FORMAT", message: "This is no number." };
        }
        if (!found.name) {
            return { ...found, code: "VISITOR_NAME", message: "A name is missing." };
        }
        return { ...found, code: false, message: false };
    });
    const order = store.addNewOrder();
    await store.addLineToOrder({ product_tmpl_id: adult, qty: 2 }, order);
    return { store, order };
}

async function type(row, name, text) {
    await click(field(row, name));
    await edit(text);
    await press("Enter");
    await animationFrame();
}

test("each person is checked, and a reader fills in what it knows", async () => {
    const { store, order } = await setupNames();
    expect(order.getScenicNamesText(order.lines[0]).toString()).toBe("Names: 0 of 2");
    const asked = store.askScenicVisitors(order);
    await waitFor(".scenic-visitor-names");
    expect(field(0, "doc_number")).toBeFocused();
    await type(0, "doc_number", "12");
    await waitFor(".scenic-visitor-message:contains(This is no number.)");
    await type(0, "doc_number", "1234");
    await waitFor(`${field(0, "name")}:focus`);
    await type(0, "name", "Zhang San");
    await waitFor(`${field(1, "doc_number")}:focus`);
    await type(1, "doc_number", "Li Si,5678");
    await waitFor(".modal-footer .btn-primary:focus");
    expect(queryFirst(field(1, "doc_kind")).value).toBe("gat_residence");
    await click(".modal-footer .btn-primary");
    expect(await asked).toBe(true);
    const visitors = [
        { name: "Zhang San", doc_kind: "cn_id", doc_number: "1234" },
        { name: "Li Si", doc_kind: "gat_residence", doc_number: "5678" },
    ];
    expect(order.lines[0].getScenicVisitors()).toEqual(visitors);
    expect(order.getScenicNamesText(order.lines[0]).toString()).toBe("Names: 2 of 2");
    // asked once, sent with the payment, never written to the disk
    expect(await store.askScenicVisitors(order)).toBe(true);
    expect(order.lines[0].serializeForIndexedDB().JSONuiState || "").not.toInclude("5678");
    const sent = () => order.serializeForORM({ keepCommands: true }).lines[0][2];
    expect(sent().scenic_visitors).toBe(undefined);
    order.state = "paid";
    expect(sent().scenic_visitors).toEqual(visitors);
});

test("without names no money is taken", async () => {
    const { store, order } = await setupNames();
    store.setOrder(order);
    const paying = store.pay();
    await waitFor(".scenic-visitor-names");
    await press("Escape");
    await paying;
    expect(order.lacksScenicVisitors()).toBe(true);
    expect(store.router.state.current).not.toBe("PaymentScreen");
});

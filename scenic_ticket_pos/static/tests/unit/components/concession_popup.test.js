import { expect, test } from "@odoo/hoot";
import { click, edit, press, queryAllTexts, waitFor } from "@odoo/hoot-dom";
import { animationFrame } from "@odoo/hoot-mock";
import { definePosModels } from "@point_of_sale/../tests/unit/data/generate_model_definitions";
import { setupWindow } from "@scenic_ticket_pos/../tests/unit/utils";
import { mountWithCleanup, onRpc } from "@web/../tests/web_test_helpers";
import { MainComponentsContainer } from "@web/core/main_components_container";

definePosModels();

const POPUP = ".scenic-concession";
const REVIEW = ".scenic-concession-review";

function offer(product_id, name, price, values = {}) {
    return {
        product_id,
        name,
        price,
        concession: "",
        legal_basis: "",
        proof: "",
        needs_proof: false,
        ...values,
    };
}

/** The law grants the group ticket of the test data at 10; the adult ticket is for everybody. */
async function setupConcession() {
    const { store, adult, group } = await setupWindow();
    await mountWithCleanup(MainComponentsContainer);
    onRpc("pos.config", "scenic_propose", ({ args: [, values] }) => ({
        visitor: { ...values, guardian_name: "", code: "VISITOR_NAME", message: "No name." },
        document: values.doc_number,
        age: 5,
        date: "2026-12-01",
        offers: [
            offer(902, "Group Ticket", 10, { concession: "Child (age up to 6)" }),
            offer(901, "Adult Ticket", 60),
            // not on sale at this window
            offer(999, "Elsewhere", 0),
        ],
    }));
    const order = store.addNewOrder();
    return { store, order, adult, group };
}

async function read(text) {
    await click(`${POPUP} [name=doc_number]`);
    await edit(text);
    await press("Enter");
    await waitFor(`${POPUP} .scenic-offer-chosen:focus`);
}

test("Enter looks up, a second Enter sells what the law grants", async () => {
    const { store, order } = await setupConcession();
    const chosen = store.chooseScenicConcession();
    await waitFor(`${POPUP} [name=doc_number]:focus`);
    await read("11010520210307001X");
    expect(queryAllTexts(`${POPUP} .scenic-offer`)).toHaveLength(2);
    expect(`${POPUP} .scenic-offer-best`).toHaveText(/By law/);
    await press("Enter");
    await chosen;
    const [line] = order.lines;
    expect(line.product_id.id).toBe(902);
    expect(line.scenic_proof_note).toBe("Resident Identity Card …001X");
    expect(line.getScenicVisitors()).toEqual([
        { name: "", doc_kind: "cn_id", doc_number: "11010520210307001X" },
    ]);
});

test("a dearer ticket needs a reason, and joins no other line", async () => {
    const { store, order, adult } = await setupConcession();
    await store.addLineToOrder({ product_tmpl_id: adult, qty: 1 }, order);
    const chosen = store.chooseScenicConcession();
    await waitFor(POPUP);
    await read("11010520210307001X");
    await click(`${POPUP} .scenic-offer:contains(Adult Ticket)`);
    await animationFrame();
    expect(".modal-footer .btn-primary").not.toBeEnabled();
    await click(`${POPUP} [name=reason]`);
    await edit("wants it");
    await animationFrame();
    await click(".modal-footer .btn-primary");
    await chosen;
    expect(order.lines.map((line) => line.scenic_choice_reason || "")).toEqual(["", "wants it"]);
});

test("what the sale would refuse is settled before payment", async () => {
    const { store, order, adult } = await setupConcession();
    adult.scenic_is_concession = true;
    await store.addLineToOrder({ product_tmpl_id: adult, qty: 1 }, order);
    onRpc("pos.config", "scenic_review", ({ args: [, lines] }) => {
        expect.step(`proof ${lines[0].proof_checked}`);
        return lines[0].proof_checked
            ? []
            : [
                  {
                      uuid: lines[0].uuid,
                      code: "CONCESSION_PROOF",
                      message: "Look at the proof.",
                      proof: "student card",
                      state: false,
                  },
              ];
    });
    const reviewed = store.reviewScenicConcessions(order);
    await waitFor(`${REVIEW}:contains(student card)`);
    await click(".modal-footer .btn-primary");
    expect(await reviewed).toBe(true);
    expect(order.lines[0].scenic_proof_note).toBe("student card");
    expect.verifySteps(["proof false", "proof true"]);
});

test("a dialog that is closed leaves the order to be changed", async () => {
    const { store, order, adult } = await setupConcession();
    adult.scenic_is_concession = true;
    await store.addLineToOrder({ product_tmpl_id: adult, qty: 1 }, order);
    onRpc("pos.config", "scenic_review", ({ args: [, lines] }) => [
        {
            uuid: lines[0].uuid,
            code: "ELIGIBILITY_AGE",
            message: "Too old.",
            proof: "",
            state: "refused",
        },
    ]);
    const reviewed = store.reviewScenicConcessions(order);
    await waitFor(`${REVIEW}:contains(A supervisor has refused it)`);
    await click(".modal-footer .btn-secondary");
    expect(await reviewed).toBe(false);
});

import { beforeEach, expect, test } from "@odoo/hoot";
import { click, edit, press, queryAll, waitFor, waitForNone } from "@odoo/hoot-dom";
import { animationFrame, mockDate } from "@odoo/hoot-mock";
import { definePosModels } from "@point_of_sale/../tests/unit/data/generate_model_definitions";
import { TODAY, setupWindow } from "@scenic_ticket_pos/../tests/unit/utils";
import { mountWithCleanup, onRpc } from "@web/../tests/web_test_helpers";
import { MainComponentsContainer } from "@web/core/main_components_container";

definePosModels();
beforeEach(() => mockDate(`${TODAY} 02:00:00`, 0));

const GROUP = ".modal .scenic-group";
const field = (row, name) => `${GROUP} .scenic-group-row:eq(${row}) [name=${name}]`;
const guide = (name) => `${GROUP} .scenic-group-guide [name=${name}]`;
const button = (text) => `.modal button:contains(${text})`;

/** The server takes numbers of four characters or more, each once. */
function judge(rows) {
    const seen = new Set();
    return rows.map((row) => {
        const known = seen.has(row.doc_number);
        seen.add(row.doc_number);
        if (row.doc_number.length < 4) {
            return { ...row, code: "DOC_FORMAT", message: "This is no number." };
        }
        if (known) {
            return { ...row, code: "ROSTER_TWICE", message: "This document stands twice." };
        }
        return { ...row, code: false, message: false };
    });
}

async function setupGroup() {
    const { store, group } = await setupWindow();
    Object.assign(group, { scenic_guide_per: 10, scenic_min_persons: 5 });
    const asked = [];
    onRpc("pos.config", "scenic_check_roster", ({ args: [, visit, rows] }) => {
        asked.push(`${rows.length} for ${visit.join(" ")}`);
        return judge(rows);
    });
    onRpc("pos.config", "scenic_read_roster", ({ args: [, source] }) =>
        judge(
            source.text.split("\n").map((line) => {
                const [name, doc_number] = line.split(",");
                return { name, doc_number, doc_kind: "cn_id", phone: "" };
            })
        )
    );
    await mountWithCleanup(MainComponentsContainer);
    const order = store.addNewOrder();
    const line = await store.addLineToOrder({ product_tmpl_id: group, qty: 12 }, order);
    const edited = store.editScenicGroup(line);
    await waitFor(GROUP);
    return { store, order, line, edited, asked };
}

async function type(target, text, key) {
    await click(target);
    await edit(text);
    if (key) {
        await press(key);
    }
    await animationFrame();
}

async function paste(text) {
    await type(`${GROUP} textarea`, text);
    await click(button("Read the list"));
    await waitFor(`${GROUP} .scenic-group-row`);
}

async function take() {
    await click(button("Take this group"));
    await animationFrame();
}

test("size, free places, guide and roster", async () => {
    const { line, order, edited, asked } = await setupGroup();
    expect(`${GROUP} [name=size]`).toBeFocused();
    expect(`${GROUP} .scenic-group-persons`).toHaveText("12 persons and 1 free");
    await type(`${GROUP} [name=size]`, "20");
    expect(`${GROUP} .scenic-group-persons`).toHaveText("20 persons and 2 free");
    await type(guide("doc_number"), "9999");
    await type(guide("name"), "Guide Wang");
    await type(guide("phone"), "13800138000", "Enter");
    expect(asked).toEqual([`1 for 902 ${TODAY} false`]);
    await paste("Zhang San,1234\nLi Si,5678");
    expect(`${GROUP} .scenic-group-names`).toHaveText("Names: 3 of 22");
    await take();
    await edited;
    expect(line.qty).toBe(20);
    expect(line.scenicPersons).toBe(22);
    expect(line.scenicGuide.name).toBe("Guide Wang");
    expect(line.scenicRoster.map(({ name }) => name)).toEqual(["Zhang San", "Li Si"]);
    expect(line.scenicGroupText.toString()).toBe(
        "Group: 20 + 2 free · guide: Guide Wang · names: 3"
    );
    // sent with the payment only
    const sent = () => order.serializeForORM({ keepCommands: true }).lines[0][2];
    expect(sent().scenic_visitors).toBe(undefined);
    order.state = "paid";
    expect(sent().scenic_visitors.map(({ role }) => role)).toEqual(["guide", undefined, undefined]);
});

test("what is wrong is corrected where it stands", async () => {
    const { line, edited } = await setupGroup();
    await paste("Zhang San,1234\nLi Si,12\nWang Wu,1234");
    expect(`${GROUP} .scenic-group-wrong`).toHaveText("To correct: 2");
    expect(queryAll(`${GROUP} .scenic-group-message`).map((el) => el.textContent)).toEqual([
        "This is no number.",
        "This document stands twice.",
    ]);
    await take();
    await waitFor(`${field(1, "doc_number")}:focus`);
    await type(field(1, "doc_number"), "5678", "Enter");
    // the next one that is wrong
    await waitFor(`${field(2, "doc_number")}:focus`);
    await click(button("Remove these lines"));
    await animationFrame();
    expect(`${GROUP} .scenic-group-wrong`).toHaveCount(0);
    await take();
    await edited;
    expect(line.scenicRoster.map(({ doc_number }) => doc_number)).toEqual(["1234", "5678"]);
});

test("a reader at the keyboard goes from person to person", async () => {
    const { line, edited } = await setupGroup();
    await click(button("Person"));
    await animationFrame();
    for (const [index, number] of ["1234", "5678"].entries()) {
        await waitFor(`${field(index, "doc_number")}:focus`);
        await edit(number);
        await press("Enter");
        await animationFrame();
    }
    await waitFor(`${field(2, "doc_number")}:focus`);
    await take();
    await edited;
    expect(line.scenicRoster.map(({ doc_number }) => doc_number)).toEqual(["1234", "5678"]);
});

test("sizes that are none", async () => {
    const { line } = await setupGroup();
    for (const [size, text] of [
        ["4", "A group is 5 persons or more."],
        ["x", "A group is 5 persons or more."],
        ["240", "One group ticket admits up to 255 persons."],
    ]) {
        await type(`${GROUP} [name=size]`, size, "Enter");
        await waitFor(`${GROUP} .scenic-group-refusal:contains(${text})`);
    }
    await type(`${GROUP} [name=size]`, "5");
    await paste("A,1111\nB,2222\nC,3333\nD,4444\nE,5555\nF,6666");
    await take();
    await waitFor(`${GROUP} .scenic-group-refusal:contains(6 persons are named)`);
    await press("Escape");
    await waitForNone(GROUP);
    expect([line.qty, line.scenicRoster.length]).toEqual([12, 0]);
});

test("a roster is kept with the order as a text that only the server reads", async () => {
    const { store, line, edited } = await setupGroup();
    const visitors = [{ name: "Zhang San", doc_kind: "cn_id", doc_number: "1234", phone: "" }];
    onRpc("pos.config", "scenic_seal_visitors", ({ args: [, lines] }) => {
        expect(lines).toEqual([[line.uuid, visitors]]);
        return ["sealed"];
    });
    onRpc("pos.config", "scenic_open_visitors", ({ args: [, lines] }) => {
        expect(lines).toEqual([[line.uuid, "sealed"]]);
        return [visitors];
    });
    await paste("Zhang San,1234");
    await take();
    await edited;
    const stored = line.serializeForIndexedDB().JSONuiState;
    expect(stored).toInclude("sealed");
    expect(stored).not.toInclude("1234");
    // as after the page was loaded anew
    line.uiState.scenicVisitors = undefined;
    await store._openScenicVisitors();
    expect(line.scenicRoster).toEqual(visitors);
});

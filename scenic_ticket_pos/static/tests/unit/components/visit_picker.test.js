import { expect, test } from "@odoo/hoot";
import { click, press, queryFirst, waitFor } from "@odoo/hoot-dom";
import { advanceTime, animationFrame } from "@odoo/hoot-mock";
import { setupPosEnv } from "@point_of_sale/../tests/unit/utils";
import { definePosModels } from "@point_of_sale/../tests/unit/data/generate_model_definitions";
import {
    REFRESH_MS,
    VisitPicker,
} from "@scenic_ticket_pos/app/components/visit_picker/visit_picker";
import { TODAY, placesAnswer } from "@scenic_ticket_pos/../tests/unit/utils";
import { getService, mountWithCleanup } from "@web/../tests/web_test_helpers";
import { MainComponentsContainer } from "@web/core/main_components_container";
import { ConnectionLostError } from "@web/core/network/rpc";

definePosModels();

function open(values) {
    return { state: "open", free: null, level: null, why: false, ...values };
}

async function mountPicker(places, props = {}) {
    await setupPosEnv();
    const answers = [];
    await mountWithCleanup(MainComponentsContainer);
    getService("dialog").add(VisitPicker, {
        title: "Adult Ticket",
        persons: 1,
        current: {},
        places,
        offlineDay: TODAY,
        load: () => Promise.resolve(places),
        slotText: (id) => `slot ${id}`,
        priceText: () => "",
        getPayload: (answer) => answers.push(answer),
        ...props,
    });
    await waitFor(".scenic-visit-picker");
    return answers;
}

const dayTile = (date) => `.scenic-tile[data-date="${date}"]`;
const slotTile = (id) => `.scenic-tile[data-slot-id="${id}"]`;

const SLOTS = {
    [TODAY]: {
        state: "full",
        free: 0,
        slots: [open({ id: 1, state: "over" }), open({ id: 2, state: "full", free: 0 })],
    },
    "2026-12-02": {
        free: 5,
        slots: [open({ id: 3, state: "closed", why: "storm" }), open({ id: 4, free: 5 })],
    },
};

test("a touch on a day without slots is the choice", async () => {
    const answers = await mountPicker(placesAnswer());
    expect(".scenic-days .scenic-tile").toHaveCount(14);
    await click(dayTile("2026-12-03"));
    expect(answers).toEqual([{ date: "2026-12-03", slotId: null }]);
});

test("a closed day is no choice and says why", async () => {
    const places = placesAnswer({ "2026-12-03": { state: "closed", why: "storm warning" } });
    const answers = await mountPicker(places);
    await click(dayTile("2026-12-03"));
    await animationFrame();
    expect(answers).toEqual([]);
    expect(".scenic-why").toHaveText("storm warning");
});

test("the first day that can be chosen shows its slots; a touch on one is the choice", async () => {
    const answers = await mountPicker(placesAnswer(SLOTS));
    expect(".scenic-slots .scenic-tile").toHaveCount(2);
    await click(slotTile(3));
    expect(answers).toEqual([]);
    await click(slotTile(4));
    expect(answers).toEqual([{ date: "2026-12-02", slotId: 4 }]);
});

test("arrows and enter", async () => {
    const answers = await mountPicker(placesAnswer(SLOTS));
    expect(slotTile(4)).toBeFocused();
    await press("ArrowUp");
    expect(dayTile("2026-12-02")).toBeFocused();
    await press("ArrowLeft");
    await animationFrame();
    expect(dayTile(TODAY)).toBeFocused();
    expect(slotTile(1)).toHaveCount(1);
    await press("ArrowRight");
    await animationFrame();
    await press("Enter");
    await animationFrame();
    expect(answers).toEqual([]);
    expect(slotTile(4)).toBeFocused();
    await press("Enter");
    expect(answers).toEqual([{ date: "2026-12-02", slotId: 4 }]);
});

test("the visit of the line is where it begins", async () => {
    const current = { date: "2026-12-02", slotId: 4 };
    const others = { ...SLOTS, [TODAY]: {} };
    await mountPicker(placesAnswer(others), { current });
    expect(`${slotTile(4)}.scenic-tile-chosen`).toHaveCount(1);
    expect(slotTile(4)).toBeFocused();
});

test("places are asked for again while it is open", async () => {
    const load = (from) => {
        expect.step(`load ${from}`);
        const others = { "2026-12-02": { state: "full", free: 0 } };
        return Promise.resolve(placesAnswer(others));
    };
    await mountPicker(placesAnswer(), { load });
    expect(`${dayTile("2026-12-02")}[aria-disabled=false]`).toHaveCount(1);
    await advanceTime(REFRESH_MS);
    await animationFrame();
    expect.verifySteps([`load ${TODAY}`]);
    expect(`${dayTile("2026-12-02")}[aria-disabled=true]`).toHaveCount(1);
});

test("without a connection only today can be chosen, until it is back", async () => {
    let connected = false;
    const places = placesAnswer();
    const load = () =>
        connected ? Promise.resolve(places) : Promise.reject(new ConnectionLostError());
    const answers = await mountPicker(places, { load });
    await advanceTime(REFRESH_MS);
    await animationFrame();
    expect(".scenic-no-connection").toHaveCount(1);
    await click(dayTile("2026-12-02"));
    expect(answers).toEqual([]);
    connected = true;
    await advanceTime(REFRESH_MS);
    await animationFrame();
    expect(".scenic-no-connection").toHaveCount(0);
    await click(dayTile("2026-12-02"));
    expect(answers).toEqual([{ date: "2026-12-02", slotId: null }]);
});

test("opened without a connection it offers today and nothing else", async () => {
    const load = () => Promise.reject(new ConnectionLostError());
    const answers = await mountPicker(null, { load });
    expect(".scenic-tile").toHaveCount(1);
    await click(dayTile(TODAY));
    expect(answers).toEqual([{ date: TODAY, slotId: null }]);
});

test("later and earlier weeks", async () => {
    const load = (from) => {
        expect.step(from);
        return Promise.resolve(placesAnswer({}, from));
    };
    await mountPicker(placesAnswer(), { load });
    const [earlier, later] = [".scenic-turn:first", ".scenic-turn:last"];
    expect(queryFirst(earlier).disabled).toBe(true);
    await click(later);
    await animationFrame();
    expect(dayTile("2026-12-15")).toHaveCount(1);
    await click(earlier);
    await animationFrame();
    expect(dayTile(TODAY)).toHaveCount(1);
    expect.verifySteps(["2026-12-15", TODAY]);
});

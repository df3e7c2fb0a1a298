import { beforeEach, describe, expect, test } from "@odoo/hoot";
import {
    canTakeAtOnce,
    hasPlace,
    isSameVisit,
    neighbour,
    placeTile,
    strip,
    withoutServer,
} from "@scenic_ticket_pos/app/utils/visit_places";
import { allowTranslations } from "@web/../tests/web_test_helpers";

const { DateTime } = luxon;

describe.current.tags("headless");
beforeEach(allowTranslations);

function place(values) {
    return { state: "open", free: null, level: null, why: false, ...values };
}

function day(date, values) {
    return place({ date, slots: [], ...values });
}

function slot(id, values) {
    return place({ id, ...values });
}

test("a place can be chosen while it is open and has room for all", () => {
    expect(placeTile(place())).toEqual({ choosable: true, tone: "free", label: "", why: "" });
    expect(placeTile(place({ free: 3 }), 3)).toEqual({
        choosable: true,
        tone: "free",
        label: "3 left",
        why: "",
    });
    const short = placeTile(place({ free: 3, level: "red" }), 4);
    expect(short.choosable).toBe(false);
    expect(short.tone).toBe("shut");
    expect(short.label).toBe("3 left");
    expect(short.why).toInclude("4");
});

test("an open place has the colour of its alert level", () => {
    expect(placeTile(place({ free: 3, level: "orange" })).tone).toBe("orange");
    expect(placeTile(place({ level: "yellow" })).tone).toBe("yellow");
});

test("what is not on sale says so and why", () => {
    for (const [state, label] of [
        ["full", "Full"],
        ["over", "Over"],
        ["closed", "Closed"],
        ["offline", "Offline"],
    ]) {
        const tile = placeTile(place({ state, free: 0, level: "red", why: "storm" }));
        expect(tile).toEqual({ choosable: false, tone: "shut", label, why: "storm" });
    }
});

test("a day of slots counts the slots that can be chosen", () => {
    const [tile] = strip(
        [
            day("2026-12-01", {
                free: 5,
                slots: [slot(1, { free: 5 }), slot(2, { free: 1 }), slot(3, { state: "over" })],
            }),
        ],
        2
    );
    expect(tile.label).toBe("Slots: 1");
    expect(tile.slots.map((s) => s.choosable)).toEqual([true, false, false]);
});

test("a day whose slots are too small for the party cannot be chosen", () => {
    const [tile] = strip([day("2026-12-01", { free: 1, slots: [slot(1, { free: 1 })] })], 2);
    expect(tile.choosable).toBe(false);
    expect(tile.label).toBe("1 left");
});

test("today is taken at once only if it is open and without slots", () => {
    const today = "2026-12-01";
    expect(canTakeAtOnce([day(today)], today)).toBe(true);
    expect(canTakeAtOnce([day(today, { free: 1 })], today)).toBe(true);
    expect(canTakeAtOnce([day(today, { state: "full", free: 0 })], today)).toBe(false);
    expect(canTakeAtOnce([day(today, { state: "closed" })], today)).toBe(false);
    expect(canTakeAtOnce([day(today, { slots: [slot(1)] })], today)).toBe(false);
    expect(canTakeAtOnce([day("2026-12-02")], today)).toBe(false);
});

test("a visit has a place if its own day or slot has one", () => {
    const days = [
        day("2026-12-01", { free: 2 }),
        day("2026-12-02", { free: 4, slots: [slot(1, { free: 4 }), slot(2, { state: "full" })] }),
    ];
    const has = (date, slotId, persons) => hasPlace(days, { date, slotId, persons });
    expect(has("2026-12-01", undefined, 2)).toBe(true);
    expect(has("2026-12-01", undefined, 3)).toBe(false);
    expect(has("2026-12-02", 1, 4)).toBe(true);
    expect(has("2026-12-02", 2, 1)).toBe(false);
    // a day of slots needs one, and one of its own
    expect(has("2026-12-02", undefined, 1)).toBe(false);
    expect(has("2026-12-02", 9, 1)).toBe(false);
    // over or not told
    expect(has("2026-11-30", undefined, 1)).toBe(false);
});

test("without a server only today is sold, and only without slots", () => {
    const days = [day("2026-12-01"), day("2026-12-02"), day("2026-12-03", { slots: [slot(1)] })];
    const choosable = (known, date) =>
        strip(withoutServer(known, date))
            .filter((tile) => tile.choosable)
            .map((tile) => tile.date);
    expect(choosable(days, "2026-12-01")).toEqual(["2026-12-01"]);
    expect(choosable(days, "2026-12-03")).toEqual([]);
    expect(choosable(days, null)).toEqual([]);
    expect(choosable([], "2026-12-01")).toEqual(["2026-12-01"]);
    expect(choosable([], null)).toEqual([]);
    expect(choosable([day("2026-12-01", { state: "closed" })], "2026-12-01")).toEqual([]);
});

test("lines merge only if they are for the same day and slot", () => {
    const line = (date, id) => ({
        scenic_visit_date: date && DateTime.fromISO(date),
        scenic_slot_id: id && { id },
    });
    expect(isSameVisit(line(), line())).toBe(true);
    expect(isSameVisit(line("2026-12-01"), line("2026-12-01"))).toBe(true);
    expect(isSameVisit(line("2026-12-01"), line("2026-12-02"))).toBe(false);
    expect(isSameVisit(line("2026-12-01"), line())).toBe(false);
    expect(isSameVisit(line("2026-12-01", 1), line("2026-12-01", 1))).toBe(true);
    expect(isSameVisit(line("2026-12-01", 1), line("2026-12-01", 2))).toBe(false);
    expect(isSameVisit(line("2026-12-01", 1), line("2026-12-01"))).toBe(false);
});

test("arrows move in a grid and out of it at top and bottom", () => {
    const go = (index, key) => neighbour(index, key, 7, 10);
    expect(go(0, "ArrowLeft")).toBe(0);
    expect(go(0, "ArrowRight")).toBe(1);
    expect(go(9, "ArrowRight")).toBe(9);
    expect(go(2, "ArrowUp")).toBe(-1);
    expect(go(8, "ArrowUp")).toBe(1);
    expect(go(1, "ArrowDown")).toBe(8);
    // the row below is shorter
    expect(go(5, "ArrowDown")).toBe(9);
    expect(go(8, "ArrowDown")).toBe(10);
    expect(go(3, "Enter")).toBe(undefined);
});

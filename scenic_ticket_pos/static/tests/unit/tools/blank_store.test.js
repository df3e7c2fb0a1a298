import { afterEach, expect, test } from "@odoo/hoot";
import { BlankStore } from "@scenic_ticket_pos/app/utils/blank_store";

const DAY = "2026-12-01";
const NOON = "2026-12-01 04:00:00";
const END = "2026-12-01 16:00:00";
const ADULT = 11;
const OPEN = 12;

let opened = [];
let number = 0;

afterEach(async () => {
    for (const store of opened) {
        store.close();
        indexedDB.deleteDatabase(store.name);
    }
    opened = [];
});

async function openStore(name = `test-blanks-${++number}`) {
    const store = await new BlankStore(name).open();
    opened.push(store);
    return store;
}

/** @returns {Object[]} blanks 1 to 4 of a dated ticket, 5 and 6 of an open one */
function blanks() {
    return [1, 2, 3, 4, 5, 6].map((id) => ({
        id,
        number: id,
        product_id: id < 5 ? ADULT : OPEN,
        visit_date: id < 5 ? DAY : false,
        until: END,
        pos_qr_token: `T1${id}`,
    }));
}

async function openFilled(name) {
    const store = await openStore(name);
    await store.merge(blanks(), []);
    return store;
}

const adults = (count, line = "l1", date = DAY) => ({ line, product: ADULT, date, count });

function ids(rows) {
    return rows.map(({ id }) => id);
}

async function states(store) {
    const rows = await store.all();
    return rows.map(({ id, state }) => `${id} ${state}`);
}

test("takes the lowest numbers, each once", async () => {
    const store = await openFilled();
    const first = await store.take("o1", [adults(2)], NOON);
    expect(ids(first.get("l1"))).toEqual([1, 2]);
    const second = await store.take("o2", [adults(1)], NOON);
    expect(ids(second.get("l1"))).toEqual([3]);
});

test("takes all or nothing", async () => {
    const store = await openFilled();
    const open = { line: "l2", product: OPEN, date: null, count: 3 };
    expect(await store.take("o1", [adults(1), open], NOON)).toBe(null);
    expect((await states(store)).every((text) => text.endsWith("left"))).toBe(true);
    const taken = await store.take("o1", [adults(1), { ...open, count: 2 }], NOON);
    expect(ids(taken.get("l2"))).toEqual([5, 6]);
});

test("two lines of one ticket share none", async () => {
    const store = await openFilled();
    const taken = await store.take("o1", [adults(2), adults(2, "l2")], NOON);
    expect(ids(taken.get("l1"))).toEqual([1, 2]);
    expect(ids(taken.get("l2"))).toEqual([3, 4]);
    expect(await store.take("o2", [adults(1)], NOON)).toBe(null);
});

test("sells today only, and not after the lease", async () => {
    const store = await openFilled();
    expect(await store.take("o1", [adults(1, "l1", "2026-12-02")], NOON)).toBe(null);
    expect(await store.take("o1", [adults(1)], END)).toBe(null);
});

test("two tabs at once never take the same blank", async () => {
    const one = await openFilled("test-blanks-tabs");
    const two = await openStore("test-blanks-tabs");
    const answers = await Promise.all(
        [1, 2, 3, 4, 5, 6].map((order) =>
            (order % 2 ? one : two).take(`o${order}`, [adults(1)], NOON)
        )
    );
    const taken = answers.filter(Boolean).flatMap((rows) => ids(rows.get("l1")));
    expect(taken.sort()).toEqual([1, 2, 3, 4]);
    expect(answers.filter((rows) => rows === null)).toHaveLength(2);
});

test("the same order gets the same again, after the page was killed as well", async () => {
    const store = await openFilled("test-blanks-killed");
    await store.take("o1", [adults(2)], NOON);
    store.close();
    const again = await openStore("test-blanks-killed");
    const taken = await again.take("o1", [adults(2, "other line")], NOON);
    expect(ids(taken.get("other line"))).toEqual([1, 2]);
    // one person more, then two less
    expect(ids((await again.take("o1", [adults(3)], NOON)).get("l1"))).toEqual([1, 2, 3]);
    expect(ids((await again.take("o1", [adults(1)], NOON)).get("l1"))).toEqual([1]);
    expect((await states(again)).slice(0, 3)).toEqual(["1 taken", "2 left", "3 left"]);
});

test("what was printed for an order that is given up is spoiled", async () => {
    const store = await openFilled();
    await store.take("o1", [adults(1)], NOON);
    await store.take("o2", [adults(1)], NOON);
    await store.markPrinted("o2");
    await store.release("o1");
    await store.release("o2");
    expect((await states(store)).slice(0, 2)).toEqual(["1 left", "2 spoiled"]);
    const taken = await store.take("o3", [adults(2)], NOON);
    expect(ids(taken.get("l1"))).toEqual([1, 3]);
});

test("the server adds, and takes away what no order has", async () => {
    const store = await openFilled();
    await store.take("o1", [adults(1)], NOON);
    const fresh = { ...blanks()[0], id: 7, number: 7 };
    // what is taken stays until its order is told, and nothing is lent twice
    const rows = await store.merge([fresh, blanks()[0]], [1, 2]);
    expect(ids(rows)).toEqual([1, 3, 4, 5, 6, 7]);
    expect(rows[0].state).toBe("taken");
    await store.settle(["o1"]);
    expect(ids(await store.all())).toEqual([3, 4, 5, 6, 7]);
    await store.clear();
    expect(await store.all()).toEqual([]);
});

import { describe, expect, test } from "@odoo/hoot";
import { isHalfPassport, namesNeeded } from "@scenic_ticket_pos/app/utils/visitor_names";

describe.current.tags("headless");

function line(qty, scenic_real_name, scenic_ticket_kind = "individual") {
    const product_tmpl_id = { scenic_real_name, scenic_ticket_kind };
    return { qty, isScenicTicket: true, product_id: { product_tmpl_id } };
}

test("every visitor of a real-name ticket is named, nobody of another one", () => {
    const [named, free] = [line(3, "visitor"), line(2, "none")];
    const souvenir = { ...line(1, undefined), isScenicTicket: false };
    expect([...namesNeeded([named, free, souvenir])]).toEqual([[named, 3]]);
});

test("a group brings its roster later, a refund names nobody", () => {
    expect(namesNeeded([line(12, "visitor", "group"), line(-1, "visitor")]).size).toBe(0);
});

test("one person stands for the order, anybody named on it will do", () => {
    const [first, second, named] = [line(3, "order"), line(2, "order"), line(2, "visitor")];
    expect([...namesNeeded([first, second])]).toEqual([[first, 1]]);
    expect([...namesNeeded([first, named])]).toEqual([[named, 2]]);
});

test("the first line of a passport waits for the second one", () => {
    expect(isHalfPassport("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<")).toBe(true);
    expect(isHalfPassport("11010519491231002X")).toBe(false);
    expect(isHalfPassport("PB1234567")).toBe(false);
});

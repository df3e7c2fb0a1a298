import { setupPosEnv } from "@point_of_sale/../tests/unit/utils";
import { onRpc } from "@web/../tests/web_test_helpers";

const { DateTime } = luxon;

export const TODAY = "2026-12-01";

/**
 * What pos.config.scenic_places answers: two weeks of open days without a limit.
 *
 * @param {Object} [others] what is different on some days, by date
 */
export function placesAnswer(others = {}, first = TODAY, count = 14) {
    const days = Array.from({ length: count }, (_, offset) => {
        const date = DateTime.fromISO(first).plus({ days: offset }).toISODate();
        const day = { date, state: "open", why: false, free: null, level: null, slots: [] };
        return { ...day, prices: {}, ...others[date] };
    });
    const slots = days.flatMap((day) =>
        day.slots.map(({ id }) => ({
            id,
            name: false,
            date: day.date,
            pos_hours: `${id}:00–${id + 1}:00`,
            write_date: "2026-11-01 08:00:00",
        }))
    );
    return { today: TODAY, days, "scenic.slot": slots };
}

/** Answer the window's questions for places; the steps tell which days it asked about. */
export function answerPlaces(others, step = () => {}) {
    onRpc("pos.config", "scenic_places", ({ args: [, productId, from, count] }) => {
        step(`places of ${productId} from ${from || "today"}`);
        return placesAnswer(others, from || TODAY, count);
    });
}

/**
 * A window that sells two kinds of tickets for the day of the visit.
 *
 * @returns {Promise<{store, adult, group}>} the store and the product templates
 */
export async function setupWindow() {
    const store = await setupPosEnv();
    answerPlaces();
    onRpc("pos.config", "scenic_prices", ({ args: [, visits] }) => visits.map(() => ({})));
    onRpc("pos.config", "scenic_seal_visitors", ({ args: [, lines] }) => lines.map(() => "sealed"));
    const product = {
        list_price: 60,
        type: "service",
        service_tracking: "scenic_ticket",
        scenic_group_codes: "one",
        scenic_guide_per: 0,
        scenic_limited_by: false,
        scenic_min_persons: 0,
        scenic_real_name: "none",
        scenic_site_id: 901,
        scenic_validity_rule_id: 901,
        available_in_pos: true,
        active: true,
        attribute_line_ids: [],
        combo_ids: [],
        pos_categ_ids: [],
        product_tag_ids: [],
        taxes_id: [],
        tracking: "none",
        uom_id: 1,
    };
    const variant = {
        lst_price: 60,
        standard_price: 0,
        product_template_attribute_value_ids: [],
        product_template_variant_value_ids: [],
        product_tag_ids: [],
    };
    store.models.loadConnectedData({
        "scenic.site": [{ id: 901, name: "Yellow Hill", tz: "Asia/Shanghai" }],
        "scenic.validity.rule": [{ id: 901, name: "Day of the visit", mode: "visit_date" }],
        "product.template": [
            {
                ...product,
                id: 901,
                name: "Adult Ticket",
                display_name: "Adult Ticket",
                scenic_ticket_kind: "individual",
                product_variant_ids: [901],
            },
            {
                ...product,
                id: 902,
                name: "Group Ticket",
                display_name: "Group Ticket",
                scenic_ticket_kind: "group",
                product_variant_ids: [902],
            },
        ],
        "product.product": [
            { ...variant, id: 901, product_tmpl_id: 901, display_name: "Adult Ticket" },
            { ...variant, id: 902, product_tmpl_id: 902, display_name: "Group Ticket" },
        ],
    });
    const templates = store.models["product.template"];
    return { store, adult: templates.get(901), group: templates.get(902) };
}

/** The tickets of an order line, as the server sends them: one for each person. */
export function ticketRows(line, values = {}) {
    return Array.from({ length: line.qty }, (_, index) => ({
        id: index + 1,
        name: String(index + 1).padStart(10, "0"),
        site_id: 901,
        persons: 1,
        state: "valid",
        date_first: "2026-12-01",
        visit_date: "2026-12-01",
        span_days: 1,
        print_count: 1,
        pos_order_line_id: line.id,
        pos_refund_line_id: false,
        pos_qr_token: `T1${String(index + 1).padStart(128, "A")}`,
        pos_barcode_number: String(index + 1).padStart(22, "0"),
        write_date: "2026-12-01 08:00:00",
        ...values,
    }));
}

/** A paid order with its tickets. */
export async function sellTickets(store, template, quantity) {
    const order = store.addNewOrder();
    await store.addLineToOrder({ product_tmpl_id: template, qty: quantity }, order);
    order.state = "paid";
    store.models.connectNewData({ "scenic.ticket": ticketRows(order.lines[0]) });
    return order;
}

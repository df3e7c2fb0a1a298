import { _t } from "@web/core/l10n/translation";
import { formatDate } from "@web/core/l10n/dates";

/**
 * What the window makes of the places left that pos.config.scenic_places tells: which days and
 * slots can be chosen, and how they look. No state, no server. Days are ISO dates.
 */

// Two weeks below each other, a day of the week in each column.
export const STRIP_DAYS = 14;
export const DAY_COLUMNS = 7;
export const SLOT_COLUMNS = 6;

function stateLabel(state) {
    switch (state) {
        case "full":
            return _t("Full");
        case "over":
            return _t("Over");
        case "offline":
            return _t("Offline");
        default:
            return _t("Closed");
    }
}

/**
 * @param {{state: string, free: number|null, level: string|null, why: string|false}} place a day
 *     or a slot
 * @param {number} persons who need a place
 * @returns {{choosable: boolean, tone: string, label: string, why: string}} tone: the colour of
 *     the alert level, else "free" or "shut"
 */
export function placeTile(place, persons = 1) {
    const { state, free, level, why } = place;
    if (state !== "open") {
        return { choosable: false, tone: "shut", label: stateLabel(state), why: why || "" };
    }
    if (free === null) {
        return { choosable: true, tone: level || "free", label: "", why: "" };
    }
    const label = _t("%s left", free);
    if (free < persons) {
        const text = _t("%(free)s places are left and %(persons)s are needed.", { free, persons });
        return { choosable: false, tone: "shut", label, why: text };
    }
    return { choosable: true, tone: level || "free", label, why: "" };
}

/** The same days with what their tiles show; a day of slots counts those that can be chosen. */
export function strip(days, persons = 1) {
    return days.map((day) => {
        const slots = day.slots.map((slot) => ({ ...slot, ...placeTile(slot, persons) }));
        const tile = { ...day, ...placeTile(day, persons), slots };
        const open = slots.filter((slot) => slot.choosable).length;
        if (tile.choosable && open) {
            tile.label = _t("Slots: %s", open);
        }
        return tile;
    });
}

export function withoutServerText() {
    return _t("No connection: only today is sold, and no time slots.");
}

/**
 * What may be sold when the server cannot be asked.
 *
 * @param {string|null} day the one day that is sold without asking, as long as it has no slots
 */
export function withoutServer(days, day) {
    const why = withoutServerText();
    if (!days.length) {
        return day
            ? [{ date: day, state: "open", free: null, level: null, why: false, slots: [] }]
            : [];
    }
    return days.map((known) =>
        known.date === day && known.state === "open" && !known.slots.length
            ? known
            : { ...known, state: "offline", why, slots: [] }
    );
}

/** Whether a ticket can be sold for this day with no further question. */
export function canTakeAtOnce(days, date) {
    const day = days.find((known) => known.date === date);
    return Boolean(day) && !day.slots.length && placeTile(day).choosable;
}

/** Whether so many persons can still be sold this visit. */
export function hasPlace(days, { date, slotId, persons }) {
    const day = days.find((known) => known.date === date);
    if (!day) {
        return false;
    }
    const place = day.slots.length ? day.slots.find((slot) => slot.id === slotId) : day;
    return Boolean(place) && placeTile(place, persons).choosable;
}

/** Whether two order lines are for one visit: the same day and the same slot, or none. */
export function isSameVisit(line, other) {
    return (
        line.scenic_visit_date?.toISODate() === other.scenic_visit_date?.toISODate() &&
        line.scenic_slot_id?.id === other.scenic_slot_id?.id
    );
}

/** "12/24/2026 10:00–11:00 Morning" */
export function visitText(date, slot) {
    return [formatDate(date), slotText(slot)].filter(Boolean).join(" ");
}

export function slotText(slot) {
    return [slot?.pos_hours, slot?.name].filter(Boolean).join(" ");
}

/**
 * Where an arrow key leads in a grid.
 *
 * @returns {number|undefined} an index; -1: out at the top; count: out at the bottom; undefined:
 *     no arrow key
 */
export function neighbour(index, key, columns, count) {
    switch (key) {
        case "ArrowLeft":
            return Math.max(index - 1, 0);
        case "ArrowRight":
            return Math.min(index + 1, count - 1);
        case "ArrowUp":
            return Math.max(index - columns, -1);
        case "ArrowDown": {
            const hasRowBelow = Math.floor(index / columns) < Math.floor((count - 1) / columns);
            return hasRowBelow ? Math.min(index + columns, count - 1) : count;
        }
    }
    return undefined;
}

import { Component, onMounted, onPatched, onWillUnmount, useRef, useState } from "@odoo/owl";
import {
    DAY_COLUMNS,
    SLOT_COLUMNS,
    STRIP_DAYS,
    neighbour,
    strip,
    withoutServer,
    withoutServerText,
} from "@scenic_ticket_pos/app/utils/visit_places";
import { browser } from "@web/core/browser/browser";
import { Dialog } from "@web/core/dialog/dialog";
import { deserializeDate } from "@web/core/l10n/dates";
import { ConnectionLostError } from "@web/core/network/rpc";

// So old the places on the screen are at most.
export const REFRESH_MS = 15000;

/**
 * Day and time slot of a visit, with the places left.
 *
 * Answers `{date, slotId}`; a touch on a day without slots, or on a slot, is the choice. All days
 * can be looked at, so that the cashier can say why one is not on sale.
 */
export class VisitPicker extends Component {
    static template = "scenic_ticket_pos.VisitPicker";
    static components = { Dialog };
    static props = {
        title: String,
        persons: Number,
        // {date, slotId} of the line that is changed
        current: Object,
        // answer of pos.config.scenic_places; null: there was no connection
        places: [Object, { value: null }],
        load: Function,
        // the day that is sold without a connection, or null
        offlineDay: [String, { value: null }],
        slotText: Function,
        // what one person pays on a day, "" if nobody knows
        // of a day; a visit that is paid for already shows none
        priceText: { type: Function, optional: true },
        notice: { type: String, optional: true },
        getPayload: Function,
        close: Function,
    };

    setup() {
        this.root = useRef("root");
        this.state = useState({
            places: this.props.places,
            connected: Boolean(this.props.places),
            from: this.props.places?.days[0]?.date || null,
            date: null,
            why: "",
        });
        this.state.date = this.startDate;
        onMounted(() => {
            this._focus(this._startTile());
            this.timer = browser.setInterval(() => this.refresh(), REFRESH_MS);
        });
        onPatched(() => {
            if (this.focusSlots) {
                this.focusSlots = false;
                this._focus(this._firstTile("slot"));
            }
        });
        onWillUnmount(() => browser.clearInterval(this.timer));
    }

    // ------------------------------------------------------------
    // What is shown
    // ------------------------------------------------------------

    get days() {
        const days = this.state.places?.days || [];
        return strip(
            this.state.connected ? days : withoutServer(days, this.props.offlineDay),
            this.props.persons
        );
    }

    get day() {
        return this.days.find((day) => day.date === this.state.date);
    }

    get startDate() {
        const days = this.days;
        const current = days.find((day) => day.date === this.props.current.date);
        return (current || days.find((day) => day.choosable) || days[0])?.date || null;
    }

    get withoutServerText() {
        return withoutServerText();
    }

    get hasEarlier() {
        const { places, connected } = this.state;
        return connected && places.days[0]?.date > places.today;
    }

    get hasLater() {
        return this.state.connected && this.state.places.days.length === STRIP_DAYS;
    }

    dayTexts(day) {
        const date = deserializeDate(day.date);
        return {
            weekday: date.toFormat("ccc"),
            day: date.toLocaleString({ month: "numeric", day: "numeric" }),
            isToday: day.date === this.state.places?.today,
            price: (day.choosable && this.props.priceText?.(day.date)) || "",
        };
    }

    tileClass(tile, chosen) {
        return { [`scenic-tile-${tile.tone}`]: true, "scenic-tile-chosen": chosen };
    }

    isCurrentSlot(slot) {
        const { date, slotId } = this.props.current;
        return slot.id === slotId && this.state.date === date;
    }

    // ------------------------------------------------------------
    // What the cashier does
    // ------------------------------------------------------------

    showDay(day) {
        this.state.date = day.date;
        this.state.why = day.why;
    }

    showSlot(slot) {
        this.state.why = slot.why;
    }

    clickDay(ev, day) {
        this.showDay(day);
        if (day.slots.length) {
            // a key was pressed: go on to the slots, a finger goes there by itself
            this.focusSlots = ev.detail === 0;
            // the day may be shown already, and then nothing else would
            this.render();
        } else if (day.choosable) {
            this._choose(day.date, null);
        }
    }

    clickSlot(slot) {
        this.showSlot(slot);
        if (slot.choosable) {
            this._choose(this.state.date, slot.id);
        }
    }

    _choose(date, slotId) {
        this.props.getPayload({ date, slotId });
        this.props.close();
    }

    /** Show the two weeks before or after. */
    async turn(direction) {
        const first = deserializeDate(this.state.places.days[0].date);
        this.state.from = first.plus({ days: direction * STRIP_DAYS }).toISODate();
        await this.refresh();
        this.state.date = this.startDate;
    }

    async refresh() {
        const { from } = this.state;
        try {
            const places = await this.props.load(from);
            if (from === this.state.from) {
                Object.assign(this.state, { places, connected: true });
            }
        } catch (error) {
            if (!(error instanceof ConnectionLostError)) {
                this.props.close();
                throw error;
            }
            this.state.connected = false;
        }
        this.state.date = this.day ? this.state.date : this.startDate;
    }

    // ------------------------------------------------------------
    // Keyboard
    // ------------------------------------------------------------

    onKeydown(ev) {
        const tile = ev.target.closest("[data-tile]");
        if (!tile) {
            return;
        }
        const kind = tile.dataset.tile;
        const tiles = this._tiles(kind);
        const columns = kind === "day" ? DAY_COLUMNS : SLOT_COLUMNS;
        const next = neighbour(tiles.indexOf(tile), ev.key, columns, tiles.length);
        if (next === undefined) {
            return;
        }
        ev.preventDefault();
        if (tiles[next]) {
            this._look(tiles[next]);
        } else if (kind === "day" && next === tiles.length) {
            this._look(this._firstTile("slot"));
        } else if (kind === "slot" && next < 0) {
            this._look(this._tiles("day").find((el) => el.dataset.date === this.state.date));
        }
    }

    /** A key leads to a day or slot: show what there is, choose nothing. */
    _look(tile) {
        if (tile?.dataset.tile === "day") {
            this.showDay(this.days.find(({ date }) => date === tile.dataset.date));
        } else if (tile) {
            this.showSlot(this.day.slots.find(({ id }) => id === Number(tile.dataset.slotId)));
        }
        this._focus(tile);
    }

    _tiles(kind) {
        return [...this.root.el.querySelectorAll(`[data-tile=${kind}]`)];
    }

    _firstTile(kind) {
        const tiles = this._tiles(kind);
        return tiles.find((el) => el.getAttribute("aria-disabled") === "false") || tiles[0];
    }

    _startTile() {
        return (
            this.root.el.querySelector("[data-tile=slot].scenic-tile-chosen") ||
            this._firstTile("slot") ||
            this.root.el.querySelector("[data-tile=day].scenic-tile-chosen")
        );
    }

    _focus(tile) {
        tile?.focus();
    }
}

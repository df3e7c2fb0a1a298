import { PosOrder } from "@point_of_sale/app/models/pos_order";
import { namesNeeded } from "@scenic_ticket_pos/app/utils/visitor_names";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";

patch(PosOrder.prototype, {
    get scenicTickets() {
        return this.lines.flatMap((line) => line.scenicTickets);
    },

    get scenicPrintableTickets() {
        return this.scenicTickets.filter((ticket) => ticket.isPrintable);
    },

    get scenicRefundedTickets() {
        return this.lines.flatMap((line) => line.scenicRefundedTickets);
    },

    /** Paid, but the server did not answer yet: the visitor must not leave without tickets. */
    get scenicTicketsAwaited() {
        return (
            this.finalized &&
            !this.isSynced &&
            this.lines.some((line) => line.isScenicTicket && line.qty > 0)
        );
    },

    /** Persons that have to be named, by line; see namesNeeded. */
    getScenicNamesNeeded() {
        return namesNeeded(this.lines);
    },

    lacksScenicVisitors() {
        return [...this.getScenicNamesNeeded()].some(
            ([line, count]) => line.getScenicVisitors().length < count
        );
    },

    getScenicNamesText(line) {
        // by name: a line on the screen is another proxy of the same record
        const [, needed] =
            [...this.getScenicNamesNeeded()].find(([{ uuid }]) => uuid === line.uuid) || [];
        return needed
            ? _t("Names: %(known)s of %(needed)s", {
                  known: Math.min(line.getScenicVisitors().length, needed),
                  needed,
              })
            : "";
    },

    /** Names go to the server with the order that is paid, and only with it. */
    serializeForORM() {
        const data = super.serializeForORM(...arguments);
        if (this.state !== "paid") {
            return data;
        }
        const needed = this.getScenicNamesNeeded();
        for (const line of this.lines) {
            // a group sends all it knows, others as many as there are persons
            const count = line.isScenicGroup ? undefined : needed.get(line) || 0;
            const scenic_visitors = line.getScenicVisitors().slice(0, count);
            if (!scenic_visitors.length) {
                continue;
            }
            data.lines ??= [];
            const command = data.lines.find(
                ([code, id, vals]) => vals?.uuid === line.uuid || (code === 1 && id === line.id)
            );
            if (command) {
                command[2].scenic_visitors = scenic_visitors;
            } else {
                data.lines.push([1, line.id, { scenic_visitors }]);
            }
        }
        return data;
    },
});

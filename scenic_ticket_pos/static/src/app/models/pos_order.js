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
            this.lines.some(
                (line) => line.isScenicTicket && line.qty > 0 && !line.scenic_blanks?.length
            )
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

    /** Persons that are named to the server: who has to be, and whose age makes the price. */
    getScenicNamesToSend() {
        const named = new Map(this.getScenicNamesNeeded());
        for (const line of this.lines) {
            if (line.isScenicTicket && line.qty > 0 && !named.has(line)) {
                named.set(line, line.qty);
            }
        }
        return named;
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

    /** Names and cards go to the server with the order that is paid, and only with it. */
    serializeForORM() {
        const data = super.serializeForORM(...arguments);
        if (this.state !== "paid") {
            return data;
        }
        const named = this.getScenicNamesToSend();
        for (const line of this.lines) {
            // a group sends all it knows, others as many as there are persons
            const count = line.isScenicGroup ? undefined : named.get(line) || 0;
            const secrets = line.getScenicSecrets(count);
            if (!Object.keys(secrets).length) {
                continue;
            }
            data.lines ??= [];
            const command = data.lines.find(
                ([code, id, vals]) => vals?.uuid === line.uuid || (code === 1 && id === line.id)
            );
            if (command) {
                Object.assign(command[2], secrets);
            } else {
                data.lines.push([1, line.id, secrets]);
            }
        }
        return data;
    },
});

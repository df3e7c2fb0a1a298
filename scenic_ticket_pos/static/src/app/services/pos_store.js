import { PosStore } from "@point_of_sale/app/services/pos_store";
import { AlertDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { deserializeDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

const { DateTime } = luxon;

patch(PosStore.prototype, {
    async addLineToOrder(vals, order, opts, configure) {
        const template =
            typeof vals.product_tmpl_id === "number"
                ? this.models["product.template"].get(vals.product_tmpl_id)
                : vals.product_tmpl_id;
        const visitDate = !vals.scenic_visit_date && this.getScenicVisitDate(template);
        if (visitDate) {
            vals = { ...vals, scenic_visit_date: visitDate };
        }
        return super.addLineToOrder(vals, order, opts, configure);
    },

    /**
     * @returns the day a ticket of this product is sold for: today at its site. None where the
     *     ticket is not bound to a day of visit.
     */
    getScenicVisitDate(template) {
        if (
            template?.service_tracking !== "scenic_ticket" ||
            template.scenic_validity_rule_id?.mode !== "visit_date"
        ) {
            return false;
        }
        const now = DateTime.now().setZone(template.scenic_site_id?.tz || "local");
        return deserializeDate(now.toFormat("yyyy-MM-dd"));
    },

    /**
     * Tickets are counted by the server before they are printed, never printed uncounted.
     */
    async printReceipt({ basic = false, order = this.getOrder() } = {}) {
        if (!basic && order?.finalized && order.scenicPrintableTickets.length) {
            try {
                const data = await this.data.call("pos.order", "scenic_count_ticket_print", [
                    order.id,
                ]);
                this.models.loadConnectedData(data);
            } catch (error) {
                if (!(error instanceof ConnectionLostError)) {
                    throw error;
                }
                this.dialog.add(AlertDialog, {
                    title: _t("No connection"),
                    body: _t(
                        "Tickets cannot be printed without the server, which counts every print. Try again when the connection is back."
                    ),
                });
                return false;
            }
        }
        return super.printReceipt(...arguments);
    },
});

import OrderPaymentValidation from "@point_of_sale/app/utils/order_payment_validation";
import { patch } from "@web/core/utils/patch";

patch(OrderPaymentValidation.prototype, {
    /** Who has bought a member card gets its photo taken and the card in the hand. */
    async afterOrderValidation() {
        const result = await super.afterOrderValidation(...arguments);
        const numbers = this.order.lines
            .filter(
                (line) =>
                    line.product_id.product_tmpl_id.scenic_ticket_kind === "member" &&
                    !line.scenic_membership_id
            )
            .flatMap((line) => line.scenicTickets.map((ticket) => ticket.name));
        if (numbers.length) {
            // not waited for: the receipt is shown behind it
            this.pos.openScenicMembers(numbers);
        }
        return result;
    },
});

import OrderPaymentValidation from "@point_of_sale/app/utils/order_payment_validation";
import { RPCError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

const REFUSALS = [
    "odoo.addons.scenic_ticket_base.exceptions.EligibilityError",
    "odoo.addons.scenic_ticket_pos.exceptions.WindowConcessionError",
];

patch(OrderPaymentValidation.prototype, {
    /** A concession that the sale refuses is settled where the cashier can do something. */
    handleValidationError(error) {
        if (error instanceof RPCError && REFUSALS.includes(error.exceptionName)) {
            this.order.state = "draft";
            // not waited for: the screen is blocked until this returns
            this.pos.reviewScenicConcessions(this.order);
            return error;
        }
        return super.handleValidationError(...arguments);
    },
});

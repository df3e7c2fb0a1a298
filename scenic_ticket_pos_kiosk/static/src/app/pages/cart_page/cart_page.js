import { CartPage } from "@pos_self_order/app/pages/cart_page/cart_page";
import { patch } from "@web/core/utils/patch";

patch(CartPage.prototype, {
    /** More persons may pay less each. */
    changeQuantity(line) {
        super.changeQuantity(...arguments);
        if (line.isScenicTicket && line.order_id && line.qty > 0) {
            line.setQuantity(line.qty);
        }
    },
});

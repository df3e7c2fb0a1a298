import { useTrackedAsync } from "@point_of_sale/app/hooks/hooks";
import { ReceiptScreen } from "@point_of_sale/app/screens/receipt_screen/receipt_screen";
import { patch } from "@web/core/utils/patch";

patch(ReceiptScreen.prototype, {
    setup() {
        super.setup(...arguments);
        this.scenicShowOnPhone = useTrackedAsync(() =>
            this.pos.scenicShowOnPhone(this.currentOrder)
        );
        // The receipt that is sent by e-mail shows no codes: the server sends the tickets itself,
        // and keeps the picture of the receipt.
        const { renderer } = this;
        this.renderer = Object.assign(Object.create(renderer), {
            toJpeg: (component, props, options) =>
                renderer.toJpeg(component, { ...props, ticketsApart: true }, options),
        });
    },
});

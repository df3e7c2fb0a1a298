import { useBarcodeReader } from "@point_of_sale/app/hooks/barcode_reader_hook";
import { ProductScreen } from "@point_of_sale/app/screens/product_screen/product_screen";
import { patch } from "@web/core/utils/patch";

patch(ProductScreen.prototype, {
    setup() {
        super.setup(...arguments);
        useBarcodeReader({ scenic: this._scenicScanned });
    },

    _scenicScanned({ code, kind }) {
        this.numberBuffer.reset();
        return kind === "ticket" ? this.pos.scenicCheck(code) : this.pos.scenicCollect(code);
    },

    /** What is no product may be the number of an order that is to be collected. */
    async _barcodeProductAction(code) {
        if (
            this.pos.scenicServes &&
            !(await this._getProductByBarcode(code)) &&
            (await this.pos.scenicCollect(code.code, { quietly: true }))
        ) {
            this.numberBuffer.reset();
            return;
        }
        return super._barcodeProductAction(...arguments);
    },
});

import { BarcodeReader } from "@point_of_sale/app/services/barcode_reader_service";
import { scannedKind } from "@scenic_ticket_pos/app/utils/scanned_text";
import { patch } from "@web/core/utils/patch";

patch(BarcodeReader.prototype, {
    /**
     * A ticket or a document goes to the screens that know what to do with it, whatever the
     * barcode nomenclature would make of its digits. A dialog that looks things up gets all texts.
     */
    async _scan(code) {
        if (code && this.exclusiveCbMap?.scenicAny) {
            return this.exclusiveCbMap.scenicAny(code);
        }
        const kind = code && !this.exclusiveCbMap && scannedKind(code);
        const callbacks = kind ? [...this.cbMaps].map((map) => map.scenic).filter(Boolean) : [];
        if (!callbacks.length) {
            return super._scan(...arguments);
        }
        for (const callback of callbacks) {
            await callback({ code, kind });
        }
    },
});

import { Base } from "@point_of_sale/app/models/related_models";
import { barcodeImage, qrImage } from "@scenic_ticket_pos/app/utils/ticket_codes";
import { visitText } from "@scenic_ticket_pos/app/utils/visit_places";
import { _t } from "@web/core/l10n/translation";
import { formatDate } from "@web/core/l10n/dates";
import { registry } from "@web/core/registry";

export class ScenicTicket extends Base {
    static pythonModel = "scenic.ticket";

    get isPrintable() {
        return Boolean(
            ["valid", "part_used"].includes(this.state) &&
            this.pos_qr_token &&
            this.pos_barcode_number
        );
    }

    get productName() {
        return this.pos_order_line_id?.getFullProductName() || this.pos_product_name || "";
    }

    get qrImage() {
        return qrImage(this.pos_qr_token);
    }

    get barcodeImage() {
        return barcodeImage(this.pos_barcode_number);
    }

    /** 22 digits in fours, to be keyed in by hand. */
    get barcodeText() {
        return this.pos_barcode_number.match(/\d{1,4}/g).join(" ");
    }

    get validityText() {
        const first = visitText(this.date_first, this.slot_id);
        if (this.span_days > 1) {
            const last = formatDate(this.date_first.plus({ days: this.span_days - 1 }));
            return _t("Valid: %(first)s to %(last)s", { first, last });
        }
        return this.visit_date ? _t("Visit date: %s", first) : _t("Valid: %s", first);
    }

    get personsText() {
        return _t("Persons: %s", this.persons);
    }

    get numberText() {
        return _t("No. %s", this.name);
    }

    /** What the cashier should know before touching the ticket; nothing if it is unused. */
    get stateText() {
        const texts = {
            part_used: _t("Partly used"),
            used: _t("Used"),
            frozen: _t("Frozen"),
            expired: _t("Expired"),
            refunded: _t("Refunded"),
            void: _t("Void"),
        };
        return texts[this.state] || "";
    }

    get reprintText() {
        return this.print_count > 1 ? _t("Reprint %s", this.print_count - 1) : "";
    }
}

registry.category("pos_available_models").add(ScenicTicket.pythonModel, ScenicTicket);

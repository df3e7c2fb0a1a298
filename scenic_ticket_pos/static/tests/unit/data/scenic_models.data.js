import { hootPosModels } from "@point_of_sale/../tests/unit/data/generate_model_definitions";
import { PosOrderLine } from "@point_of_sale/../tests/unit/data/pos_order_line.data";
import { PosSession } from "@point_of_sale/../tests/unit/data/pos_session.data";
import { ProductTemplate } from "@point_of_sale/../tests/unit/data/product_template.data";
import { models } from "@web/../tests/web_test_helpers";
import { patch } from "@web/core/utils/patch";

// What the window loads of this module's models; the records are made by each test.

class ScenicSite extends models.ServerModel {
    _name = "scenic.site";

    _load_pos_data_fields() {
        return ["name", "tz", "write_date"];
    }
}

class ScenicValidityRule extends models.ServerModel {
    _name = "scenic.validity.rule";

    _load_pos_data_fields() {
        return ["name", "mode", "date_from", "write_date"];
    }
}

class ScenicSlot extends models.ServerModel {
    _name = "scenic.slot";

    _load_pos_data_fields() {
        return ["name", "date", "pos_hours", "write_date"];
    }
}

class ScenicTicket extends models.ServerModel {
    _name = "scenic.ticket";

    _load_pos_data_fields() {
        return [
            "name",
            "site_id",
            "persons",
            "visit_date",
            "slot_id",
            "date_first",
            "span_days",
            "state",
            "print_count",
            "pos_order_line_id",
            "pos_refund_line_id",
            "pos_qr_token",
            "pos_barcode_number",
            "write_date",
        ];
    }
}

patch(hootPosModels, [...hootPosModels, ScenicSite, ScenicValidityRule, ScenicSlot, ScenicTicket]);

patch(PosSession.prototype, {
    _load_pos_data_models() {
        return [
            ...super._load_pos_data_models(),
            "scenic.site",
            "scenic.validity.rule",
            "scenic.slot",
            "scenic.ticket",
        ];
    },
});

patch(ProductTemplate.prototype, {
    _load_pos_data_fields() {
        return [
            ...super._load_pos_data_fields(),
            "scenic_group_codes",
            "scenic_guide_per",
            "scenic_limited_by",
            "scenic_min_persons",
            "scenic_real_name",
            "scenic_site_id",
            "scenic_ticket_kind",
            "scenic_validity_rule_id",
        ];
    },
});

patch(PosOrderLine.prototype, {
    _load_pos_data_fields() {
        return [
            ...super._load_pos_data_fields(),
            "scenic_visit_date",
            "scenic_slot_id",
            "scenic_ticket_ids",
            "scenic_refunded_ticket_ids",
        ];
    },
});

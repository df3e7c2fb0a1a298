import { Base } from "@point_of_sale/app/models/related_models";
import { registry } from "@web/core/registry";

export class ScenicMembership extends Base {
    static pythonModel = "scenic.membership";
}

registry.category("pos_available_models").add(ScenicMembership.pythonModel, ScenicMembership);

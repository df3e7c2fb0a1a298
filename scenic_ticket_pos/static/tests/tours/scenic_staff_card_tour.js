import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import { registry } from "@web/core/registry";

const FORM = ".modal:not(.o_inactive_modal) .o_form_view";

function inAYear() {
    return luxon.DateTime.now().plus({ years: 1 }).toFormat("MM/dd/yyyy");
}

registry.category("web_tour.tours").add("ScenicStaffCardTour", {
    steps: () =>
        [
            Chrome.startPoS().map((step) => ({ ...step, timeout: 60000 })),
            ProductScreen.clickControlButton("Staff Card"),
            { trigger: `${FORM} [name=holder_name] input`, run: "edit Wang Qiang" },
            { trigger: `${FORM} [name=employee_no] input`, run: "edit E-17" },
            { trigger: `${FORM} [name=card_number] input`, run: "edit 04C7D8E9" },
            {
                trigger: `${FORM} [name=date_to] button, ${FORM} [name=date_to] input`,
                run: "click",
            },
            { trigger: `${FORM} [name=date_to] input`, run: `edit ${inAYear()}` },
            { trigger: ".modal:not(.o_inactive_modal) .modal-footer .btn-primary", run: "click" },
            { trigger: ".o_notification:contains('is issued')" },
            Dialog.isNot(),
            ProductScreen.clickDisplayedProduct("Adult Ticket", true, "1", "60.0"),
            Chrome.endTour(),
        ].flat(Infinity),
});

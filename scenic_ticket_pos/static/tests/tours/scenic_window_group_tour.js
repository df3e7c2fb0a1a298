import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as Order from "@point_of_sale/../tests/generic_helpers/order_widget_util";
import * as Utils from "@point_of_sale/../tests/generic_helpers/utils";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";
import {
    PERSONS,
    readDocument,
    typeInto,
} from "@scenic_ticket_pos/../tests/tours/scenic_window_names_tour";
import { registry } from "@web/core/registry";

const GROUP = ".modal .scenic-group";
const LINE = ".order-container .orderline .scenic-group-line button";
const RECEIPT = ".receipt-screen .pos-receipt";
const row = (position, name) => `${GROUP} .scenic-group-row:eq(${position}) [name=${name}]`;
const guide = (name) => `${GROUP} .scenic-group-guide [name=${name}]`;

/** Nothing of the dialog is cut off, and a finger meets each field and button. */
function fitsTheScreen() {
    return {
        content: "the group fits",
        trigger: GROUP,
        run: () => {
            const modal = document.querySelector(".modal-content").getBoundingClientRect();
            if (modal.right > window.innerWidth || modal.bottom > window.innerHeight) {
                throw new Error(`the group ends at ${modal.right}, ${modal.bottom}`);
            }
            for (const el of document.querySelectorAll(`${GROUP} .btn, ${GROUP} .form-select`)) {
                const { width, height } = el.getBoundingClientRect();
                if (width < 40 || height < 40) {
                    throw new Error(`${el.textContent} is ${width} by ${height}`);
                }
            }
        },
    };
}

registry.category("web_tour.tours").add("ScenicWindowGroupTour", {
    steps: () =>
        [
            Chrome.startPoS(),
            ProductScreen.clickDisplayedProduct("Group Ticket", true, "1", "50.0"),
            { trigger: `${LINE}:contains('Group: 1')`, run: "click" },
            // Twelve pay, one is free.
            { trigger: `${GROUP} [name=size]:focus`, run: `edit 12` },
            { trigger: `${GROUP} .scenic-group-persons:contains('12 persons and 1 free')` },
            { trigger: `${GROUP} .scenic-group-persons:contains('40.00')` },
            typeInto(guide("doc_number"), PERSONS[0][1]),
            typeInto(guide("name"), PERSONS[0][0]),
            { trigger: guide("phone"), run: "edit 13800138000" },
            // A list of three: one mistyped, one twice.
            {
                trigger: `${GROUP} textarea`,
                run: ({ anchor }) => {
                    anchor.value = [
                        "姓名\t证件号码",
                        `李四\t${PERSONS[1][1]}`,
                        "赵六\t110105199003070202",
                        `钱七\t${PERSONS[1][1]}`,
                    ].join("\n");
                    anchor.dispatchEvent(new InputEvent("input", { bubbles: true }));
                },
            },
            { trigger: `${GROUP} button:contains('Read the list')`, run: "click" },
            { trigger: `${GROUP} .scenic-group-wrong:contains('To correct: 2')` },
            { trigger: `${GROUP} .scenic-group-message:contains('check each digit')` },
            { trigger: `${GROUP} .scenic-group-message:contains('line 1 already')` },
            fitsTheScreen(),
            { trigger: `${GROUP} button:contains('Go to the first')`, run: "click" },
            typeInto(`${row(1, "doc_number")}:focus`, PERSONS[2][1]),
            { trigger: `${row(2, "doc_number")}:focus` },
            { trigger: `${GROUP} button:contains('Remove these lines')`, run: "click" },
            { trigger: `${GROUP}:not(:has(.scenic-group-wrong))` },
            // One more comes by the reader.
            { trigger: `${GROUP} button:contains('Person')`, run: "click" },
            { trigger: `${row(2, "doc_number")}:focus` },
            readDocument("110105199003070308,sun ba"),
            { trigger: `${row(3, "doc_number")}:focus` },
            { trigger: `${GROUP} .scenic-group-names:contains('Names: 4 of 13')` },
            { trigger: ".modal-footer .btn-primary", run: "click" },
            Dialog.isNot(),
            Order.hasLine({ productName: "Group Ticket", quantity: "12", price: "480.0" }),
            { trigger: `${LINE}:contains('Group: 12 + 1 free · guide: 张三 · names: 4')` },
            // The page is loaded anew: the order is there, and so are its names.
            Utils.refresh(),
            { trigger: `${LINE}:contains('Group: 12 + 1 free · guide: 张三 · names: 4')` },
            ProductScreen.clickPayButton(),
            PaymentScreen.clickPaymentMethod("Cash"),
            PaymentScreen.clickValidate(),
            // many names on a slow machine
            { trigger: ".receipt-screen .pos-receipt", timeout: 60000 },
            ReceiptScreen.receiptIsThere(),
            { trigger: `${RECEIPT} .scenic-ticket:contains('Group Ticket'):contains('13')` },
            Chrome.endTour(),
        ].flat(Infinity),
});

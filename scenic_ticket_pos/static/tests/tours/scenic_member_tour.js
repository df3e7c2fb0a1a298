/* global posmodel */

import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as Order from "@point_of_sale/../tests/generic_helpers/order_widget_util";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";
import { registry } from "@web/core/registry";

const ACTIVE = ".modal:not(.o_inactive_modal)";
const MEMBERS = `${ACTIVE} .scenic-members`;

function act(name) {
    return { trigger: `${MEMBERS} .scenic-member-acts button:contains('${name}')`, run: "click" };
}

/** As a reader at the keyboard does it: the text and Enter. */
function find(text) {
    return [
        { trigger: `${MEMBERS} [name=member]`, run: `edit ${text}` },
        { trigger: `${MEMBERS} [name=member]`, run: "press Enter" },
    ];
}

function openMembers() {
    return [...ProductScreen.clickControlButton("Members"), { trigger: MEMBERS }];
}

function pay(amount) {
    return [
        ProductScreen.clickPayButton(),
        PaymentScreen.clickPaymentMethod("Cash", true, { amount }),
        PaymentScreen.clickValidate(),
        ReceiptScreen.receiptIsThere().map((step) => ({ ...step, timeout: 60000 })),
    ];
}

/** The dialog fits, and a finger meets each button. */
function fitsTheScreen() {
    return {
        content: "the dialog fits",
        trigger: `${MEMBERS} .scenic-member`,
        run: () => {
            const modal = document.querySelector(".modal-content").getBoundingClientRect();
            if (modal.right > window.innerWidth || modal.bottom > window.innerHeight) {
                throw new Error(`the dialog ends at ${modal.right}, ${modal.bottom}`);
            }
            for (const item of document.querySelectorAll(".scenic-members button")) {
                const { width, height } = item.getBoundingClientRect();
                if (width < 44 || height < 44) {
                    throw new Error(`${item.textContent} is ${width} by ${height}`);
                }
            }
        },
    };
}

registry.category("web_tour.tours").add("ScenicMemberTour", {
    steps: () =>
        [
            Chrome.startPoS().map((step) => ({ ...step, timeout: 60000 })),
            openMembers(),
            find("nobody at all"),
            { trigger: `${MEMBERS} .scenic-members-message:contains('No member was found')` },
            { trigger: `${ACTIVE} .btn-close`, run: "click" },
            Dialog.isNot(),
            // Found by the name, looked at, and not the wrong one of two.
            openMembers(),
            find("游客"),
            { trigger: `${MEMBERS} .scenic-member-row:contains('Ten Visits')`, run: "click" },
            { trigger: `${MEMBERS} .scenic-member-facts:contains('Entries left'):contains('9')` },
            find("04A1B2C3"),
            { trigger: `${MEMBERS} .scenic-member-state:contains('Active')` },
            { trigger: `${MEMBERS} .scenic-member-facts:contains('No limit')` },
            { trigger: `${MEMBERS} .scenic-member-photo img` },
            fitsTheScreen(),
            {
                content: "no photo and no name stays in the window",
                trigger: "body",
                run: () => {
                    const known = JSON.stringify(
                        posmodel.models["scenic.membership"].getAll().map(({ raw }) => raw)
                    );
                    if (known.includes("photo") || known.includes("游")) {
                        throw new Error(known);
                    }
                },
            },
            // Renewed by a line of the order.
            act("Renew"),
            Dialog.isNot(),
            Order.hasLine({ productName: "Annual Card", quantity: "1", price: "300.0" }),
            { trigger: ".orderline .scenic-member-line:contains('Renews card')" },
            // Lost: the fee of a new one joins the order.
            openMembers(),
            find("04A1B2C3"),
            act("Replace Card"),
            { trigger: `${MEMBERS} [name=card_number]`, run: "edit 04D4E5F6" },
            { trigger: `${MEMBERS} [name=card_number]`, run: "press Enter" },
            { trigger: `${MEMBERS} [name=card_reason]:focus`, run: "edit lost" },
            { trigger: `${MEMBERS} button:contains('Add the Fee')`, run: "click" },
            Dialog.isNot(),
            Order.hasTotal("320.0"),
            pay("320.0"),
            Dialog.isNot(),
            ReceiptScreen.clickNextOrder(),
            // The old card says nothing any more.
            openMembers(),
            find("04A1B2C3"),
            { trigger: `${MEMBERS} .scenic-members-message:contains('was replaced')` },
            find("04D4E5F6"),
            { trigger: `${MEMBERS} .scenic-member-state:contains('Active')` },
            { trigger: `${ACTIVE} .btn-close`, run: "click" },
            Dialog.isNot(),
            // A new member: sold, then the card in the hand.
            ProductScreen.clickDisplayedProduct("Annual Card", true, "1", "300.0"),
            ProductScreen.clickPayButton(false),
            { trigger: ".scenic-visitor-names [name=name]", run: "edit 新会员" },
            {
                trigger: ".scenic-visitor-names [name=doc_number]",
                run: "edit 11010519491231002X",
            },
            {
                trigger: `${ACTIVE} .modal-footer button:contains('Take these names')`,
                run: "click",
            },
            PaymentScreen.clickPaymentMethod("Cash", true, { amount: "300.0" }),
            PaymentScreen.clickValidate(),
            { ...act("First Card"), timeout: 60000 },
            { trigger: `${MEMBERS} [name=card_number]:focus`, run: "edit 04AABBCC" },
            { trigger: `${MEMBERS} [name=card_number]`, run: "press Enter" },
            { trigger: `${MEMBERS} .scenic-members-message:contains('opens the lane')` },
            { trigger: `${ACTIVE} .btn-close`, run: "click" },
            ReceiptScreen.receiptIsThere().map((step) => ({ ...step, timeout: 60000 })),
            Chrome.endTour(),
        ].flat(Infinity),
});

registry.category("web_tour.tours").add("ScenicMemberSupervisorTour", {
    steps: () =>
        [
            Chrome.startPoS().map((step) => ({ ...step, timeout: 60000 })),
            // The form of the office, over the window.
            openMembers(),
            find("04A1B2C3"),
            act("Freeze"),
            { trigger: `${ACTIVE} .o_form_view [name=reason] input`, run: "edit ill" },
            { trigger: `${ACTIVE} .modal-footer button:contains('Confirm')`, run: "click" },
            { trigger: `${MEMBERS} .scenic-member-state:contains('Frozen')` },
            act("Release"),
            { trigger: `${ACTIVE} .o_form_view [name=reason] input`, run: "edit well again" },
            { trigger: `${ACTIVE} .modal-footer button:contains('Confirm')`, run: "click" },
            { trigger: `${MEMBERS} .scenic-member-state:contains('Active')` },
            // A supervisor may waive the fee.
            act("Replace Card"),
            { trigger: `${MEMBERS} [name=card_number]`, run: "edit 04D4E5F6" },
            { trigger: `${MEMBERS} [name=card_reason]`, run: "edit our mistake" },
            { trigger: `${MEMBERS} .scenic-member-reading [type=checkbox]`, run: "click" },
            { trigger: `${MEMBERS} button:contains('Issue')`, run: "click" },
            { trigger: `${MEMBERS} .scenic-members-message:contains('opens the lane')` },
            { trigger: `${ACTIVE} .btn-close`, run: "click" },
            Dialog.isNot(),
            Chrome.endTour(),
        ].flat(Infinity),
});

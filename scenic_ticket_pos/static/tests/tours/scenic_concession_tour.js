import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as Order from "@point_of_sale/../tests/generic_helpers/order_widget_util";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";
import { registry } from "@web/core/registry";

const POPUP = ".modal:not(.o_inactive_modal) .scenic-concession";
const REVIEW = ".modal:not(.o_inactive_modal) .scenic-concession-review";

/** What a reader at the keyboard sends: fields with a separator, and Enter. */
function readDocument(text) {
    return [
        { trigger: `${POPUP} [name=doc_number]`, run: `edit ${text}` },
        { trigger: `${POPUP} [name=doc_number]`, run: "press Enter" },
    ];
}

function openPopup() {
    return [...ProductScreen.clickControlButton("Concession"), { trigger: POPUP }];
}

function button(name) {
    return `.modal:not(.o_inactive_modal) .modal-footer button:contains('${name}')`;
}

/** The dialog fits, and a finger meets each offer. */
function fitsTheScreen(selector) {
    return {
        content: "the dialog fits",
        trigger: selector,
        run: () => {
            const modal = document.querySelector(".modal-content").getBoundingClientRect();
            if (modal.right > window.innerWidth || modal.bottom > window.innerHeight) {
                throw new Error(`the dialog ends at ${modal.right}, ${modal.bottom}`);
            }
            for (const item of document.querySelectorAll(`${selector} button`)) {
                const { width, height } = item.getBoundingClientRect();
                if (width < 44 || height < 44) {
                    throw new Error(`${item.textContent} is ${width} by ${height}`);
                }
            }
        },
    };
}

/** A citizen number of somebody of so many completed years, by GB 11643. */
function citizen(years) {
    const born = luxon.DateTime.now().minus({ years, days: 30 }).toFormat("yyyyMMdd");
    const body = `110105${born}007`;
    const sum = [...body].reduce((total, digit, i) => total + digit * 2 ** (17 - i), 0);
    return body + "10X98765432"[sum % 11];
}

registry.category("web_tour.tours").add("ScenicConcessionTour", {
    steps: () =>
        [
            Chrome.startPoS().map((step) => ({ ...step, timeout: 60000 })),
            ProductScreen.clickDisplayedProduct("Adult Ticket", true, "1", "60.0"),
            // A child: read, and sold by a second Enter.
            openPopup(),
            readDocument(`小明,男,汉,${citizen(5)}`),
            { trigger: `${POPUP} .scenic-concession-age:contains('5')` },
            {
                trigger: `${POPUP} .scenic-offer-best.scenic-offer-chosen:contains('Child Ticket'):contains('Notice 283 of 2012')`,
            },
            fitsTheScreen(POPUP),
            { trigger: `${POPUP} .scenic-offer-chosen:focus`, run: "press Enter" },
            Dialog.isNot(),
            Order.hasLine({ productName: "Child Ticket", quantity: "1", price: "0.0" }),
            // Whoever wants to pay more says why.
            openPopup(),
            readDocument(citizen(70)),
            { trigger: `${POPUP} .scenic-offer-best:contains('Reduced Ticket')` },
            { trigger: `${POPUP} .scenic-offer:contains('Adult Ticket')`, run: "click" },
            { trigger: `${button("Sell This Ticket")}:disabled` },
            { trigger: `${POPUP} [name=reason]`, run: "edit wants the full ticket" },
            { trigger: button("Sell This Ticket"), run: "click" },
            Dialog.isNot(),
            // A student's card is looked at.
            openPopup(),
            readDocument(citizen(20)),
            { trigger: `${POPUP} .scenic-offer:contains('Reduced Ticket')`, run: "click" },
            { trigger: `${button("Sell This Ticket")}:disabled` },
            {
                trigger: `${POPUP} .scenic-proof:contains('student card') input`,
                run: "click",
            },
            { trigger: button("Sell This Ticket"), run: "click" },
            Dialog.isNot(),
            Order.hasTotal("150.0"),
            // A ticket for concessions that was touched: has anybody looked?
            // It has a line of its own; the tile counts both.
            ProductScreen.clickDisplayedProduct("Reduced Ticket"),
            ProductScreen.selectedOrderlineHas("Reduced Ticket", "1", "30.0"),
            ProductScreen.productCardQtyIs("Reduced Ticket", "2"),
            ProductScreen.clickPayButton(false),
            { trigger: `${REVIEW}:contains('identity card / student card')` },
            fitsTheScreen(REVIEW),
            { trigger: button("Proof Seen"), run: "click" },
            PaymentScreen.clickPaymentMethod("Cash", true, { amount: "180.0" }),
            PaymentScreen.clickValidate(),
            ReceiptScreen.receiptIsThere().map((step) => ({ ...step, timeout: 60000 })),
            ReceiptScreen.clickNextOrder(),
            // Nine years old, but small: age or height, whichever favours the visitor.
            openPopup(),
            { trigger: `${POPUP} [name=height]`, run: "edit 115" },
            readDocument(citizen(9)),
            { trigger: `${POPUP} .scenic-offer-best:contains('Child Ticket')` },
            { trigger: `${POPUP} .scenic-offer-chosen:focus`, run: "press Enter" },
            Dialog.isNot(),
            Order.hasTotal("0.0"),
            // Misread: nothing is proposed, and the cashier knows why.
            openPopup(),
            readDocument("110105199003070011"),
            { trigger: `${POPUP} .scenic-concession-message:contains('does not fit the number')` },
            { trigger: button("Discard"), run: "click" },
            Dialog.isNot(),
            Chrome.endTour(),
        ].flat(Infinity),
});

registry.category("web_tour.tours").add("ScenicConcessionRefutedTour", {
    steps: () =>
        [
            Chrome.startPoS().map((step) => ({ ...step, timeout: 60000 })),
            ProductScreen.clickDisplayedProduct("Child Ticket", true, "1", "0.0"),
            ProductScreen.clickPayButton(false),
            { trigger: ".scenic-visitor-names [name=name]", run: "edit 游客" },
            { trigger: ".scenic-visitor-names [name=doc_number]", run: `edit ${citizen(15)}` },
            { trigger: button("Take these names"), run: "click" },
            // The document refutes it: a way out, not a wall.
            { trigger: `${REVIEW}:contains('says otherwise')` },
            fitsTheScreen(REVIEW),
            { trigger: `${button("Ask a Supervisor")}:disabled` },
            { trigger: `${REVIEW} [name=reason]`, run: "edit the birth certificate was lost" },
            { trigger: button("Ask a Supervisor"), run: "click" },
            { trigger: `${REVIEW}:contains('has not decided yet')` },
            { trigger: button("Check Again"), run: "click" },
            { trigger: `${REVIEW}:contains('has not decided yet')` },
            { trigger: button("Change the Order"), run: "click" },
            Dialog.isNot(),
            Order.hasLine({ productName: "Child Ticket", quantity: "1" }),
            Chrome.endTour(),
        ].flat(Infinity),
});

import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";
import { registry } from "@web/core/registry";

const NAMES = ".modal .scenic-visitor-names";
const field = (row, name) => `${NAMES} .scenic-visitor[data-row='${row}'] [name=${name}]`;

// citizen numbers of nobody: a region, a day of birth, a sequence and its check character
export const PERSONS = [
    ["张三", "11010519491231002X"],
    ["李四", "110105199003070105"],
    ["王五", "110105199003070201"],
];

/** What a reader at the keyboard sends: keys (of a tour, small letters only), and Enter. */
export function readDocument(text) {
    return [
        {
            content: `a reader sends ${text}`,
            trigger: "body",
            run: async ({ press }) => {
                for (const key of text) {
                    await press(key);
                }
                await press("Enter");
            },
        },
    ];
}

export function typeInto(trigger, text) {
    return [
        { trigger, run: `edit ${text}` },
        { trigger: `${trigger}:focus`, run: "press Enter" },
    ];
}

registry.category("web_tour.tours").add("ScenicWindowNamesTour", {
    steps: () =>
        [
            Chrome.startPoS(),
            ProductScreen.clickDisplayedProduct("Adult Ticket", true, "1", "60.0"),
            ProductScreen.clickNumpad("3"),
            ProductScreen.selectedOrderlineHas("Adult Ticket", "3", "180.0"),
            { trigger: ".order-container .scenic-names:contains('Names: 0 of 3')" },
            ProductScreen.clickPayButton(false),
            // Typed, with a mistake in the last character.
            { trigger: `${field(0, "doc_number")}:focus` },
            typeInto(field(0, "doc_number"), "110105194912310021"),
            { trigger: `${NAMES} .scenic-visitor-message:contains('check each digit')` },
            typeInto(field(0, "doc_number"), PERSONS[0][1].toLowerCase()),
            typeInto(`${field(0, "name")}:focus`, PERSONS[0][0]),
            // Read: number and name come at once, and the next person is asked for.
            { trigger: `${field(1, "doc_number")}:focus` },
            readDocument(`${PERSONS[1][1]},li si`),
            { trigger: `${field(2, "doc_number")}:focus` },
            {
                trigger: field(1, "name"),
                run: ({ anchor }) => {
                    if (anchor.value !== "li si") {
                        throw new Error(`the reader sent a name, not “${anchor.value}”`);
                    }
                },
            },
            readDocument(`${PERSONS[2][1]},wang wu`),
            // A key more, and the money is next.
            { trigger: ".modal-footer .btn-primary:focus", run: "press Enter" },
            Dialog.isNot(),
            PaymentScreen.isShown(),
            PaymentScreen.clickPaymentMethod("Cash"),
            PaymentScreen.clickValidate(),
            // many names on a slow machine
            { trigger: ".receipt-screen .pos-receipt", timeout: 60000 },
            ReceiptScreen.receiptIsThere(),
            Chrome.endTour(),
        ].flat(Infinity),
});

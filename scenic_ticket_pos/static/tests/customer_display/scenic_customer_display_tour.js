import * as CustomerDisplay from "@point_of_sale/../tests/customer_display/customer_display_utils";
import { registry } from "@web/core/registry";

// a picture, whatever it shows
const PICTURE =
    "data:image/svg+xml;charset=utf-8,%3Csvg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/%3E";
const PAID = { ...JSON.parse(CustomerDisplay.ORDER_IS_FINALIZED), scenicPhoneQr: false };

registry.category("web_tour.tours").add("ScenicCustomerDisplayTour", {
    steps: () => [
        CustomerDisplay.addProduct(PAID, "paid"),
        { trigger: "div:contains('Thank you.')" },
        CustomerDisplay.postMessage({ ...PAID, scenicPhoneQr: PICTURE }, "show the code"),
        { trigger: ".scenic-display-phone:contains('Your tickets') .scenic-display-qr" },
        CustomerDisplay.postMessage(PAID, "the cashier closes it"),
        { trigger: "body:not(:has(.scenic-display-phone)) div:contains('Thank you.')" },
    ],
});

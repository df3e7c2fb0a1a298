import { registry } from "@web/core/registry";

const PERSONS = 3;

/** An agency user orders tickets for a date, sees them, and opens their QR codes. */
registry.category("web_tour.tours").add("scenic_agency_order", {
    steps: () => [
        {
            content: "Log in",
            trigger: "form.oe_login_form input[name=login]",
            run: "edit agent.one",
        },
        {
            trigger: "form.oe_login_form input[name=password]",
            run: "edit agent.one",
        },
        {
            trigger: "form.oe_login_form button[type=submit]",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "The tile shows once its counter has come",
            trigger: ".o_portal_index_card:not(.d-none) a[href='/my/tickets']",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "Choose the date",
            trigger: ".o_scenic_order_form [name=visit_date]",
            run() {
                // In a date field typing depends on the locale of the browser
                this.anchor.value = this.anchor.max;
                this.anchor.dispatchEvent(new Event("change", { bubbles: true }));
            },
        },
        {
            content: "One person more, then type the number",
            trigger: ".o_scenic_product:first .o_scenic_more",
            run: "click",
        },
        {
            trigger: ".o_scenic_product:first .o_scenic_line_total:contains(小计):contains(90)",
        },
        {
            trigger: ".o_scenic_product:first .o_scenic_stepper input",
            run: `edit ${PERSONS}`,
        },
        {
            content: "The total follows",
            trigger: ".o_scenic_total:contains(270.00)",
        },
        {
            trigger: ".o_scenic_order_form [name=client_order_ref]",
            run: "edit TOUR-1",
        },
        {
            trigger: ".o_scenic_order_form [name=guide_name]",
            run: "edit 李导",
        },
        {
            trigger: ".o_scenic_order_form [type=submit]",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "The tickets are there",
            trigger: `.o_portal_my_doc_table:has(.o_scenic_ticket:nth-child(${PERSONS})):not(:has(.o_scenic_ticket:nth-child(${
                PERSONS + 1
            })))`,
        },
        {
            trigger: "#wrap:contains(TOUR-1):contains(李导)",
        },
        {
            trigger: "a.o_scenic_codes",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "One code for each ticket",
            trigger: `.o_scenic_codes_list:has(.o_scenic_code:nth-child(${PERSONS}) img.o_scenic_qr)`,
        },
    ],
});

import { registry } from "@web/core/registry";

/** The office adds a ticket to an agency's quotation, dates it, and confirms. */
registry.category("web_tour.tours").add("scenic_office_order", {
    steps: () => [
        {
            content: "No visit dates without tickets",
            trigger: ".o_sale_order [name=order_line]:not(:has(th[data-name=scenic_visit_date]))",
        },
        {
            trigger: "[name=order_line] .o_field_x2many_list_row_add a:first",
            run: "click",
        },
        {
            trigger: "[name=order_line] .o_selected_row [name=product_template_id] input",
            run: "edit Adult",
        },
        {
            trigger: "ul.ui-autocomplete a:contains(Adult)",
            run: "click",
        },
        {
            content: "With the ticket comes the column of its visit date",
            trigger: "[name=order_line] .o_data_row td[name=scenic_visit_date].o_required_modifier",
            run: "click",
        },
        {
            trigger: ".o_selected_row [name=scenic_visit_date] .o_input",
            run: "click",
        },
        {
            trigger: ".o_selected_row [name=scenic_visit_date] input",
            run: "edit +1d && press Tab",
        },
        {
            trigger: ".o_selected_row [name=price_unit] input:value(90.00)",
        },
        {
            trigger: "button[name=action_confirm]:visible:not(:disabled)",
            run: "click",
        },
        {
            content: "The tickets are there, and the date is fixed",
            trigger: "button[name=action_view_scenic_tickets]:contains(1)",
        },
        {
            trigger: "[name=order_line] td[name=scenic_visit_date].o_readonly_modifier",
        },
        {
            trigger: "button[name=action_view_scenic_tickets]",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row:contains(Adult)",
        },
    ],
});

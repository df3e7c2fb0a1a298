import { Interaction } from "@web/public/interaction";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { rpc } from "@web/core/network/rpc";

const PREFIX = "qty_";

/**
 * Live prices and total of the agency's order form. Without it the form still
 * works: the server checks and prices everything again.
 */
export class ScenicOrderForm extends Interaction {
    static selector = ".o_scenic_order_form";
    dynamicContent = {
        _root: { "t-on-submit": this.onSubmit },
        "[name=visit_date]": { "t-on-change": () => this.update() },
        ".o_scenic_stepper input": { "t-on-input": this.debounced(this.update, 300) },
        ".o_scenic_less": {
            "t-on-click.withTarget": (ev, target) => this.step(target, -1),
        },
        ".o_scenic_more": {
            "t-on-click.withTarget": (ev, target) => this.step(target, 1),
        },
    };

    setup() {
        this.latest = 0;
        this.sent = false;
    }

    start() {
        // A page from the browser's history keeps its fields but not its prices
        this.addListener(window, "pageshow", () => {
            this.sent = false;
            this.el.querySelector("[type=submit]").disabled = false;
        });
        return this.update();
    }

    get inputs() {
        return [...this.el.querySelectorAll(`input[name^="${PREFIX}"]`)];
    }

    step(button, difference) {
        const input = button.closest(".o_scenic_stepper").querySelector(`input[name^="${PREFIX}"]`);
        const card = button.closest(".o_scenic_product");
        const least = parseInt(card.querySelector(".o_scenic_least_value").textContent, 10);
        let persons = (parseInt(input.value, 10) || 0) + difference;
        // The first step leads to the fewest persons allowed, the last one to none
        if (persons < least) {
            persons = difference > 0 ? least : 0;
        }
        input.value = Math.max(0, persons);
        this.update();
    }

    quantities() {
        return Object.fromEntries(
            this.inputs
                .filter((input) => !["", "0"].includes(input.value.trim()))
                .map((input) => [input.name.slice(PREFIX.length), input.value.trim()])
        );
    }

    async update() {
        const turn = ++this.latest;
        const field = this.el.querySelector("[name=expected_total]");
        // Until the answer is here no total was shown, so none is agreed to
        field.value = "";
        let quote = {};
        try {
            quote = await this.waitFor(
                rpc(
                    "/my/tickets/quote",
                    {
                        visit_date: this.el.querySelector("[name=visit_date]").value,
                        quantities: this.quantities(),
                    },
                    { silent: true }
                )
            );
        } catch {
            quote = { error: _t("The price cannot be shown at the moment.") };
        }
        if (turn === this.latest) {
            this.show(quote);
            field.value = quote.total_value || "";
        }
    }

    show(quote) {
        const errors = Object.values(quote.errors || {});
        this.el.querySelector(".o_scenic_quote_error").textContent = quote.error || errors[0] || "";
        this.el.querySelector(".o_scenic_total").textContent = quote.total || "";
        this.el.querySelector(".o_scenic_persons").textContent = quote.persons
            ? _t("%s persons", quote.persons)
            : "";
        for (const card of this.el.querySelectorAll(".o_scenic_product")) {
            const id = card.dataset.productId;
            const product = quote.products && quote.products[id];
            const line = quote.lines && quote.lines[id];
            card.querySelector(".o_scenic_line_total").textContent = line
                ? _t("Subtotal %s", line.total)
                : "";
            if (product) {
                this.showProduct(card, product, line);
            }
        }
    }

    showProduct(card, product, line) {
        card.classList.toggle("o_scenic_closed", !product.orderable);
        card.querySelector(".o_scenic_window").classList.toggle("d-none", product.orderable);
        card.querySelector(".o_scenic_price").textContent = line ? line.price : product.price;
        card.querySelector(".o_scenic_least_value").textContent = product.least;
        card.querySelector(".o_scenic_least").classList.toggle("d-none", product.least <= 1);
        const tiers = product.tiers.length > 1 ? product.tiers : [];
        card.querySelector(".o_scenic_tiers").replaceChildren(
            ...tiers.map((tier) => {
                const badge = document.createElement("span");
                badge.className = "badge text-bg-light border me-1";
                badge.textContent = `${tier.least}+ : ${tier.price}`;
                return badge;
            })
        );
    }

    onSubmit(ev) {
        // A double click sends the form once; the server would know it anyway
        if (this.sent) {
            ev.preventDefault();
            return;
        }
        this.sent = true;
        this.el.querySelector("[type=submit]").disabled = true;
    }
}

registry.category("public.interactions").add("scenic_ticket_b2b.order_form", ScenicOrderForm);

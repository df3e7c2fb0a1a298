import { Interaction } from "@web/public/interaction";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";

/** Copies the guide's link; where the browser forbids it, the text is selected. */
export class ScenicShareLink extends Interaction {
    static selector = ".o_scenic_share";
    dynamicContent = {
        ".o_scenic_copy": { "t-on-click": this.copy },
    };

    async copy() {
        const input = this.el.querySelector("input");
        input.select();
        try {
            await this.waitFor(browser.navigator.clipboard.writeText(input.value));
            this.el.querySelector(".fa").className = "fa fa-check";
        } catch {
            // Left selected: the person can copy it with the keyboard
        }
    }
}

registry.category("public.interactions").add("scenic_ticket_b2b.share_link", ScenicShareLink);

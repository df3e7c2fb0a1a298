import { Component, useState } from "@odoo/owl";
import { Navbar } from "@point_of_sale/app/components/navbar/navbar";
import { usePos } from "@point_of_sale/app/hooks/pos_hook";
import { patch } from "@web/core/utils/patch";

/** How many tickets the window can sell without the server: what is at risk, always in sight. */
export class BlankStatus extends Component {
    static template = "scenic_ticket_pos.BlankStatus";
    static props = {};

    setup() {
        this.pos = usePos();
        this.blanks = useState(this.pos.scenicBlanks);
    }

    get isShown() {
        return this.blanks.ready;
    }

    get isEmpty() {
        return !this.blanks.rows.some(({ state }) => state === "left");
    }
}

patch(Navbar, { components: { ...Navbar.components, BlankStatus } });

import { Component } from "@odoo/owl";
import { Dialog } from "@web/core/dialog/dialog";

/** The address of an order's tickets, to be scanned by the visitor's phone. */
export class PhonePopup extends Component {
    static template = "scenic_ticket_pos.PhonePopup";
    static components = { Dialog };
    static props = { qr: String, close: Function };
}

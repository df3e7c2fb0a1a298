import { Component } from "@odoo/owl";

/** One ticket as it leaves the printer. */
export class TicketStub extends Component {
    static template = "scenic_ticket_pos.TicketStub";
    static props = { ticket: Object };
}

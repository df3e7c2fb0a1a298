import { Component } from "@odoo/owl";

/** One ticket as it leaves the printer. */
export class TicketStub extends Component {
    static template = "scenic_ticket_pos.TicketStub";
    static props = { ticket: Object };
}

/** A ticket on a piece of paper of its own. */
export class PrintedTicket extends Component {
    static template = "scenic_ticket_pos.PrintedTicket";
    static components = { TicketStub };
    static props = { ticket: Object };
}

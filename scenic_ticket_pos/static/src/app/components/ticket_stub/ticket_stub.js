import { Component } from "@odoo/owl";

/** One ticket as it leaves the printer. */
export class TicketStub extends Component {
    static template = "scenic_ticket_pos.TicketStub";
    static props = { ticket: Object };
}

/** Tickets on a piece of paper of their own, without a receipt. */
export class PrintedTickets extends Component {
    static template = "scenic_ticket_pos.PrintedTickets";
    static components = { TicketStub };
    static props = { tickets: Array };
}

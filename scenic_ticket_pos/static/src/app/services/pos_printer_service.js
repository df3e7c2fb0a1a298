import { OrderReceipt } from "@point_of_sale/app/screens/receipt_screen/receipt/order_receipt";
import { PosPrinterService } from "@point_of_sale/app/services/pos_printer_service";
import { PrintedTickets } from "@scenic_ticket_pos/app/components/ticket_stub/ticket_stub";
import { patch } from "@web/core/utils/patch";

patch(PosPrinterService.prototype, {
    /**
     * A receipt printer cuts after each job: the receipt is one, every ticket another, so that
     * the visitors of one order can part. Without such a printer they are one document.
     */
    async print(component, props, options) {
        const isWhole = component === OrderReceipt && !props.basic_receipt;
        if (
            isWhole &&
            props.order.scenicTicketPrinter &&
            props.order.scenicPrintableTickets.length
        ) {
            // The tickets come out of a printer of their own, and nobody wants to answer the
            // browser's print dialog for the receipt.
            return this.hardware_proxy.printer
                ? super.print(component, { ...props, ticketsApart: true }, options)
                : { successful: true };
        }
        if (!isWhole || !this.hardware_proxy.printer) {
            return super.print(...arguments);
        }
        return super.print(
            component,
            { ...props, ticketsApart: true },
            { ...options, scenicTickets: props.order.scenicPrintableTickets }
        );
    },

    /**
     * The tickets that follow go on from here, because here is where a cashier's retry comes by:
     * who changes the roll in the middle of an order gets the rest of it, and nothing twice.
     */
    async printHtml(el, options) {
        const result = await super.printHtml(...arguments);
        const [ticket, ...others] = (result && options?.scenicTickets) || [];
        return ticket
            ? this.print(
                  PrintedTickets,
                  { tickets: [ticket] },
                  { ...options, scenicTickets: others }
              )
            : result;
    },

    /** Who gives up on the printer gets what is left in the browser's print dialog. */
    async printWeb(el, options) {
        const tickets = options?.scenicTickets || [];
        if (tickets.length) {
            el.append(await this.renderer.toHtml(PrintedTickets, { tickets }));
        }
        return super.printWeb(el);
    },
});

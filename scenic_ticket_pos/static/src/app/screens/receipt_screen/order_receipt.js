import { OrderReceipt } from "@point_of_sale/app/screens/receipt_screen/receipt/order_receipt";
import { TicketStub } from "@scenic_ticket_pos/app/components/ticket_stub/ticket_stub";
import { patch } from "@web/core/utils/patch";

patch(OrderReceipt, {
    components: { ...OrderReceipt.components, TicketStub },
    props: { ...OrderReceipt.props, ticketsApart: { type: Boolean, optional: true } },
});

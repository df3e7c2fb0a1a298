import { RPCError } from "@web/core/network/rpc";

/** Whether the server has refused with a sentence for who stands here. */
export function isScenicRefusal(error) {
    return (
        error instanceof RPCError &&
        Boolean(error.exceptionName?.startsWith("odoo.addons.scenic_ticket_"))
    );
}
